"""The time that a job has to be done by, as it is given."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from prefect_openai_batch.batch.errors import DeadlineError
from prefect_openai_batch.batch.jobs.deadlines import Deadline, check_deadline, make_deadline

BEGUN = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-03-02T08:00:00Z", "2026-03-02T08:00:00+00:00"),
        ("2026-03-02T08:00", "2026-03-02T08:00:00+00:00"),
        ("2026-03-02T08:00+01:00", "2026-03-02T08:00:00+01:00"),
        ("08:00", "2026-03-02T08:00:00+00:00"),
        ("8:00 Europe/Berlin", "2026-03-02T08:00:00+01:00"),
        ("23:45", "2026-03-01T23:45:00+00:00"),
    ],
)
def test_a_time_to_finish_by_is_read(text: str, meant: str) -> None:
    """A time as it is, a time of day as the next one after the start, in UTC where no zone is named."""
    assert make_deadline(text, BEGUN).finish_by == datetime.fromisoformat(meant)


@pytest.mark.parametrize(
    ("begun", "text", "meant", "cancel_at"),
    [
        ("2026-03-29T00:10Z", "03:30 Europe/Berlin", "2026-03-29T01:30Z", "2026-03-29T00:30Z"),
        ("2026-10-25T00:45Z", "03:30 Europe/Berlin", "2026-10-25T02:30Z", "2026-10-25T01:30Z"),
        ("2026-10-24T22:00Z", "02:30 Europe/Berlin", "2026-10-25T00:30Z", "2026-10-24T23:30Z"),
        ("2026-10-25T00:45Z", "02:30 Europe/Berlin", "2026-10-25T01:30Z", "2026-10-25T00:30Z"),
        ("2026-10-25T01:45Z", "02:30 Europe/Berlin", "2026-10-26T01:30Z", "2026-10-26T00:30Z"),
        ("2026-03-28T22:00Z", "02:30 Europe/Berlin", "2026-03-29T01:30Z", "2026-03-29T00:30Z"),
        ("2026-10-03T15:00Z", "03:00 Australia/Lord_Howe", "2026-10-03T16:00Z", "2026-10-03T15:00Z"),
    ],
    ids=["put on", "put back", "twice, the first", "twice, the second", "past both", "in the gap", "half an hour"],
)
def test_an_hour_is_an_hour_where_the_clocks_change(begun: str, text: str, meant: str, cancel_at: str) -> None:
    """The lead is real time, and so is the next time of day: also of a deadline that is made by hand."""
    deadline = make_deadline(text, datetime.fromisoformat(begun), cancel_lead_minutes=60)
    by_hand = Deadline(finish_by=datetime.fromisoformat(meant).astimezone(ZoneInfo(text.split()[1])))
    for found in (deadline, by_hand):
        times = (found.finish_by.astimezone(UTC), found.cancel_at.astimezone(UTC))
        assert times == (datetime.fromisoformat(meant), datetime.fromisoformat(cancel_at))


@pytest.mark.parametrize(
    "text",
    [
        *("tomorrow", "25:00", "08:00 Nowhere/City", "", "08:00 Europe", "08:00 .", "08:00 /etc", "08:00 ../UTC"),
        *(
            "08:00 tzdata.zi",
            "08:00 zone.tab",
            f"08:00 {'x' * 300}",
            "08:00 a\0b",
            "08:00 Europe/",
            "08:00 \udc80",
        ),
    ],
    ids=[
        *(
            "word",
            "hour",
            "no city",
            "nothing",
            "folder",
            "point",
            "root",
            "parent",
            "data",
            "table",
            "long",
            "NUL",
        ),
        *("no name", "half a character"),
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """With the forms that are read."""
    with pytest.raises(DeadlineError, match="is no time: give one such as"):
        make_deadline(text, BEGUN)


@pytest.mark.parametrize(
    ("text", "lead"), [("0001-01-01T00:00+01:00", 0), ("08:00", float("inf")), ("08:00", 1e10)]
)
def test_a_time_outside_all_dates_is_refused(text: str, lead: float) -> None:
    """As the input that it is."""
    with pytest.raises(DeadlineError, match="lies outside all dates"):
        make_deadline(text, BEGUN, cancel_lead_minutes=lead)


@pytest.mark.parametrize("text", ["2026-03-01T23:00Z", "2026-02-28"])
def test_a_time_that_leaves_none_for_a_batch_is_refused(text: str) -> None:
    """Cancelling would begin at once."""
    with pytest.raises(DeadlineError, match="leaves no time for a batch"):
        check_deadline(make_deadline(text, BEGUN), BEGUN)
