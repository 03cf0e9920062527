"""What a person has changed stays, what the file has changed arrives; the rule, without a server."""

from typing import Any

import pytest
from prefect_openai_batch.deployments.deploying.settling import digests_of, settle

LAST = {"description": "old"}
"""What the last deploy wanted."""


@pytest.mark.parametrize(
    ("there", "wanted", "last", "changes", "kept"),
    [
        pytest.param("old", "old", LAST, {}, (), id="nothing new"),
        pytest.param("old", "new", LAST, {"description": "new"}, (), id="the file has changed"),
        pytest.param("mine", "old", LAST, {}, ("description",), id="somebody has changed it"),
        pytest.param("mine", "new", LAST, {}, ("description",), id="both have"),
        pytest.param("new", "new", LAST, {}, (), id="both have, to the same"),
        pytest.param(None, "old", LAST, {}, ("description",), id="somebody has taken it away"),
        pytest.param("old", None, LAST, {"description": None}, (), id="the file names it no more"),
        pytest.param(
            "mine", None, LAST, {}, ("description",), id="the file names no more what somebody has changed"
        ),
        pytest.param(None, "new", {}, {"description": "new"}, (), id="new in the file"),
        pytest.param("mine", "new", {}, {}, ("description",), id="deployed by another command"),
        pytest.param("mine", None, {}, {}, (), id="never the file's"),
    ],
)
def test_a_field_is_whose_change_it_was(
    there: str | None, wanted: str | None, last: dict[str, str], changes: dict[str, Any], kept: tuple[str, ...]
) -> None:
    """The file's where nobody has touched it since the last deploy, else theirs."""
    settlement = settle(fields(there), fields(wanted), digests_of(last))
    assert (settlement.changes, settlement.kept) == (changes, kept)


def test_what_an_option_asks_for_newly_counts_in_any_case() -> None:
    """Whoever types it means it; typed again it is no news."""
    there, wanted, last = fields("mine"), fields("asked"), digests_of(fields("old"))
    assert settle(there, wanted, last, {"description"}).changes == wanted
    assert settle(there, wanted, digests_of(wanted)).kept == ("description",)


NIGHTLY = {"schedules.nightly.cron": "0 2 * * *", "schedules.nightly.active": False}


def test_a_schedule_that_somebody_has_paused_takes_the_files_new_hour() -> None:
    """And stays paused."""
    there = {"schedules.night.ly.cron": "0 2 * * *", "schedules.night.ly.active": False}
    last = digests_of({**there, "schedules.night.ly.active": True})
    wanted = {"schedules.night.ly.cron": "0 3 * * *", "schedules.night.ly.active": True}
    settlement = settle(there, wanted, last)
    assert settlement.changes == {"schedules.night.ly.cron": "0 3 * * *"}
    assert settlement.kept == ("schedules.night.ly.active",)


def test_a_schedule_that_somebody_has_deleted_stays_deleted() -> None:
    """As a whole, also where the file says more of it now; unless it is asked for anew."""
    wanted = {**NIGHTLY, "schedules.nightly.timezone": "UTC"}
    assert settle({}, wanted, digests_of(NIGHTLY)).changes == {}
    assert settle({}, wanted, digests_of(NIGHTLY), {"schedules.nightly.active"}).changes == wanted


def test_a_schedule_goes_from_the_server_when_it_goes_from_the_file() -> None:
    """Unless somebody has changed it: then it is theirs, all of it."""
    there = {**NIGHTLY, "schedules.nightly.day_or": True}
    assert settle(there, {}, digests_of(NIGHTLY)).changes == dict.fromkeys(there)
    switched = {**NIGHTLY, "schedules.nightly.active": True}
    assert settle(switched, {}, digests_of(NIGHTLY)).changes == {}


def test_anothers_schedule_is_not_looked_at() -> None:
    """Whatever its slug."""
    assert settle({**NIGHTLY, "schedules.theirs.cron": "* * * * *"}, NIGHTLY, digests_of(NIGHTLY)).changes == {}


def fields(description: str | None) -> dict[str, Any]:
    return {} if description is None else {"description": description}
