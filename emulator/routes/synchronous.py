"""The synchronous endpoints: one item asked and answered at once, by the same answers as in a batch."""

from functools import partial
from hashlib import sha256
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..answers.bodies.endpoints import ENDPOINTS
from ..answers.exchange import Answer, Asked
from ..answers.lines import account_line
from ..engine.validation import required_input
from ..errors import ApiError
from .context import Context, json_body


def synchronous_routes(context: Context, prefix: str) -> list[Route]:
    """One route for each endpoint that batches take."""
    return [
        Route(f"{prefix}{endpoint.removeprefix('/v1')}", partial(_serve, context, endpoint), methods=["POST"])
        for endpoint in ENDPOINTS
    ]


async def _serve(context: Context, endpoint: str, request: Request) -> Response:
    body = await json_body(request)
    _check(context, endpoint, body)
    answer = await run_in_threadpool(_answer, context, endpoint, body)
    return Response(answer.body, answer.status, media_type="application/json")


def _check(context: Context, endpoint: str, body: dict[str, Any]) -> None:
    """Refuse what validation refuses in a batch.

    Raises:
        ApiError: 400, the body is incomplete or asks for a stream; 404, the model is not known, or another where
            it is of another kind.
    """
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise ApiError(400, "you must provide a model parameter")
    context.models.check(model, endpoint)
    needed = required_input(endpoint)
    if needed and body.keys().isdisjoint(needed):
        message = f"Missing required parameter: '{needed[0]}'."
        raise ApiError(400, message, param=needed[0], code="missing_required_parameter")
    if body.get("stream"):
        raise ApiError(400, "This server does not stream.", param="stream", code="unsupported_value")


def _answer(context: Context, endpoint: str, body: dict[str, Any]) -> Answer:
    """The answer to one body, put to account."""
    body_sha256 = sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    number = context.store.next_number("call")
    asked = Asked("", body, body_sha256, f"ffff{number:08x}{body_sha256[:36]}", int(context.clock.now()))
    (answer,) = context.engine.answer(endpoint, [asked])
    context.store.add_call(account_line(asked, answer, None))
    return answer
