"""What a form shows of a model's docstring."""

from typing import Any


def without_example(schema: dict[str, Any]) -> None:
    """Leave a docstring's example out of a model's schema: a form shows the text as it stands."""
    if "description" in schema:
        schema["description"] = schema["description"].partition("\n\nExample:")[0]
