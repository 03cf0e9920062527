"""What is expected of the answers: the columns of the table that hold the true ones."""

from collections.abc import Iterable, Mapping

import pyarrow as pa

from ..errors import RequestError
from ..requests.endpoints import Endpoint
from ..requests.request import Request

Expected = Mapping[str, str]
"""The column that holds the true answer, by the field of the answers."""

ANSWER = "answer"
"""What is compared where answers are not typed: their text."""


def compared_fields(request: Request) -> list[str]:
    """What of a request's answers can be compared: the fields of typed ones, else their text; no vectors."""
    if request.answer_type is not None:
        return [field.name for field in request.answer_type.columns]
    return [] if request.endpoint == Endpoint.EMBEDDINGS else [ANSWER]


def read_expected(given: Iterable[str]) -> dict[str, str]:
    """Pairs such as `sentiment=label`, a field of the answers and the column that holds the true one.

    Raises:
        RequestError: one is no such pair, or names a field that was named before.
    """
    expected: dict[str, str] = {}
    for pair in given:
        field, equals, column = (part.strip() for part in pair.partition("="))
        if not (field and equals and column):
            raise RequestError(f"{pair!r} does not say what is expected: FIELD=COLUMN, as sentiment=label.")
        if field in expected:
            raise RequestError(f"{pair!r}: another column is expected of {field!r} already.", field=field)
        expected[field] = column
    return expected


def check_expected(expected: Expected, request: Request, table: pa.Schema) -> None:
    """Refuse expectations that nothing could be compared with.

    Raises:
        RequestError: the answers have no such field, or the table no such column, or it holds bytes; the message
            names what there is.
    """
    fields = compared_fields(request)
    for field, column in expected.items():
        if field not in fields:
            there = f"It has {', '.join(fields)}." if fields else "Vectors cannot be compared."
            raise RequestError(f"{field}={column}: an answer has no field {field!r}. {there}", field=field)
        if column not in table.names:
            raise RequestError(
                f"{field}={column}: the table has no column {column!r}. Its columns: {', '.join(table.names)}.",
                column=column,
            )
        if _holds_bytes(table.field(column).type):
            raise RequestError(
                f"{field}={column}: the column {column!r} holds bytes, which no answer says. Make it text first.",
                column=column,
            )


def _holds_bytes(kind: pa.DataType) -> bool:
    inside = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_binary(inside)
        or pa.types.is_large_binary(inside)
        or pa.types.is_fixed_size_binary(inside)
        or pa.types.is_binary_view(inside)
    )
