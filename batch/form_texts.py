"""What a form shows of a model: its texts, and its fields that may be left out."""

from typing import Any


def without_example(schema: dict[str, Any]) -> None:
    """Leave a docstring's example out of a model's schema: a form shows the text as it stands."""
    if "description" in schema:
        schema["description"] = schema["description"].partition("\n\nExample:")[0]


def without_none(field: dict[str, Any]) -> None:
    """Leave None out of a field's schema: a form then opens the field at once, in place of a tab that says None.

    A field that is left alone is left out; Prefect's server takes None for any that is not required and has no
    default.
    """
    others = [one for one in field.get("anyOf", []) if one != {"type": "null"}]
    if len(others) == 1:
        del field["anyOf"]
        field.update(others[0])
    if field.get("default", ...) is None:
        del field["default"]
