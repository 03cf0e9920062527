"""Ask a model by the Responses API."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from .base_request import Ways
from .endpoints import Endpoint
from .prompt_request import PromptRequest


class ResponsesRequest(PromptRequest, title="Responses"):
    """Ask a model by the Responses API.

    Example:
        ```python
        from prefect_openai_batch import ResponsesRequest

        request = ResponsesRequest(
            model="gpt-5-mini",
            instructions="You describe products for blind readers.",
            prompt="Describe this {{ product }}.",
            image="{{ photo_url }}",
        )
        item = request.item("R-0001", {"product": "kettle", "photo_url": "https://example.com/kettle.jpg"})
        ```
    """

    kind: Literal["responses"] = Field(default="responses", title="Kind")
    instructions: str | None = Field(
        default=None,
        title="Instructions",
        description="What the model is told before the prompt; a template too.",
        examples=["You label product reviews. Answer with one word."],
    )
    input: list[dict[str, Any]] | None = Field(
        default=None,
        title="Input",
        description="A whole list of input items in place of prompt and image; its strings are templates.",
        examples=[[{"role": "user", "content": "Translate into French: {{ text }}"}]],
    )

    own_fields: ClassVar[frozenset[str]] = frozenset({"model", "stream", "input", "instructions"})
    ways: ClassVar[Ways] = {"prompt": ("instructions", "image"), "input": ("instructions",), "function": ()}
    meant: ClassVar[Mapping[str, str]] = {"system": "instructions", "messages": "input"}

    @property
    def endpoint(self) -> Endpoint:
        """Responses."""
        return Endpoint.RESPONSES

    def body_template(self) -> dict[str, Any]:
        """The model, the instructions and the input."""
        body = {"model": self.model, "instructions": self.instructions, "input": self._input()}
        return {name: value for name, value in body.items() if value is not None}

    def _input(self) -> Any:
        if self.input is not None:
            return self.input
        if self.image is None:
            return self.prompt
        content = [
            {"type": "input_text", "text": self.prompt},
            {"type": "input_image", "image_url": self.image},
        ]
        return [{"role": "user", "content": content}]

    def structured(self, asked: dict[str, Any]) -> dict[str, Any]:
        """As `text.format`, beside what else `text` says."""
        said = self.parameters.get("text", {})
        if "format" in said:
            raise ValueError("text.format is made of `answer`: leave one of the two out")
        return {"text": {**said, "format": {"type": "json_schema", **asked}}}

    def body_of(self, returned: Any) -> dict[str, Any]:
        """A list is the input items, a text the prompt, a mapping the body."""
        return {"input": returned} if isinstance(returned, str | list) else dict(returned)
