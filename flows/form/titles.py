"""The titles of the form's fields, and refusals that name them."""

from collections.abc import Iterator
from contextlib import contextmanager

from ...batch.errors import (
    AccessError,
    AnswerSchemaError,
    BudgetError,
    CustomIdError,
    DatabaseError,
    DestinationError,
    ItemTooLarge,
    ModelNotFound,
    OpenAIBatchError,
    RequestError,
    SourceError,
    StorageError,
    WaitError,
)

ACCOUNT = "Account"
TABLE = "Table"
QUESTION = "What to ask about each row"
ANSWER = "Columns of the answer"
MODEL = "Model"
RESULT = "Where the result goes"
REPLACE = "Replace an older result"
ROWS = "Only the first rows"
BUDGET = "Budget in US dollars"
SUSPEND = "Free the worker while waiting"

FIELDS: dict[type[OpenAIBatchError], str] = {
    AccessError: ACCOUNT,
    SourceError: TABLE,
    RequestError: QUESTION,
    AnswerSchemaError: ANSWER,
    CustomIdError: TABLE,
    ItemTooLarge: TABLE,
    DatabaseError: TABLE,
    ModelNotFound: MODEL,
    DestinationError: RESULT,
    StorageError: RESULT,
    BudgetError: BUDGET,
    WaitError: SUSPEND,
}
"""Which field an error is about."""


@contextmanager
def fields_named() -> Iterator[None]:
    """Let what is refused begin with the title of the form's field that it is about."""
    try:
        yield
    except OpenAIBatchError as error:
        if title := FIELDS.get(type(error)):
            error.args = (f"{title}: {error}",)
        raise
