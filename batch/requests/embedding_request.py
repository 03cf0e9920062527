"""Turn a text of each row into a vector."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from .base_request import BaseRequest, Ways, model_field
from .endpoints import Endpoint


class EmbeddingRequest(BaseRequest, title="Embeddings"):
    """Turn a text of each row into a vector.

    Vectors are asked for in base64: fewer bytes than numbers, and read several times as fast. For a server that
    does not take that, say `parameters={"encoding_format": "float"}`.

    Example:
        ```python
        from prefect_openai_batch import EmbeddingRequest

        request = EmbeddingRequest(model="text-embedding-3-small", input="{{ product }}: {{ review }}")
        item = request.item("R-0001", {"product": "kettle", "review": "Boils in no time."})
        ```
    """

    kind: Literal["embedding"] = Field(default="embedding", title="Kind")
    model: str = model_field("text-embedding-3-small")
    input: str | None = Field(
        default=None,
        title="Input",
        description="The text to embed: a Jinja template over the row's columns.",
        examples=["{{ title }}\n{{ body }}"],
    )
    dimensions: int | None = Field(
        default=None,
        ge=1,
        title="Dimensions",
        description="The length of the vectors, where the model lets one choose.",
        examples=[256],
    )

    own_fields: ClassVar[frozenset[str]] = frozenset({"model", "stream", "input", "dimensions"})
    ways: ClassVar[Ways] = {"input": ("dimensions",), "function": ()}
    meant: ClassVar[Mapping[str, str]] = {"prompt": "input"}

    @property
    def endpoint(self) -> Endpoint:
        """Embeddings."""
        return Endpoint.EMBEDDINGS

    def body_template(self) -> dict[str, Any]:
        """The model, the input and the dimensions."""
        body = {"model": self.model, "input": self.input, "dimensions": self.dimensions}
        return {name: value for name, value in body.items() if value is not None}

    def sent_parameters(self) -> dict[str, Any]:
        """In base64, unless they say otherwise."""
        return {"encoding_format": "base64", **self.parameters}

    def body_of(self, returned: Any) -> dict[str, Any]:
        """A text is the input, a mapping the body."""
        return {"input": returned} if isinstance(returned, str) else dict(returned)
