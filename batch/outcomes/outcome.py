"""What became of one row, by the lines that came back for it, else by its batch: the one table of outcomes.

| line | outcome | again? |
|---|---|---|
| status 200 with an answer, a refusal, cut at its length or by a content filter | succeeded | no |
| status 200, the body says failed, or holds an error and no answer | failed | yes |
| status 0, 429, 5xx; code `request_timeout`; status 200 and no body, or none that can be read | failed | yes |
| status 200, and an answer that breaks its schema | invalid | yes, unless asked not to |
| any other status | failed | no |
| no response, and a code of `_PASSING`, or such a status as code | failed | yes |
| code `batch_expired` | expired | yes |
| code `batch_cancelled` | cancelled | no, but by `resume` |
| no line, and the batch is cancelled, or was lost while cancelling | cancelled | no, but by `resume` |
| no line, and the batch is expired | expired | yes |
| no line, and the batch failed at validation, see `validation.py` | failed | where that may pass |
| no line, and the batch is completed, or lost | missing | yes |

A response, a body or an error that comes as JSON text, as from Llama Stack, is read as the object that it holds.
Where a body tells no reason, the error beside it does, as from vLLM.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from ..files.output_files import BROKEN_LINE, opened
from ..requests.endpoints import Endpoint
from ..schemas.answer_types import AnswerType
from .answers import Answer, read_answer, said_texts
from .token_counts import read_usage


class OutcomeKind(StrEnum):
    """What became of a row."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    MISSING = "missing"
    INVALID = "invalid"


class Outcome(NamedTuple):
    """What became of one row: its result columns, and whether the row is worth another try."""

    outcome: OutcomeKind
    answer: Any = None
    finish_reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    request_id: str | None = None
    response: str | None = None
    again: bool = False
    fields: dict[str, Any] | None = None


UNREADABLE = "unreadable_response"
"""The error's code where a body with status 200 cannot be read."""

_TRANSIENT = frozenset({0, 408, 409, 429})


def is_transient(status: int) -> bool:
    """Whether an HTTP status may turn out better another time."""
    return status in _TRANSIENT or status >= 500


OUT_OF_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
"""Codes that say that the account cannot pay: nothing more is sent until somebody has seen to it."""

_PASSING = {"server_error", "rate_limit_exceeded", "internal_error", "request_timeout", BROKEN_LINE, *OUT_OF_QUOTA}
_UNEXECUTED = {
    "batch_expired": (OutcomeKind.EXPIRED, True),
    "batch_cancelled": (OutcomeKind.CANCELLED, False),
    **dict.fromkeys(_PASSING, (OutcomeKind.FAILED, True)),
}


def item_outcome(
    endpoint: Endpoint,
    lines: Iterable[Mapping[str, Any]],
    otherwise: Outcome,
    *,
    keep_response: bool = False,
    answer: AnswerType | None = None,
) -> Outcome:
    """What became of an item.

    Args:
        endpoint: Where it was sent.
        lines: The lines that came back for it; of several the first that succeeded counts, else the first that
            can be read, else the first.
        otherwise: What became of it where there are none, see `without_line`.
        keep_response: Whether the whole body stays, as JSON text.
        answer: What the answer is, where it is typed.
    """
    told = [read_outcome(endpoint, line, keep_response=keep_response, answer=answer) for line in lines]
    if len(told) == 1:  # as nearly always, a million times a run
        return told[0]
    return min(told, key=_preference, default=otherwise)


def _preference(found: Outcome) -> int:
    """What is believed first where lines say different things of one item; the least is."""
    if found.outcome == OutcomeKind.SUCCEEDED:
        return 0
    return 3 if found.error_code == BROKEN_LINE else 1 if found.outcome == OutcomeKind.INVALID else 2


def read_outcome(
    endpoint: Endpoint,
    line: Mapping[str, Any],
    *,
    keep_response: bool = False,
    answer: AnswerType | None = None,
) -> Outcome:
    """The outcome that a line of an output or error file tells."""
    response = response_of(line)
    if response is None:
        return _unexecuted(line.get("error"))
    status, body, request_id = response
    kept = _as_json(body) if keep_response and body is not None else None
    if status == 200:
        told = _executed(endpoint, body, line.get("error"), request_id, kept)
        return told if answer is None else _typed(told, endpoint, body, answer)
    code, message = _error(body, line.get("error"))
    return Outcome(
        OutcomeKind.FAILED,
        again=is_transient(status),
        error_code=code or str(status),
        error_message=message or f"The request ended with status {status}.",
        request_id=request_id,
        response=kept,
    )


def response_of(line: Mapping[str, Any]) -> tuple[int, Any, str | None] | None:
    """Status, body and request id of the response that a line holds; None where it holds none."""
    response = line.get("response")
    response = response if isinstance(response, dict) else opened(response)
    if not isinstance(response, dict):
        return None
    if "status_code" not in response and "body" not in response:
        return 200, response, None  # vLLM's older runner puts the body here
    body, status = response.get("body"), response.get("status_code")
    body = body if isinstance(body, dict) else opened(body)
    if status is None and isinstance(body, dict) and not body.get("error"):
        status = 200  # a body beside no status is an answer, or cannot be read as one
    return _status(status), body, _text(response.get("request_id") or None)


def _status(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _unexecuted(error: Any) -> Outcome:
    code, message = _error(error)
    passing = code is None or (code.isdecimal() and is_transient(_status(code)))
    kind, again = _UNEXECUTED.get(code or "", (OutcomeKind.FAILED, passing))
    message = message or "The line holds no response."
    return Outcome(kind, error_code=code, error_message=message, again=again)


def _as_json(body: Any) -> str | None:
    """A body as JSON text; None of one that is nested so deep that nothing writes it."""
    try:
        return orjson.dumps(body).decode()
    except TypeError:  # it reads what is nested deeper than it writes
        with suppress(RecursionError):
            return json.dumps(body, ensure_ascii=False)
        return None


_MISSHAPEN = (LookupError, TypeError, ValueError, AttributeError)
"""What reading a body raises that is not shaped as its endpoint's are."""


def _executed(endpoint: Endpoint, body: Any, error: Any, request_id: str | None, kept: str | None) -> Outcome:
    told = body if isinstance(body, dict) else {}
    try:
        answer = read_answer(endpoint, body)
    except _MISSHAPEN as misshapen:  # it may have been paid for all the same
        shapeless = f"The response's body is not shaped as those of {endpoint} are: {misshapen!r}"
        answer = Answer(error_code=UNREADABLE, error_message=shapeless, failed=True)
    if answer.failed:
        code, message = _error(told.get("error"), error)
        answer = answer._replace(
            error_code=code or answer.error_code, error_message=message or answer.error_message
        )
    return Outcome(
        OutcomeKind.FAILED if answer.failed else OutcomeKind.SUCCEEDED,
        answer.answer,
        answer.finish_reason,
        answer.error_code,
        answer.error_message,
        _text(told.get("model")),
        *read_usage(told),
        request_id=request_id,
        response=kept,
        again=answer.failed,
    )


INVALID = "invalid_answer"
"""The error's code where an answer breaks its schema."""


def _typed(told: Outcome, endpoint: Endpoint, body: Any, answer: AnswerType) -> Outcome:
    """An outcome with its answer's fields, or why the answer breaks its schema; a refusal need not keep to it."""
    if told.outcome != OutcomeKind.SUCCEEDED or told.error_code is not None:
        return told
    try:
        said = said_texts(endpoint, body)
    except _MISSHAPEN:
        said = []
    found = answer.reader.read(said)
    if found.wrong is None:
        return told._replace(answer=found.text, fields=found.values)
    cut = told.finish_reason in ("length", "content_filter")
    return told._replace(
        outcome=OutcomeKind.INVALID,
        answer=told.answer if found.text is None else found.text,
        error_code=INVALID,
        error_message=f"cut off by {told.finish_reason}: {found.wrong}" if cut else found.wrong,
        again=answer.retry_invalid,
    )


def _text(value: Any) -> str | None:
    """What should be text, whatever a server sends in its place."""
    return value if value is None or isinstance(value, str) else str(value)


def _error(*told: Any) -> tuple[str | None, str | None]:
    """Code and message of the first that tells either: error objects, what holds one, or whatever stands there."""
    for error in map(opened, told):
        while isinstance(error, dict) and isinstance(inner := opened(error.get("error")), dict) and inner:
            error = inner
        code, message = None, error or None
        if isinstance(error, dict):
            code = error.get("code") or error.get("type")
            # servers built with FastAPI call it detail
            message = error.get("message") or error.get("detail") or error.get("error")
        if code or message:
            return _text(code), _text(message)
    return None, None
