"""Ask a model by chat completions."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from .base_request import Ways
from .endpoints import Endpoint
from .prompt_request import PromptRequest


class ChatRequest(PromptRequest, title="Chat"):
    """Ask a model by chat completions.

    Example:
        ```python
        from prefect_openai_batch import ChatRequest

        request = ChatRequest(
            model="gpt-5-mini",
            system="You label customer reviews.",
            prompt="How is this review of {{ product }} meant? {{ review }}",
            answer={"sentiment": "positive | negative | mixed", "reason": "text?"},
            parameters={"reasoning_effort": "minimal"},
        )
        item = request.item("R-0001", {"product": "kettle", "review": "Boils in no time."})
        ```
    """

    kind: Literal["chat"] = Field(default="chat", title="Kind")
    system: str | None = Field(
        default=None,
        title="System message",
        description="What stands before the prompt in each conversation; a template too.",
        examples=["You label product reviews. Answer with one word."],
    )
    messages: list[dict[str, Any]] | None = Field(
        default=None,
        title="Messages",
        description="A whole conversation in place of prompt, system and image; its strings are templates.",
        examples=[[{"role": "user", "content": "Translate into French: {{ text }}"}]],
    )

    own_fields: ClassVar[frozenset[str]] = frozenset({"model", "stream", "messages"})
    ways: ClassVar[Ways] = {"prompt": ("system", "image"), "messages": (), "function": ()}
    meant: ClassVar[Mapping[str, str]] = {"instructions": "system", "input": "prompt"}

    @property
    def endpoint(self) -> Endpoint:
        """Chat completions."""
        return Endpoint.CHAT_COMPLETIONS

    def body_template(self) -> dict[str, Any]:
        """The model and the messages."""
        return {"model": self.model, "messages": self._messages()}

    def _messages(self) -> list[dict[str, Any]]:
        if self.messages is not None:
            return self.messages
        content: Any = self.prompt
        if self.image is not None:
            content = [
                {"type": "text", "text": self.prompt},
                {"type": "image_url", "image_url": {"url": self.image}},
            ]
        user = {"role": "user", "content": content}
        return [user] if self.system is None else [{"role": "system", "content": self.system}, user]

    def structured(self, asked: dict[str, Any]) -> dict[str, Any]:
        """As `response_format`."""
        if "response_format" in self.parameters:
            raise ValueError("response_format is made of `answer`: leave one of the two out")
        return {"response_format": {"type": "json_schema", "json_schema": asked}}

    def body_of(self, returned: Any) -> dict[str, Any]:
        """A list is the messages, a text the prompt, a mapping the body."""
        if isinstance(returned, str):
            returned = [{"role": "user", "content": returned}]
        return {"messages": returned} if isinstance(returned, list) else dict(returned)
