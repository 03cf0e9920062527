"""Every fault of the local server, and the end that a job must come to under it.

A transient fault passes, and the job must end complete. A permanent one has an end of its own: rows that are left
with a stated reason, or an exception, after which the same call completes the job once the fault is lifted.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from prefect_openai_batch.emulator import LineFault, RouteFault

from .ends import CANCELLED, COMPLETE, SHORT, End, Entry, ends, passes
from .lines_and_batches import BATCHES, FEW, LINES

HOUR = 3_600.0
DAY = 24 * HOUR

ROUTES = {
    "models": "GET */models*",
    "upload": "POST */files",
    "create": "POST */batches",
    "look": "GET */batches/*",
    "list": "GET */batches",
    "download": "GET */files/*/content",
    "size": f"GET */files/file-{'?' * 22}",
    "files": "GET */files",
    "delete": "DELETE */files/*",
    "cancel": "POST */batches/*/cancel",
}
"""The calls of a job, by what they are for."""

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
    ("download", "ends early", RouteFault(kind="short_body", share=0.5, times=2)),
    (
        "download",
        "ends early, at a line's end",
        RouteFault(kind="short_body", share=0.5, whole_lines=True, times=2),
    ),
    ("size", "null", RouteFault(kind="no_bytes")),
    ("create", "cannot find file", RouteFault(kind="cannot_find_file", times=2)),
    ("upload", "503 for longer than it is tried", RouteFault(kind="http_error", status=503, times=20)),
    ("create", "429 for longer than it is tried", RouteFault(kind="http_error", status=429, times=20)),
    ("create", "408", RouteFault(kind="http_error", status=408, times=2)),
    ("create", "409", RouteFault(kind="http_error", status=409, times=2)),
    ("create", "HTML 502 after", RouteFault(kind="html", status=502, when="after", times=2)),
    ("list", "lags", RouteFault(kind="lag", seconds=0.8)),
    ("files", "lags", RouteFault(kind="lag", seconds=0.8)),
    (
        "create",
        "refused for want of room",
        RouteFault(kind="http_error", status=400, code="token_limit_exceeded", times=2),
    ),
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
    ("download", "ends early, always", RouteFault(kind="short_body", share=0.5), End(raises="DownloadBroken")),
    ("size", "403 always", _error(403), COMPLETE),
    ("size", "500 always", _error(500), COMPLETE),
    ("files", "500 always", _error(500), End(raises="InternalServerError")),
    ("delete", "403 always", _error(403), End(files=100)),
    ("delete", "500 always", _error(500), End(raises="InternalServerError")),
    ("delete", "not found, always", RouteFault(kind="not_found"), End(files=100)),
)


def _short_bodies() -> Iterator[Entry]:
    """Downloads that end early as if that were all, at every tenth of a file.

    They end within a line or between two, and their header says that length or none; or nothing says how long the
    file is, neither a header nor its object.
    """
    sizeless = RouteFault(kind="no_bytes", route=ROUTES["size"])
    for tenth, whole_lines in product(range(1, 10), (False, True)):
        place = f"{tenth}/10, {'between lines' if whole_lines else 'in a line'}"
        short = RouteFault(kind="short_body", share=tenth / 10, whole_lines=whole_lines)
        for how, faults in (
            ("chunked", (short,)),
            ("with a length", (short.model_copy(update={"chunked": False}),)),
            ("no size", (short, sizeless)),
        ):
            yield _short("output", f"{place}, {how}", faults)
            yield _short("error", f"{place}, {how}", faults)


def _short(file: str, how: str, faults: tuple[RouteFault, ...]) -> Entry:
    """The first output file, or the first error file, which is asked for after its output file."""
    call = {"output": 1, "error": 2}[file]
    short = faults[0].model_copy(update={"route": ROUTES["download"], "calls": (call,)})
    failing = (LineFault(kind="error", pattern=FEW, times=1),) if file == "error" else ()
    end = passes("failed server_error") if failing else COMPLETE
    return Entry(f"{file} ends at {how}", (*failing, short, *faults[1:]), end, mixes=False, models=1)


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
    *_short_bodies(),
    *_deadlines(),
)
"""Every fault alone."""
