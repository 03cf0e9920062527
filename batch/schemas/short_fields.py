"""An answer's fields in few words, as a person writes them: `sentiment: positive | negative`, `reason: text?`."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import AnswerSchemaError
from ..form_texts import without_example

Kind = Literal["text", "number", "integer", "yes or no", "date", "choice"]
"""What one field of an answer is."""

_JSON: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "yes or no": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
}
_LIST = "list of "


class AnswerField(BaseModel):
    """One field of an answer: its name and what it is.

    Example:
        ```python
        from prefect_openai_batch import AnswerField, ChatRequest

        request = ChatRequest(
            model="gpt-5-mini",
            prompt="Label this review: {{ review }}",
            answer=[AnswerField(name="mood", kind="choice", choices=["happy", "angry"]), AnswerField(name="why")],
        )
        ```
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", title="An answer's field", json_schema_extra=without_example
    )

    name: str = Field(
        title="Column name",
        min_length=1,
        description="What the column is called in the results, such as sentiment.",
    )
    kind: Kind = Field(
        default="text",
        title="Kind of answer",
        description="What the column holds; a choice has its words added below.",
    )
    choices: list[str] = Field(
        default_factory=list,
        title="Choices",
        description="The words to choose from, one an item, such as positive; only for a choice, or a text.",
    )
    several: bool = Field(
        default=False, title="A list of these", description="Whether one answer may hold several of them."
    )
    optional: bool = Field(
        default=False, title="May be left empty", description="Whether the model may answer nothing here."
    )
    description: str = Field(
        default="", title="What is meant", description="Told to the model, such as: how sure it is, from 0 to 1."
    )

    def json_schema(self) -> dict[str, Any]:
        """The field as a property of a JSON Schema.

        Raises:
            AnswerSchemaError: a choice has no words, or one twice, or another kind than choice and text has some.
        """
        place = f"answer.{self.name}"
        if self.kind == "choice" and not self.choices:
            raise AnswerSchemaError(f"{place} is a choice: name the words to choose from", place=place)
        if self.choices and self.kind not in ("choice", "text"):
            raise AnswerSchemaError(
                f"{place} has words to choose from: its kind is choice, not {self.kind}", place=place
            )
        twice = next((word for word, times in Counter(self.choices).items() if times > 1), None)
        if twice is not None:
            raise AnswerSchemaError(f"{place} has the word {twice!r} twice to choose from", place=place)
        schema = {"type": "string", "enum": self.choices} if self.choices else _JSON[self.kind]
        if self.several:
            schema = {"type": "array", "items": schema}
        return {**schema, "description": self.description} if self.description else dict(schema)


def fields_schema(fields: Iterable[AnswerField]) -> dict[str, Any]:
    """The JSON Schema of an answer with these fields; one that is not required may be left empty.

    Raises:
        AnswerSchemaError: there is none, two have one name, or one is not whole.
    """
    properties: dict[str, Any] = {}
    required: list[str] = []
    for field in fields:
        if field.name in properties:
            raise AnswerSchemaError(f"answer.{field.name} stands twice", place=f"answer.{field.name}")
        properties[field.name] = field.json_schema()
        required += [] if field.optional else [field.name]
    return {"type": "object", "properties": properties, "required": required}


def parse_field(name: str, words: str) -> AnswerField:
    """A field from its name and a few words, with a description in brackets at the end.

    The words are a kind (`text`, `number`, `integer`, `yes or no`, `date`), words to choose from with `|` between
    them, or `list of` one of these; a `?` at the end says that it may be left empty.

    Raises:
        AnswerSchemaError: they say nothing of the kind.

    Example:
        ```python
        from prefect_openai_batch.batch.schemas.short_fields import parse_field

        assert parse_field("topics", "list of price | quality? (what it is about)").several
        ```
    """
    kind, description = _split_description(words.strip())
    optional = kind.endswith("?")
    kind = kind.removesuffix("?").strip()
    several = kind.startswith(_LIST)
    kind = kind.removeprefix(_LIST).strip()
    choices = [word.strip() for word in kind.split("|")] if "|" in kind else []
    if not all(choices) or (not choices and kind not in _JSON):
        raise AnswerSchemaError(
            f"answer.{name}: {words!r} is no kind of answer: say {', '.join(_JSON)}, the words to choose from "
            "(yes | no | maybe), or `list of` one of these; a `?` at the end where it may be left empty, "
            "and what is meant in brackets.",
            place=f"answer.{name}",
        )
    try:
        return AnswerField(
            name=name.strip(),
            kind="choice" if choices else kind,  # looked up above
            choices=choices,
            several=several,
            optional=optional,
            description=description,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise AnswerSchemaError(f"answer: {first['msg']}", place="answer") from None


def _split_description(words: str) -> tuple[str, str]:
    if words.endswith(")") and "(" in words:
        kind, _, description = words[:-1].partition("(")
        return kind.strip(), description.strip()
    return words, ""


def parse_fields(fields: Mapping[str, str]) -> list[AnswerField]:
    """Fields by their names, each in a few words, as a request file holds them.

    Raises:
        AnswerSchemaError: the words of one say nothing of the kind.
    """
    return [parse_field(name, words) for name, words in fields.items()]
