"""What requests to a language model share."""

from pydantic import Field

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
