"""An extension of griffe's: what is said to Prefect's form is shown in the reference as its readers need it."""

import ast
from typing import Any

import griffe


class FormTexts(griffe.Extension):
    """Takes `Field(…)` apart: its description is the field's text, its default the value."""

    def on_attribute(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """A field of a model or a block."""
        attr.annotation = _plain(attr.annotation)
        if isinstance(attr.value, griffe.ExprCall) and str(attr.value.function) == "Field":
            said = {one.name: one.value for one in attr.value.arguments if isinstance(one, griffe.ExprKeyword)}
            if "description" in said and attr.docstring is None:
                attr.docstring = griffe.Docstring(ast.literal_eval(str(said["description"])), parent=attr)
            attr.value = said.get("default")

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """A flow's parameters: their own texts say what the form is told."""
        for parameter in func.parameters:
            parameter.annotation = _plain(parameter.annotation)


def _plain(annotation: Any) -> Any:
    """Of `Annotated[str, Field(…)]` the `str`."""
    if isinstance(annotation, griffe.ExprSubscript) and str(annotation.left) == "Annotated":
        assert isinstance(annotation.slice, griffe.ExprTuple)
        return annotation.slice.elements[0]
    return annotation
