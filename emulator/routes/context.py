"""What every route needs, and how routes answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from ..answers.models import Models, models_of
from ..clock import Clock
from ..engine.engine import Engine
from ..engine.records import BatchRecord, FileRecord
from ..engine.store import Store
from ..engine.webhooks import Webhooks
from ..errors import ApiError, invalid_type
from ..faults.script import Faults
from ..settings import ServerSettings
from .rates import Rates
from .view import View, Wire

Record = TypeVar("Record", BatchRecord, FileRecord)


@dataclass(frozen=True)
class Context:
    """The parts of one running server."""

    settings: ServerSettings
    clock: Clock
    store: Store
    engine: Engine
    faults: Faults
    view: View
    rates: Rates
    webhooks: Webhooks

    @property
    def models(self) -> Models:
        """The models that the server knows."""
        return models_of(self.settings)


def answer(
    value: object, status: int = 200, *, end: bytes = b"", headers: dict[str, str] | None = None
) -> Response:
    """A JSON answer, indented as OpenAI indents it."""
    body = orjson.dumps(value, option=orjson.OPT_INDENT_2) + end
    return Response(body, status, headers, media_type="application/json")


def answer_error(error: ApiError) -> Response:
    """A refusal."""
    return answer(error.body, error.status, headers=error.headers)


async def json_body(request: Request) -> dict[str, Any]:
    """The request's JSON object.

    Raises:
        ApiError: 400, the body is no JSON object.
    """
    try:
        value = orjson.loads(await request.body() or b"{}")
    except orjson.JSONDecodeError:
        message = "We could not parse the JSON body of your request."
        raise ApiError(400, message) from None
    if not isinstance(value, dict):
        raise invalid_type("body", "an object", value)
    return value


def query_limit(request: Request, default: int, most: int) -> int:
    """The query's `limit`.

    Raises:
        ApiError: 400, it is no whole number from 1 to `most`.
    """
    text = request.query_params.get("limit")
    if text is None:
        return default
    try:
        limit = int(text)
    except ValueError:
        message = f"Invalid type for 'limit': expected an integer, but got '{text}' instead."
        raise ApiError(400, message, param="limit", code="invalid_type") from None
    if not 1 <= limit <= most:
        bound, code = (
            ("minimum value >= 1", "below_min") if limit < 1 else (f"maximum value <= {most}", "above_max")
        )
        kind = code.replace("_", " ")
        message = f"Invalid 'limit': integer {kind} value. Expected a {bound}, but got {limit} instead."
        raise ApiError(400, message, param="limit", code=f"integer_{code}_value")
    return limit


def page(
    records: list[Record], after: str | None, limit: int, show: Callable[[Record], Wire], no_id: str | None = None
) -> Wire:
    """One page of a list, after the record with this id; an empty one has `no_id` for its first and last.

    Raises:
        ApiError: 400, there is no such record.
    """
    start = 0
    if after is not None:
        start = 1 + next((place for place, record in enumerate(records) if record.id == after), -1)
        if start == 0:
            raise ApiError(400, f"Invalid value for 'after': '{after}' is not in the list.", param="after")
    shown = records[start : start + limit]
    return {
        "object": "list",
        "data": [show(record) for record in shown],
        "first_id": shown[0].id if shown else no_id,
        "last_id": shown[-1].id if shown else no_id,
        "has_more": len(records) > start + limit,
    }
