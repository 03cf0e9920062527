"""What became of items of which no line came back: their batch's end tells it, or why validation refused them."""

from ...files.batches import Batch, BatchStatus
from ..outcome import OUT_OF_QUOTA, Outcome, OutcomeKind

MISSING = Outcome(
    OutcomeKind.MISSING,
    again=True,
    error_code="missing",
    error_message="The item is in neither the output file nor the error file of its batch.",
)

_CANCELLED = Outcome(
    OutcomeKind.CANCELLED,
    error_code="batch_cancelled",
    error_message="The batch was cancelled, and the item is in none of its files.",
)

_WITHOUT_LINE = {
    BatchStatus.CANCELLED: _CANCELLED,
    BatchStatus.CANCELLING: _CANCELLED,  # of a batch that was lost on the way
    BatchStatus.EXPIRED: Outcome(
        OutcomeKind.EXPIRED,
        again=True,
        error_code="batch_expired",
        error_message="The batch expired, and the item is in none of its files.",
    ),
}
"""What became of an item for which no line came back, where its batch's end says more than that it is missing."""

NOT_FOUND = "Cannot find file"
"""In the words of a refusal of a batch whose input file was not found, as happens in passing."""

PASSING = OUT_OF_QUOTA | {"token_limit_exceeded", "too_many_tasks"}
"""Codes of refusals that may pass; the last one is Azure's."""


def validation_failed(code: str | None, message: str | None) -> Outcome:
    """The outcome of an item that OpenAI's validation refused, or whose whole batch it refused."""
    return Outcome(
        OutcomeKind.FAILED,
        again=code in PASSING or NOT_FOUND in (message or ""),
        error_code=code or "batch_failed",
        error_message=message,
    )


def final_refusal(code: str | None, message: str | None) -> Outcome:
    """The outcome of an item that OpenAI would refuse each time, as it is larger than a limit."""
    return validation_failed(code, message)._replace(again=False)


def without_line(batch: Batch) -> Outcome:
    """What became of an item for which no line came back: its batch's end tells it."""
    if batch.status == BatchStatus.FAILED:
        if not batch.errors:
            return validation_failed(None, batch.why_failed)._replace(again=True)
        first = batch.errors[0]  # what it says of its line holds of each: the model, the account, the file
        return validation_failed(first.code, first.message or batch.why_failed)
    return next((told for status, told in _WITHOUT_LINE.items() if status == batch.status), MISSING)
