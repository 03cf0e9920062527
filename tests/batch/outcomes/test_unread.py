"""What a batch says it finished is compared with what its files tell; servers' counts are believed with care."""

from typing import Any

import pytest
from prefect_openai_batch.batch.files.batches import read_batch
from prefect_openai_batch.batch.outcomes.outcome import Outcome, OutcomeKind
from prefect_openai_batch.batch.outcomes.unread import Reading

LINE: list[dict[str, Any]] = [{}]


def unread(
    status: str, completed: Any, failed: Any, *, run: int, invalid: int = 0, expired: int = 0, untold: int = 0
) -> int:
    """What is unread of a batch whose files tell of so many items."""
    reading = Reading()
    told = {OutcomeKind.SUCCEEDED: run, OutcomeKind.INVALID: invalid, OutcomeKind.EXPIRED: expired}
    for kind, number in told.items():
        for _ in range(number):
            reading.add(LINE, Outcome(kind))
    for _ in range(untold):
        reading.add([], Outcome(OutcomeKind.MISSING))
    counts = {"total": None, "completed": completed, "failed": failed}
    return reading.unread(read_batch({"status": status, "request_counts": counts}), all_known=True)


@pytest.mark.parametrize(
    ("status", "completed", "failed", "told", "expected"),
    [
        ("completed", 8, 2, {"run": 10}, 0),
        ("completed", 8, 2, {"run": 7, "untold": 3}, 3),
        ("completed", 5, 0, {"run": 7, "untold": 3}, 3),
        ("completed", None, None, {"run": 7, "untold": 3}, 3),
        ("completed", 0, 0, {"run": 7, "untold": 3}, 3),
        ("completed", 99, 99, {"run": 10}, 0),
        ("completed", 0, 0, {"run": 5, "expired": 5}, 0),
        ("expired", 6, 0, {"run": 6, "expired": 4}, 0),
        ("expired", 6, 0, {"run": 4, "invalid": 2, "untold": 4}, 0),
        ("expired", 6, 0, {"run": 4, "expired": 4, "untold": 2}, 2),
        ("expired", 6, 0, {"run": 6, "expired": 1, "untold": 3}, 0),
        ("expired", None, None, {"run": 6, "untold": 4}, 0),
        ("cancelled", 2, 1, {"run": 1, "untold": 9}, 2),
        ("cancelled", 99, 0, {"run": 1, "untold": 9}, 9),
        ("cancelled", 0, 0, {"run": 0, "untold": 10}, 0),
        ("failed", 10, 0, {"run": 0, "untold": 10}, 0),
    ],
    ids=[
        "all told",
        "three lack",
        "three lack, counts lag",
        "three lack, no counts",
        "three lack, counts of 0",
        "all told, counts too high",
        "completed with expired lines",
        "expired, all told",
        "expired, two answers break their schema",
        "expired, two of those that were run lack",
        "expired, three of those that were not run lack",
        "expired, no counts",
        "cancelled, two lack",
        "cancelled, counts too high",
        "cancelled before anything ran",
        "refused",
    ],
)
def test_unread_is_what_is_finished_and_untold(
    status: str, completed: Any, failed: Any, told: dict[str, int], expected: int
) -> None:
    """Of a completed batch everything is finished; of others what they count, as far as items are untold."""
    assert unread(status, completed, failed, **told) == expected


@pytest.mark.parametrize(
    ("code", "unread", "shapeless"),
    [("broken_line", 1, 0), ("unreadable_response", 0, 1)],
    ids=["a broken line", "a whole line of no shape"],
)
def test_a_broken_line_tells_nothing(code: str, unread: int, shapeless: int) -> None:
    """Its item is unread, like one without a line; a whole line would say the same when it is read again."""
    reading = Reading()
    reading.add(LINE, Outcome(OutcomeKind.FAILED, error_code=code))
    found = reading.unread(read_batch({"status": "completed"}), all_known=True), reading.shapeless
    assert found == (unread, shapeless)


def test_where_it_is_not_known_what_was_sent_the_counts_tell() -> None:
    """By hand, where the input file is gone."""
    reading = Reading()
    reading.add(LINE, Outcome(OutcomeKind.SUCCEEDED))
    batch = read_batch({"status": "completed", "request_counts": {"completed": 3}})
    assert reading.unread(batch, all_known=False) == 2
