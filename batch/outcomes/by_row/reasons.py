"""Why rows have no answer: what OpenAI's error says in a word, else how the answer ended; counted, and in words.

A reason is an error's code (`context_length_exceeded`, `refusal`, `batch_expired`), or the finish reason of an
answer that was cut (`length`, `content_filter`), or `empty`.
"""

from collections import Counter
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from ...files.output_files import BROKEN_LINE
from ..outcome import INVALID, UNREADABLE, OutcomeKind, is_transient

EMPTY = "empty"
"""The reason where a response succeeded, said nothing, and does not say why."""

OTHER = "other"
"""What all further reasons are counted as."""

KEPT = 50
"""So many reasons are told apart; a server that words each error anew has no more."""

LONGEST = 64
"""Characters of a reason: a code is a word, whatever a server sends in its place."""

_CUT = pa.array(["length", "content_filter"])

_WORDS = {
    "refusal": "refused",
    "batch_expired": "expired",
    "batch_cancelled": "cancelled",
    "cancelled": "cancelled before being sent",
    "ended": "never sent",
    "budget": "left out for the budget",
    "finish_by": "left out at the deadline",
    INVALID: "with an invalid answer",
    "length": "cut at the length limit",
    "content_filter": "stopped by the content filter",
    EMPTY: "with an empty answer",
}

_SHORTEN = "Shorten the prompt, a long column as by {{ COLUMN[:20000] }}"
_AGAIN = "They may succeed another time: take the job up again."
_FUNDS = "Add credit or raise the limit at OpenAI, then take the job up again."

_ADVICE = {
    "context_length_exceeded": f"{_SHORTEN}, or take a model of longer context.",
    "string_above_max_length": f"{_SHORTEN}.",
    "refusal": "The model declines them: read these rows, and say in the prompt what the answer is for.",
    "length": "Raise the request's limit of output tokens; reasoning counts in it.",
    "content_filter": "The content filter stops them: read these rows, or loosen the filter where it is yours.",
    INVALID: "The answer broke its schema each time: allow more in it, or take another model.",
    "insufficient_quota": _FUNDS,
    "billing_hard_limit_reached": _FUNDS,
    "model_not_found": "Name a model that this account may use.",
    "token_limit_exceeded": "Each alone is over the limit of enqueued tokens: shorten the prompt, or have it "
    "raised at OpenAI.",
    EMPTY: "The model said nothing: read these rows.",
    "budget": "Give a larger budget (budget_usd, --budget-usd), and take the job up again.",
    **dict.fromkeys(("batch_expired", "batch_cancelled", "cancelled", "ended", "finish_by", "missing"), _AGAIN),
    **dict.fromkeys(("server_error", "internal_error", "rate_limit_exceeded", "request_timeout"), _AGAIN),
    **dict.fromkeys((UNREADABLE, BROKEN_LINE), _AGAIN),
}


def unanswered(outcomes: pa.RecordBatch) -> pa.Array:
    """Which rows have no answer, or one that breaks its schema."""
    return pc.or_(pc.is_null(outcomes["answer"]), pc.equal(outcomes["outcome"], OutcomeKind.INVALID.value))


def reasons_of(outcomes: pa.RecordBatch) -> pa.Array:
    """Of rows without an answer, why."""
    code, ended = outcomes["error_code"], outcomes["finish_reason"]
    untold = pc.or_(pc.is_null(code), pc.fill_null(pc.equal(code, INVALID), False))
    cut = pc.and_(untold, pc.fill_null(pc.is_in(ended, _CUT), False))
    said = pc.fill_null(pc.if_else(cut, ended, code), "")
    words = pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(said), 0, LONGEST)
    return pc.if_else(pc.equal(words, ""), EMPTY, words)


def count_reasons(known: Counter[str], outcomes: pa.RecordBatch) -> None:
    """Add the reasons of the rows that have no answer to those that are known; memory is bounded by `KEPT`."""
    counted = pc.value_counts(reasons_of(outcomes.filter(unanswered(outcomes))))
    for reason, count in zip(*(part.to_pylist() for part in counted.flatten()), strict=True):
        known[reason if reason in known or len(known) < KEPT else OTHER] += count


def most_first(reasons: Mapping[str, int]) -> dict[str, int]:
    """Reasons with the most frequent first; `other` stands last."""
    return dict(sorted(reasons.items(), key=lambda one: (one[0] == OTHER, -one[1], one[0])))


def in_words(reason: str) -> str:
    """A reason as it is said behind a number of rows, in one line."""
    return _WORDS.get(reason, " ".join(reason.split()))


def named(reasons: Mapping[str, int], shown: int) -> str:
    """The most frequent reasons with how many rows each has: `30 context_length_exceeded, 12 refused`."""
    told = [*most_first(reasons).items()]
    rest = sum(count for _, count in told[shown:])
    parts = [f"{count:,} {in_words(reason)}" for reason, count in told[:shown]]
    return ", ".join([*parts, f"{rest:,} for other reasons"] if rest else parts)


def advice(reason: str) -> str | None:
    """What helps rows that have no answer for this reason; None where nobody knows."""
    return _ADVICE.get(reason, _AGAIN if reason.isdecimal() and is_transient(int(reason)) else None)
