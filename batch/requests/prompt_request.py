"""What requests to a language model share."""

from abc import abstractmethod
from typing import Any, Self, cast

from pydantic import Field, model_validator

from ..schemas.answer_types import AnswerType
from ..schemas.schema_keywords import Schema
from ..schemas.structured_outputs import AnswerFields, forced_tool, named_schema, tool_with_schema
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
    answer: AnswerFields = Field(
        default=None,
        title="Answer",
        description="The columns to be made of each answer: an item for each, with its name and kind; or JSON "
        "Schema. Without any, the answer is one column of text, as it comes.",
        examples=[[{"name": "sentiment", "kind": "choice", "choices": ["positive", "negative", "mixed"]}]],
    )

    retry_invalid: bool = Field(
        default=True,
        title="Ask again what is invalid",
        description="Whether a row whose answer breaks its schema goes again, as far as there are rounds.",
    )

    @property
    def answer_type(self) -> AnswerType | None:
        """What each answer is, by its strict JSON Schema; None where it is taken as it comes."""
        return None if self.answer is None else AnswerType(cast(Schema, self.answer), self.retry_invalid)

    @abstractmethod
    def structured(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The fields of the body that ask for structured output, where `asked` says which.

        Raises:
            ValueError: the parameters hold such fields already.
        """

    def sent_parameters(self) -> dict[str, Any]:
        """The parameters, and what asks for a typed answer."""
        if self.answer_type is None:
            return self.parameters
        schema, tool = self.answer_type.schema, forced_tool(self.parameters)
        if tool is not None:
            return {**self.parameters, "tools": [tool_with_schema(tool, schema, self.model)]}
        return {**self.parameters, **self.structured(named_schema(schema, self.model))}

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        self.sent_parameters()
        return self
