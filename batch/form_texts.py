"""What a form shows of a model or a flow: its titles and texts, and the fields that may be left out."""

from typing import Any

from pydantic import Field


def titled(title: str, *, prefilled: str | None = None, **constraints: Any) -> Any:
    """What gives a flow's parameter its title in the form; it stands in the parameter's `Annotated`.

    Prefect takes a title from nowhere else; the text below it stands in the flow's docstring.

    Args:
        title: The title.
        prefilled: What the field of a parameter without a default opens with. It is required all the same: a field
            that is emptied says so, where one with a default would take that without a word.
        constraints: As pydantic's `Field` takes them.
    """
    extra = {"title": title} if prefilled is None else {"title": title, "default": prefilled}
    return Field(json_schema_extra=dict(extra), **constraints)


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
