"""A time by which a job is to be done: "ready by 08:00"."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..errors import DeadlineError

CANCEL_LEAD_MINUTES = 60.0
"""OpenAI took up to 47 minutes to end a cancelled batch."""

_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})(?:\s+(\S+))?")


def _absolute(moment: datetime) -> datetime:
    """The same moment with a fixed offset: in a zone whose clocks change an hour's difference is not an hour."""
    return moment.replace(tzinfo=timezone(moment.utcoffset() or timedelta()), fold=0)


class Deadline(BaseModel):
    """When a job has to be done, and what is done then about rows without an answer.

    `cancel_lead_minutes` before `finish_by` its open batches are cancelled. With `answer_rest` the rows whose
    batch has ended without their answer are answered at once, by the synchronous API and at its price.
    """

    model_config = ConfigDict(frozen=True)

    finish_by: Annotated[datetime, AfterValidator(_absolute)]
    cancel_lead_minutes: float = Field(CANCEL_LEAD_MINUTES, ge=0)
    answer_rest: bool = False

    @property
    def cancel_at(self) -> datetime:
        """When what is open is cancelled."""
        return self.finish_by - timedelta(minutes=self.cancel_lead_minutes)


def make_deadline(
    finish_by: str,
    begun: datetime,
    *,
    cancel_lead_minutes: float = CANCEL_LEAD_MINUTES,
    answer_rest: bool = False,
) -> Deadline:
    """The deadline that was asked for.

    Args:
        finish_by: An ISO time, or a time of day such as `08:00` or `08:00 Europe/Berlin`, the next one after
            `begun`; in UTC where no zone is named.
        begun: When the run was to start.
        cancel_lead_minutes: How long before it open batches are cancelled.
        answer_rest: Whether the rest is answered by the synchronous API.

    Raises:
        DeadlineError: it is no time, or its lead goes back before all dates.
    """
    deadline = Deadline(
        finish_by=_parse(finish_by.strip(), begun),
        cancel_lead_minutes=cancel_lead_minutes,
        answer_rest=answer_rest,
    )
    try:
        deadline.cancel_at.astimezone(UTC)
    except OverflowError:
        raise DeadlineError(
            f"finish_by {finish_by!r} with {cancel_lead_minutes:g} cancel_lead_minutes lies outside all dates.",
            finish_by=finish_by,
        ) from None
    return deadline


def zone_named(name: str) -> ZoneInfo:
    """The time zone of this name.

    Raises:
        ValueError: there is none. Python answers with other errors too, a folder's among them for `Europe`.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError(f"there is no time zone {name!r}") from error


def next_deadline(deadline: Deadline | None, *, cancelled: bool) -> datetime | None:
    """When something is to be done next: cancelling what is open, or, once that is done, ending."""
    if deadline is None:
        return None
    return deadline.finish_by if cancelled else deadline.cancel_at


def check_deadline(deadline: Deadline, now: datetime) -> None:
    """Refuse a deadline that leaves no time for a batch.

    Raises:
        DeadlineError: cancelling would begin at once.
    """
    if deadline.cancel_at <= now:
        raise DeadlineError(
            f"finish_by {deadline.finish_by.isoformat()} leaves no time for a batch: cancelling begins "
            f"{deadline.cancel_lead_minutes:g} minutes before it, at {deadline.cancel_at.isoformat()}, and it is "
            f"{now.isoformat()}. Choose a later time, or a shorter cancel_lead_minutes.",
            finish_by=deadline.finish_by,
        )


def _parse(text: str, begun: datetime) -> datetime:
    try:
        found = _TIME_OF_DAY.fullmatch(text)
        return _next(found, begun) if found else _whole(datetime.fromisoformat(text))
    except ValueError:
        raise DeadlineError(
            f"finish_by {text!r} is no time: give one such as 2026-01-31T08:00+01:00, or a time of day such as "
            "08:00 or '08:00 Europe/Berlin'.",
            finish_by=text,
        ) from None


def _whole(given: datetime) -> datetime:
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _next(found: re.Match[str], begun: datetime) -> datetime:
    hour, minute, zone = found.groups()
    local = begun.astimezone(zone_named(zone or "UTC"))
    at = time(int(hour), int(minute), tzinfo=local.tzinfo)
    days = (local.date(), local.date() + timedelta(days=1))
    return next(moment for day in days for moment in _moments(day, at) if moment > begun.astimezone(UTC))


def _moments(day: date, at: time) -> Iterator[datetime]:
    """When a clock shows a time on a day: twice where it is put back."""
    for fold in (0, 1):
        yield _absolute(datetime.combine(day, at.replace(fold=fold)))
