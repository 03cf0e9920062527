"""An item encoded as a line of an input file."""

from typing import Any, NamedTuple

from ..errors import RequestError
from ..requests.endpoints import Endpoint, embedding_inputs
from ..requests.items import encode_body, encode_line
from .token_sizes import ItemTokens, item_tokens


class Line(NamedTuple):
    """One encoded item on its way into an input file; `inputs` counts embedding inputs, 0 elsewhere."""

    row: int
    custom_id: str
    model: str
    content: bytes
    inputs: int
    tokens: ItemTokens = ItemTokens()


def encode_row_body(body: dict[str, Any], row: int) -> bytes:
    """A body as JSON, for the item of a row.

    Raises:
        RequestError: the body holds something that JSON cannot say; the message names the row.
    """
    try:
        return encode_body(body)
    except TypeError as error:
        raise RequestError(f"Row {row + 1:,} cannot be sent as JSON: {error}.", row=row) from error


def make_line(row: int, custom_id: str, endpoint: Endpoint, body: dict[str, Any], encoded: bytes) -> Line:
    """The line of an item, whose body is given as it is and as `encode_row_body` encodes it."""
    return Line(
        row=row,
        custom_id=custom_id,
        model=str(body.get("model")),
        content=encode_line(custom_id, endpoint, encoded),
        inputs=embedding_inputs(body) if endpoint == Endpoint.EMBEDDINGS else 0,
        tokens=item_tokens(endpoint, body),
    )
