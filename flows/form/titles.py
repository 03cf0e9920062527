"""The titles of the form's fields, and refusals that name them."""

import re
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

DEPLOYER = "For whoever deployed this form"
"""What no field is about: a storage or an answer store that the deployment names."""

FIELDS: dict[type[OpenAIBatchError], str] = {
    AccessError: ACCOUNT,
    SourceError: TABLE,
    RequestError: QUESTION,
    AnswerSchemaError: ANSWER,
    CustomIdError: TABLE,
    ItemTooLarge: TABLE,
    DatabaseError: DEPLOYER,
    ModelNotFound: MODEL,
    DestinationError: RESULT,
    StorageError: DEPLOYER,
    BudgetError: BUDGET,
    WaitError: SUSPEND,
}
"""Which field an error is about."""

WAYS_OUT = {
    re.compile(r"\(--overwrite, if_exists='replace'\)"): f"({REPLACE})",
    re.compile(r'give the column the type "text" to keep it as .*? \(types: .*?; --type ".*?"\)'): "write all its "
    "values as text in the file",
    re.compile(
        r"the options price_in and price_out \(--price-in, --price-out\), in US dollars for a million "
        r"tokens, or the prices of the credentials block"
    ): "in the prices of the account's block",
}
"""Ways out that are none in a form, and what is one there."""


@contextmanager
def fields_named() -> Iterator[None]:
    """Let what is refused begin with the title of the form's field that it is about."""
    try:
        yield
    except OpenAIBatchError as error:
        title = next((FIELDS[kind] for kind in type(error).__mro__ if kind in FIELDS), None)
        if title is not None:
            error.args = (f"{title}: {_as_in_the_form(str(error))}",)
        raise


def _as_in_the_form(said: str) -> str:
    for way, there in WAYS_OUT.items():
        said = way.sub(there, said)
    return said
