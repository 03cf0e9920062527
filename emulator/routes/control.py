"""The routes under /emulator/, by which tests look at the server and move its clock."""

from collections.abc import Callable
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ..engine import bill
from ..errors import ApiError
from ..faults.script import Script
from .context import Context, answer, json_body
from .view import batch_object, file_object


def control_routes(context: Context, log: Callable[[], list[dict[str, Any]]]) -> list[Route]:
    """Bill, state, clock and log."""

    async def show_bill(request: Request) -> Response:
        if request.query_params.get("items") == "1":
            return StreamingResponse(bill.item_lines(context.store), media_type="application/jsonl")
        return answer(await run_in_threadpool(bill.totals, context.store))

    async def show_state(_: Request) -> Response:
        return answer(state(context))

    async def show_log(_: Request) -> Response:
        lines = [orjson.dumps(entry) + b"\n" for entry in log()]
        return Response(b"".join(lines), media_type="application/jsonl")

    async def move_clock(request: Request) -> Response:
        seconds = (await json_body(request)).get("advance", 0)
        return answer({"now": await run_in_threadpool(advance, context, seconds)})

    async def put_faults(request: Request) -> Response:
        script = load_faults(context, await json_body(request))
        return answer(script.model_dump(mode="json"))

    async def show_faults(_: Request) -> Response:
        return answer(context.faults.script.model_dump(mode="json"))

    return [
        Route("/emulator/faults", put_faults, methods=["PUT"]),
        Route("/emulator/faults", show_faults, methods=["GET"]),
        Route("/emulator/bill", show_bill, methods=["GET"]),
        Route("/emulator/state", show_state, methods=["GET"]),
        Route("/emulator/log", show_log, methods=["GET"]),
        Route("/emulator/clock", move_clock, methods=["POST"]),
    ]


def load_faults(context: Context, value: object) -> Script:
    """Take a new script of faults; its counts begin anew.

    Raises:
        ApiError: 400, it is no such script.
    """
    try:
        script = value if isinstance(value, Script) else Script.model_validate(value)
    except ValidationError as error:
        raise ApiError(400, f"These are no faults: {error}", param="faults") from None
    context.faults.load(script)
    return script


def state(context: Context) -> dict[str, Any]:
    """Batches and files as the API shows them, the newest first, and the clock.

    `took` is how long each completed batch took, in seconds on the clock: the API's own times are whole seconds.
    """
    now = context.clock.now()
    with context.store.lock:
        batches = sorted(context.store.batches.values(), key=lambda batch: -batch.number)
        return {
            "clock": {"now": now, "speed": context.clock.speed},
            "batches": [batch_object(batch) for batch in batches],
            "took": {batch.id: batch.completed_at - batch.created_at for batch in batches if batch.completed_at},
            "files": [file_object(file) for file in reversed(context.store.live_files(now))],
        }


def advance(context: Context, seconds: float) -> float:
    """Move the clock, and return when everything that was due has happened.

    Raises:
        ApiError: 400, the clock cannot move so.
    """
    try:
        now = context.engine.leap(float(seconds))
    except (TypeError, ValueError) as error:
        raise ApiError(400, f"The clock cannot be moved by {seconds!r}: {error}", param="advance") from None
    context.webhooks.notify()
    context.store.save_time(now)
    return now
