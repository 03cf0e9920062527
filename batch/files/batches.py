"""OpenAI's batch object, read tolerantly: other OpenAI-compatible servers send it in many dialects.

Unknown fields are left out, `""` stands for null, absent counts for 0, statuses in any case and spelling; whatever
JSON stands in a field, reading it gives a batch.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ..words import counted
from .input_files import InputFile

GRACE_SECONDS = 1_200
"""How long a batch that says it has ended may be without its files: half of that is for clocks that are apart."""

COUNTED_GRACE_SECONDS = 3_600
"""The same where it counts items that succeeded: then there should be files."""

KEPT_ERRORS = 20
"""Validation errors that travel with a batch; OpenAI lists one for each bad line."""


SYNCHRONOUS = "synchronous"
"""Stands in place of a batch's id where items were answered at once."""

REFUSED = "refused-"
"""So begins what stands in place of an id where a batch was refused at its creation: the server knows none."""


class BatchStatus(StrEnum):
    """OpenAI's statuses; one of another server's that is not among them counts as not ended."""

    VALIDATING = "validating"
    FAILED = "failed"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


WINDOW_SECONDS = 86_400
"""OpenAI's only completion window."""

LATE_SECONDS = 2 * 86_400
"""How long after its window a batch that has not ended is left alone; OpenAI was seen to be a day late."""

LOST_SECONDS = 3 * 86_400
"""How long after its window it is waited for at all."""

_YEAR_10000 = 253_402_300_800

ENDED = frozenset({BatchStatus.COMPLETED, BatchStatus.FAILED, BatchStatus.EXPIRED, BatchStatus.CANCELLED})


_TOLD_CODES = {
    "enqueued token": "token_limit_exceeded",
    "exceeded your current quota": "insufficient_quota",
    "billing hard limit": "billing_hard_limit_reached",
    **{
        code: code
        for code in (
            *("token_limit_exceeded", "insufficient_quota", "billing_hard_limit_reached"),
            *("model_not_found", "model_not_supported", "mismatched_model"),
        )
    },
}
"""Words in a text that stand for a code which says what is to be done."""


def _clean(value: Any) -> str:
    """A text of anything; half a character, which JSON can escape, is a question mark."""
    return str(value).encode("utf-8", "replace").decode()


def _status(value: Any) -> str:
    text = _clean(value).strip().lower()
    return {"canceled": "cancelled"}.get(text, text)


def _file_id(value: Any) -> str | None:
    """A file's id, or None where there is none, or what can be no id."""
    known = isinstance(value, str | int) and not isinstance(value, bool)
    return _clean(value) if known and value != "" else None


def read_number(value: Any) -> int | None:
    """A whole number of 0 or more from a number or its text; None for anything else."""
    try:
        number = int(float(value) if isinstance(value, str | float) else value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number >= 0 and not isinstance(value, bool) else None


def _line(value: Any) -> int | None:
    return read_number(value) or None


def _seconds(value: Any) -> int | None:
    """Unix seconds from a number, its text or an ISO time; None beyond the years that there are."""
    seconds = read_number(value)
    if seconds is None and isinstance(value, str):
        try:
            seconds = _from_iso(value)
        except (ValueError, OverflowError):
            return None
    return seconds if seconds is not None and 0 <= seconds < _YEAR_10000 else None


def _from_iso(value: str) -> int:
    """Unix seconds of an ISO time, in UTC where it names no zone."""
    parsed = datetime.fromisoformat(value.replace("Z", "+00:00"))
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def _count(value: Any) -> int:
    """A count; 0 where a server sends none, or something else."""
    return read_number(value) or 0


def _counts(value: Any) -> Any:
    return value if isinstance(value, dict | RequestCounts) else {}


def _metadata(value: Any) -> Any:
    """Pairs of text; what another program has put there in other types is none of ours."""
    pairs = value.items() if isinstance(value, dict) else ()
    return {_clean(key): _clean(text) for key, text in pairs if isinstance(text, str)}


def _list_errors(value: Any) -> list[Any]:
    """The errors, whether bare, in OpenAI's list object, or a list of texts."""
    listed = value["data"] if isinstance(value, dict) and "data" in value else value
    if not isinstance(listed, list | tuple):
        listed = [listed]
    return [error if isinstance(error, dict | BatchError) else {"message": error} for error in listed if error]


def _errors(value: Any) -> Any:
    return tuple(_list_errors(value)[:KEPT_ERRORS])


FileId = Annotated[str | None, BeforeValidator(_file_id)]
Count = Annotated[int, BeforeValidator(_count)]
Text = Annotated[str | None, BeforeValidator(lambda value: value if value is None else _clean(value))]
Seconds = Annotated[int | None, BeforeValidator(_seconds)]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RequestCounts(_Read):
    """How many items a batch holds and has run; they lag, and are never reconciled on."""

    total: Count = 0
    completed: Count = 0
    failed: Count = 0


class BatchError(_Read):
    """One finding of OpenAI's validation; `line` is 1-based, None where no line is meant.

    Where a server sends texts alone, the code is the one that the text names.
    """

    code: Text = None
    message: Text = None
    param: Text = None
    line: Annotated[int | None, BeforeValidator(_line)] = None

    @model_validator(mode="before")
    @classmethod
    def _with_code(cls, error: Any) -> Any:
        if not isinstance(error, dict) or error.get("code"):
            return error
        said = str(error.get("message")).lower()
        return {**error, "code": next((code for words, code in _TOLD_CODES.items() if words in said), None)}


class Batch(_Read):
    """A batch as it was last seen; times are Unix seconds.

    `input_file` is our own record of what was sent; a batch that somebody else started has none.
    """

    id: Annotated[str, BeforeValidator(lambda value: "" if value is None else _clean(value))] = ""
    status: Annotated[str, BeforeValidator(_status)] = ""
    endpoint: Text = None
    model: Text = None
    input_file_id: FileId = None
    output_file_id: FileId = None
    error_file_id: FileId = None
    created_at: Seconds = None
    expires_at: Seconds = None
    in_progress_at: Seconds = None
    finalizing_at: Seconds = None
    completed_at: Seconds = None
    failed_at: Seconds = None
    expired_at: Seconds = None
    cancelling_at: Seconds = None
    cancelled_at: Seconds = None
    request_counts: Annotated[RequestCounts, BeforeValidator(_counts)] = RequestCounts()
    errors: Annotated[tuple[BatchError, ...], BeforeValidator(_errors)] = ()
    metadata: Annotated[dict[str, str], BeforeValidator(_metadata)] = Field(default_factory=dict)
    input_file: InputFile | None = None

    @property
    def awaits_files(self) -> bool:
        """Whether it says that it has ended, and the files that it should have are not there yet."""
        if self.status not in ENDED or self.status == BatchStatus.FAILED:
            return False
        nothing_ran = self.status == BatchStatus.CANCELLED and not self.request_counts.total
        return not (nothing_ran or self.output_file_id or self.error_file_id)

    def has_ended(self, now: float, seen_at: float | None = None) -> bool:
        """Whether nothing more will come: ended, with its files there or no longer to be hoped for.

        Args:
            now: The time in Unix seconds.
            seen_at: When it was first seen to have ended; None where nobody has noted that.
        """
        if self.status not in ENDED:
            return self.is_lost(now)
        grace = COUNTED_GRACE_SECONDS if self.request_counts.completed else GRACE_SECONDS
        return not self.awaits_files or now - self._ended_at(now, seen_at) > grace

    def _ended_at(self, now: float, seen_at: float | None) -> float:
        """Since when it has ended, as far as is known: by its own time where that can be, or as it was seen."""
        created_at = self.created_at or 0
        own = [time for time in (self.completed_at, self.expired_at, self.cancelled_at) if time is not None]
        possible = [time for time in own if created_at <= time <= now]
        return min([*possible, *([] if seen_at is None else [seen_at])], default=created_at)

    def is_late(self, now: float) -> bool:
        """Whether it should have ended days ago, and has not."""
        return self._overdue(now) > LATE_SECONDS

    def is_lost(self, now: float) -> bool:
        """Whether it has not ended although it was late, or is no longer there."""
        return self._overdue(now) > LOST_SECONDS

    def _overdue(self, now: float) -> float:
        """How many seconds ago its window closed, where it has not ended."""
        if self.status in ENDED or self.created_at is None:
            return 0.0
        return now - (self.expires_at or self.created_at + WINDOW_SECONDS)

    @property
    def file_ids(self) -> tuple[str, ...]:
        """The remote files that belong to the batch: input, output and error file."""
        return tuple(
            file for file in (self.input_file_id, self.output_file_id, self.error_file_id) if file is not None
        )

    @property
    def why_failed(self) -> str:
        """What OpenAI's validation found, in its own words."""
        found = "; ".join(
            f"line {error.line}: {error.message}" if error.line is not None else str(error.message)
            for error in self.errors[:3]
        )
        return found or f"the batch ended as {self.status}, without a reason"


def read_batch(answer: Any, input_file: InputFile | None = None) -> Batch:
    """Our reading of a batch object, as the OpenAI SDK or its JSON gives it."""
    content = answer.model_dump(warnings=False) if isinstance(answer, BaseModel) else dict(answer)
    return Batch.model_validate({**content, "input_file": input_file})


def read_errors(answer: BaseModel) -> list[BatchError]:
    """All errors of a batch object that the OpenAI SDK gives; a `Batch` keeps only the first."""
    errors = _list_errors(answer.model_dump(warnings=False).get("errors"))
    return [BatchError.model_validate(error) for error in errors]


def count_items(batches: Iterable[Batch]) -> tuple[int, int]:
    """How many items of the batches are done, and how many there are; OpenAI's counts lag."""
    done = total = 0
    for batch in batches:
        counts = batch.request_counts
        done += counts.completed + counts.failed
        total += counts.total or (batch.input_file.items if batch.input_file else 0)
    return done, total


def describe_progress(batches: Sequence[Batch]) -> str:
    """One line that says how far the batches are: items done of all, and statuses."""
    done, total = count_items(batches)
    statuses = Counter(batch.status for batch in batches)
    told = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    return f"{done:,} of {counted(total, 'item')} done ({told})"
