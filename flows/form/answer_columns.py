"""A column to be made of each answer, as the form asks for it."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ...batch.errors import AnswerSchemaError
from ...batch.schemas.short_fields import AnswerField, Kind

FormKind = Literal["text", "choice", "number", "whole number", "yes or no", "date"]
"""What a column holds, in a person's words."""

KINDS: dict[FormKind, Kind] = {
    "text": "text",
    "choice": "choice",
    "number": "number",
    "whole number": "integer",
    "yes or no": "yes or no",
    "date": "date",
}


class AnswerColumn(BaseModel):
    """A column to be made of each answer.

    Its choices are one text: a list of texts would take two clicks a word.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", title="Column")

    name: str = Field(
        title="Column name",
        min_length=1,
        description="What the column is called in the result, such as sentiment.",
    )
    kind: FormKind = Field(
        default="text", title="Kind of answer", description="What the column holds; a choice has its words below."
    )
    choices: str = Field(
        default="",
        title="Choices",
        description="For a choice: the words to choose from, with commas between them, or one a line.",
    )
    meaning: str = Field(
        default="",
        title="What is meant",
        description="Told to the model, such as: how the customer feels, whatever the stars say.",
    )

    def as_field(self) -> AnswerField:
        """The column as a request takes it.

        Raises:
            AnswerSchemaError: it has no name, is a choice of less than two words or has one twice, or is none and
                has words.
        """
        name, words = self.name.strip(), self.words()
        problem = ""
        if not name:
            problem = "a column has no name"
        elif self.kind == "choice" and len(words) < 2:
            problem = (
                f"{name} is a choice: fill in two words or more to choose from, with commas between them, such "
                "as: positive, negative, mixed"
            )
        elif words and self.kind != "choice":
            problem = f"{name} has words to choose from, so its kind of answer is choice, not {self.kind}"
        elif len(set(words)) < len(words):
            problem = f"{name} has the word {_twice(words)} twice to choose from"
        if problem:
            raise AnswerSchemaError(f"{problem}.", place=name)
        return AnswerField(name=name, kind=KINDS[self.kind], choices=words, description=self.meaning.strip())

    def words(self) -> list[str]:
        """The words to choose from; where they stand one a line, commas belong to them."""
        separator = "\n" if "\n" in self.choices.strip() else ","
        return [word for word in map(str.strip, self.choices.split(separator)) if word]


def fields_of(columns: Sequence[AnswerColumn]) -> list[AnswerField]:
    """The columns as a request takes them.

    Raises:
        AnswerSchemaError: one of them is not whole, or two have one name.
    """
    fields = [column.as_field() for column in columns]
    names = [field.name for field in fields]
    if len(set(names)) < len(names):
        raise AnswerSchemaError(f"two columns are called {_twice(names)}: give each a name of its own.")
    return fields


def _twice(words: Sequence[str]) -> str:
    return next(word for word in words if words.count(word) > 1)
