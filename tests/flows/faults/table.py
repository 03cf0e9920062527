"""Every fault of the local server, and the end that a job must come to under it.

A transient fault passes, and the job must end complete. A permanent one has an end of its own: rows that are left
with a stated reason, or an exception, after which the same call completes the job once the fault is lifted.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from prefect_openai_batch.emulator import BatchFault, LineFault, RouteFault

from .ends import CANCELLED, COMPLETE, EXPIRED, MAX_ROUNDS, SHORT, End, Entry, ends, passes

HOUR = 3_600.0
DAY = 24 * HOUR

ROUTES = {
    "models": "GET */models*",
    "upload": "POST */files",
    "create": "POST */batches",
    "look": "GET */batches/*",
    "list": "GET */batches",
    "download": "GET */files/*/content",
    "files": "GET */files",
    "delete": "DELETE */files/*",
    "cancel": "POST */batches/*/cancel",
}
"""The calls of a job, by what they are for."""

FEW = "Item 00[0-7]"
"""The rows that a fault of lines befalls where it stands alone."""


LINES: tuple[Entry, ...] = tuple(
    Entry(f"line {name}", (fault,), end, responses=fault.kind == "two_messages")
    for name, fault, end in (
        ("error 500", LineFault(kind="error", pattern=FEW, times=1), passes("failed server_error")),
        (
            "error 503, twice",
            LineFault(kind="error", status=503, pattern=FEW, times=2),
            passes("failed server_error", 2),
        ),
        (
            "error 429",
            LineFault(kind="error", status=429, pattern=FEW, times=1),
            passes("failed rate_limit_exceeded"),
        ),
        ("status 0", LineFault(kind="status_zero", pattern=FEW, times=1), passes("failed 0")),
        ("timeout", LineFault(kind="timeout", pattern=FEW, times=1), passes("failed request_timeout")),
        ("doubled", LineFault(kind="doubled"), COMPLETE),
        ("foreign", LineFault(kind="foreign"), COMPLETE),
        ("separators", LineFault(kind="separators"), COMPLETE),
        ("two messages", LineFault(kind="two_messages"), COMPLETE),
        ("cut at its length", LineFault(kind="length", pattern=FEW), COMPLETE),
        ("content filter", LineFault(kind="content_filter", pattern=FEW), COMPLETE),
        ("invalid answer", LineFault(kind="invalid_answer", pattern=FEW), COMPLETE),
        ("refusal", LineFault(kind="refusal", pattern=FEW), ends("succeeded refusal")),
        (
            "missing, once",
            LineFault(kind="missing", pattern=FEW, times=1),
            End(passing=frozenset({"missing missing"}), rounds=1, bills=1),
        ),
        (
            "missing for good",
            LineFault(kind="missing", pattern=FEW),
            ends("missing missing", rounds=MAX_ROUNDS, bills=MAX_ROUNDS - 1),
        ),
        (
            "error 500 for good",
            LineFault(kind="error", pattern=FEW),
            ends("failed server_error", rounds=MAX_ROUNDS),
        ),
        (
            "timeout for good",
            LineFault(kind="timeout", pattern=FEW),
            ends("failed request_timeout", rounds=MAX_ROUNDS),
        ),
        (
            "error 400",
            LineFault(kind="error", status=400, pattern=FEW),
            ends("failed context_length_exceeded"),
        ),
        (
            "insufficient quota",
            LineFault(kind="error", status=429, code="insufficient_quota", pattern=FEW),
            ends("failed insufficient_quota", rounds=MAX_ROUNDS),
        ),
    )
)
# What is missing for good comes to a batch without a single line, whose files are waited for.
LINES = tuple(replace(entry, leap=1300.0) if "missing" in entry.kinds else entry for entry in LINES)


def _batch(name: str, end: End, fault: BatchFault, **more: Any) -> Entry:
    return Entry(f"batch {name}", (fault,), end, **more)


BATCHES: tuple[Entry, ...] = (
    _batch("file ids late", COMPLETE, BatchFault(kind="no_file_ids", seconds=0.7)),
    _batch("file ids 5 min late", COMPLETE, BatchFault(kind="no_file_ids", seconds=300), leap=200.0),
    _batch("stale counts", COMPLETE, BatchFault(kind="stale_counts", seconds=60)),
    _batch("empty ids", COMPLETE, BatchFault(kind="empty_ids")),
    _batch("slow finalizing", COMPLETE, BatchFault(kind="slow_finalizing", batches=(1,), seconds=1)),
    _batch("hangs past its window", COMPLETE, BatchFault(kind="hang_finalizing", batches=(1,)), leap=1.1 * DAY),
    _batch(
        "a day late",
        COMPLETE,
        BatchFault(kind="hang_finalizing", batches=(1,), seconds=DAY),
        leap=1.1 * DAY,
        mixes=False,
    ),
    _batch(
        "never ends",
        End(passing=frozenset({CANCELLED}), some=True),  # it is cancelled, and what it had done is fetched
        BatchFault(kind="hang_finalizing", batches=(1,), seconds=300 * DAY),
        leap=1.1 * DAY,
        mixes=False,
    ),
    _batch(
        "half expired", passes(EXPIRED, some=True), BatchFault(kind="half_expired", batches=(1,)), leap=1.1 * DAY
    ),
    _batch(
        "expired, nothing done",
        passes(EXPIRED, some=True),
        BatchFault(kind="half_expired", batches=(2,), share=0),
        leap=1.1 * DAY,
    ),
    _batch(
        "half expired, every time",
        ends(EXPIRED, some=True, rounds=MAX_ROUNDS),
        BatchFault(kind="half_expired"),
        leap=1.1 * DAY,
        mixes=False,
    ),
    _batch("all failed", passes("failed server_error", some=True), BatchFault(kind="all_failed", batches=(1,))),
    _batch(
        "all failed with 400",
        ends("failed context_length_exceeded", some=True),
        BatchFault(kind="all_failed", batches=(1,), status=400),
    ),
    _batch(
        "all failed, every time",
        ends("failed server_error", rounds=MAX_ROUNDS),
        BatchFault(kind="all_failed"),
        mixes=False,
    ),
    _batch("cancelled by somebody", ends(CANCELLED, some=True), BatchFault(kind="cancelled", batches=(1,))),
    _batch(
        "cancelled, nothing done", ends(CANCELLED, some=True), BatchFault(kind="cancelled", batches=(2,), share=0)
    ),
    _batch("no room", COMPLETE, BatchFault(kind="fail_validation", batches=(1,))),
    _batch("no room, four times", COMPLETE, BatchFault(kind="fail_validation", batches=(1, 2, 3, 4)), mixes=False),
    _batch(
        "no room for ever",
        End(raises="BatchFailed"),
        BatchFault(kind="fail_validation"),
        leap=1.1 * DAY,
        mixes=False,
    ),
    _batch(
        "input file not found",
        COMPLETE,
        BatchFault(
            kind="fail_validation",
            batches=(1,),
            code="invalid_request",
            message="Cannot find file file-1, or organization org-1 does not have access to it.",
        ),
    ),
    _batch(
        "model cannot be batched",
        ends("failed model_not_found", some=True, rounds=MAX_ROUNDS),
        BatchFault(kind="fail_validation", batches=(1,), code="model_not_found"),
    ),
    _batch(
        "validation without quota",
        ends("failed insufficient_quota", some=True, rounds=MAX_ROUNDS),
        BatchFault(kind="fail_validation", batches=(1,), code="insufficient_quota"),
    ),
    _batch(
        "validation fails otherwise",
        ends("failed mismatched_model", some=True),
        BatchFault(kind="fail_validation", batches=(1,), code="mismatched_model"),
    ),
    _batch(
        "validation fails always",
        End(raises="BatchFailed"),
        BatchFault(kind="fail_validation", code="mismatched_model"),
        mixes=False,
    ),
)

_TRANSIENT: dict[str, RouteFault] = {
    "cut before": RouteFault(kind="cut"),
    "cut after": RouteFault(kind="cut", when="after"),
    "504 after a while": RouteFault(kind="hang", seconds=0.3),
    "answer late": RouteFault(kind="hang", seconds=0.3, when="after"),
    "429": RouteFault(kind="http_error", status=429, retry_after=0.2),
    "429, Retry-After 300": RouteFault(kind="http_error", status=429, retry_after=300),
    "500 before": RouteFault(kind="http_error"),
    "500 after": RouteFault(kind="http_error", when="after"),
    "503": RouteFault(kind="http_error", status=503, retry_after=0.1),
    "HTML 502": RouteFault(kind="html", status=502),
}
"""What any call may meet, and what passes."""

PATIENCE = "impatient"
"""A credentials block whose calls time out after `PATIENCE_SECONDS`."""

PATIENCE_SECONDS = 1.5

_SPECIAL: tuple[tuple[str, str, RouteFault], ...] = (
    ("look", "not found", RouteFault(kind="not_found", times=3)),
    ("download", "not found", RouteFault(kind="not_found", times=2)),
    ("download", "empty", RouteFault(kind="cut_stream", share=0, times=2)),
    ("download", "cut in half", RouteFault(kind="cut_stream", share=0.5, times=2)),
    ("download", "cut near its end", RouteFault(kind="cut_stream", share=0.99, times=2)),
    ("create", "cannot find file", RouteFault(kind="cannot_find_file", times=2)),
    ("create", "408", RouteFault(kind="http_error", status=408, times=2)),
    ("create", "409", RouteFault(kind="http_error", status=409, times=2)),
    ("create", "HTML 502 after", RouteFault(kind="html", status=502, when="after", times=2)),
    ("list", "lags", RouteFault(kind="lag", seconds=0.8)),
    ("files", "lags", RouteFault(kind="lag", seconds=0.8)),
)


def _transient_routes() -> Iterator[Entry]:
    for route in ROUTES:
        if route == "cancel":
            continue
        for name, fault in _TRANSIENT.items():
            yield _route(route, name, fault.model_copy(update={"times": 2}))
    for route, name, fault in _SPECIAL:
        yield _route(route, name, fault)
    for route in ("upload", "create", "look", "download", "delete"):
        for when in ("before", "after"):
            fault = RouteFault(kind="hang", seconds=20, when=when, times=1)
            yield _route(route, f"no answer, {when}", fault, credentials=PATIENCE)
    yield _route("delete", "not found", RouteFault(kind="not_found", times=2), End(files=2))


def _route(route: str, name: str, fault: RouteFault, end: End = COMPLETE, **more: Any) -> Entry:
    found = fault.model_copy(update={"route": ROUTES[route]})
    alone = {"in_flight": 1} if route == "look" else {}  # more than one are looked at in the list
    return Entry(f"{route}: {name}", (found,), end, **{**alone, **more})


def _error(status: int, code: str | None = None) -> RouteFault:
    return RouteFault(kind="http_error", status=status, code=code)


_PERMANENT: tuple[tuple[str, str, RouteFault, End], ...] = (
    ("models", "cut always", RouteFault(kind="cut"), End(raises="AccessError")),
    ("models", "401 always", _error(401), End(raises="AccessError")),
    ("models", "500 always", _error(500), COMPLETE),
    ("upload", "cut always", RouteFault(kind="cut"), End(raises="APIConnectionError")),
    ("upload", "400 always", _error(400), End(raises="BadRequestError")),
    ("upload", "500 always", _error(500), End(raises="InternalServerError")),
    ("create", "cut before, always", RouteFault(kind="cut"), End(raises="APIConnectionError")),
    ("create", "cut after, always", RouteFault(kind="cut", when="after"), COMPLETE),
    ("create", "400 always", _error(400), End(raises="BadRequestError")),
    ("create", "403 always", _error(403), End(raises="PermissionDeniedError")),
    ("create", "404 always", RouteFault(kind="not_found"), End(raises="NotFoundError")),
    ("create", "500 always", _error(500), End(raises="InternalServerError")),
    ("create", "no quota", _error(429, "insufficient_quota"), ends("failed insufficient_quota", some=True)),
    ("list", "500 always", _error(500), End(raises="InternalServerError")),
    ("list", "cut always", RouteFault(kind="cut"), End(raises="APIConnectionError")),
    ("look", "not found, always", RouteFault(kind="not_found"), COMPLETE),
    ("look", "401 always", _error(401), End(raises="AuthenticationError")),
    ("download", "not found, always", RouteFault(kind="not_found"), End(raises="DownloadBroken")),
    ("download", "cut always", RouteFault(kind="cut_stream", share=0.5), End(raises="DownloadBroken")),
    ("download", "500 always", _error(500), End(raises="InternalServerError")),
    ("files", "500 always", _error(500), End(raises="InternalServerError")),
    ("delete", "403 always", _error(403), End(raises="PermissionDeniedError")),
    ("delete", "500 always", _error(500), End(raises="InternalServerError")),
    ("delete", "not found, always", RouteFault(kind="not_found"), End(files=100)),
)


def _deadlines() -> Iterator[Entry]:
    """Jobs that are cut off at a time: what the cancelling calls may meet."""
    slow = SHORT.model_copy(update={"running": 5 * HOUR})
    cut_off = ends(CANCELLED, "cancelled finish_by", some=True)
    job: dict[str, Any] = {
        "mixes": False,
        "timing": slow,
        "leap": 1.1 * HOUR,
        "leaps": 1,
        "finish_in": 2 * HOUR,
    }
    for name, fault in _TRANSIENT.items():
        yield _route("cancel", name, fault.model_copy(update={"times": 2}), cut_off, **job)
    failed = replace(cut_off, raises="InternalServerError")
    yield _route("cancel", "500 always", _error(500), failed, **{**job, "leaps": 2})


def _listings() -> Iterator[Entry]:
    """Jobs with so many open batches that they are looked at in the list."""
    slow = SHORT.model_copy(update={"running": 1.0})
    job: dict[str, Any] = {"models": 7, "in_flight": 7, "mixes": False, "timing": slow}
    for name in ("cut before", "500 before", "HTML 502"):
        fault = _TRANSIENT[name].model_copy(update={"calls": (2, 3, 4)})
        yield _route("list", f"{name}, many open", fault, **job)
    yield _route("list", "lags, many open", RouteFault(kind="lag", seconds=0.8), **job)


TABLE: tuple[Entry, ...] = (
    Entry("none", ()),
    *LINES,
    *BATCHES,
    *_transient_routes(),
    *(replace(_route(route, name, fault, end), mixes=False) for route, name, fault, end in _PERMANENT),
    *_listings(),
    *_deadlines(),
)
"""Every fault alone."""
