"""What requests to a language model share."""

from typing import Any, ClassVar

from pydantic import Field, model_validator

from .base_request import BaseRequest, model_field


class PromptRequest(BaseRequest):
    """What chat and responses share: a prompt, or a whole conversation, and perhaps an image."""

    model: str = model_field("gpt-5-mini")
    prompt: str | None = Field(
        default=None,
        title="Prompt",
        description="What each row's model is asked: a Jinja template over its columns. "
        'A column with blanks in its name is read as {{ row["Review text"] }}.',
        examples=["Is this review positive or negative? {{ review }}"],
    )
    image: str | None = Field(
        default=None,
        title="Image",
        description="A template that gives a link to an image, or a data URL, sent along with the prompt.",
        examples=["{{ photo_url }}"],
    )

    @model_validator(mode="after")
    def _one_way_to_ask(self) -> "PromptRequest":
        ways = [self.prompt, self._conversation(), self.function]
        if sum(way is not None for way in ways) != 1:
            raise ValueError(f"give one of prompt, {self._conversation_field} and function")
        return self

    _conversation_field: ClassVar[str]

    def _conversation(self) -> Any:
        return getattr(self, self._conversation_field)
