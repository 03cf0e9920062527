"""An extension of griffe's: of `Annotated[str, Field(…)]` the reference shows `str`."""

from typing import Any

import griffe


class PlainAnnotations(griffe.Extension):
    """Leaves what is said to Prefect's form out of signatures: the parameters' own texts say it."""

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Once a function is read."""
        for parameter in func.parameters:
            annotation = parameter.annotation
            if isinstance(annotation, griffe.ExprSubscript) and str(annotation.left) == "Annotated":
                assert isinstance(annotation.slice, griffe.ExprTuple)
                parameter.annotation = annotation.slice.elements[0]
