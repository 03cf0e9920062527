"""Why rows have no answer: every such row is counted once, and said in words."""

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.outcomes.by_row.hidden_errors import with_hidden_error
from prefect_openai_batch.batch.outcomes.by_row.reasons import (
    KEPT,
    LONGEST,
    advice,
    count_reasons,
    most_first,
    named,
    unanswered,
)
from prefect_openai_batch.batch.outcomes.outcome import Outcome, OutcomeKind, read_outcome
from prefect_openai_batch.batch.requests.endpoints import Endpoint

TEXTS = st.none() | st.text(max_size=80)
ROWS = st.tuples(
    st.sampled_from(["succeeded", "failed", "invalid"]),
    TEXTS,
    st.none() | st.sampled_from(["stop", "length", "content_filter"]),
    TEXTS | st.sampled_from(["refusal", "invalid_answer"]),
)
COLUMNS = ("outcome", "answer", "finish_reason", "error_code")


def outcomes(*rows: tuple[str | None, ...]) -> pa.RecordBatch:
    columns = [pa.array([row[place] for row in rows], pa.string()) for place in range(len(COLUMNS))]
    return pa.RecordBatch.from_arrays(columns, names=list(COLUMNS))


def counted(*rows: tuple[str | None, ...]) -> Counter[str]:
    found: Counter[str] = Counter()
    count_reasons(found, outcomes(*rows))
    return found


@given(st.lists(ROWS, max_size=40))
def test_each_row_without_an_answer_has_one_reason(rows: list[tuple[str | None, ...]]) -> None:
    """The counts sum to those rows, and a reason is a short word whatever a server sends."""
    found = counted(*rows)
    assert found.total() == sum(unanswered(outcomes(*rows)).to_pylist())
    assert all(0 < len(reason) <= LONGEST for reason in found)


def test_reasons_without_number_take_bounded_memory() -> None:
    """A server that words each error anew has its errors counted together; none is lost."""
    found = counted(*(("failed", None, None, f"error {number}") for number in range(1_000)))
    assert (len(found), found.total()) == (KEPT + 1, 1_000)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("failed", None, None, "context_length_exceeded"), "1 context_length_exceeded"),
        (("succeeded", None, "stop", "refusal"), "1 refused"),
        (("succeeded", None, "length", None), "1 cut at the length limit"),
        (("invalid", "{", "length", "invalid_answer"), "1 cut at the length limit"),
        (("invalid", "{}", "stop", "invalid_answer"), "1 with an invalid answer"),
        (("failed", None, None, None), "1 with an empty answer"),
        (("succeeded", "yes", "length", None), ""),
    ],
    ids=["code", "refusal", "cut", "cut in its schema", "invalid", "no word", "answered"],
)
def test_a_reason_is_said_in_words(row: tuple[str | None, ...], said: str) -> None:
    """OpenAI's code where it has one, how the answer ended where that says more."""
    assert named(counted(row), 4) == said


def test_a_secret_at_the_end_of_a_long_message_is_hidden_whole() -> None:
    """It is cut when it holds no secret any more."""
    outcome = Outcome(OutcomeKind.FAILED, error_message="x" * 990 + "sk-proj-0123456789" + "x" * 990)
    hidden = with_hidden_error(outcome, lambda text: text.replace("sk-proj-0123456789", "…"))
    assert hidden.error_message == "x" * 990 + "…" + "x" * 9


def test_the_most_frequent_reasons_are_named() -> None:
    """The others are counted together, behind them."""
    told = most_first({"other": 9, "refusal": 12, "a": 30, "b": 1})
    assert [*told] == ["a", "refusal", "b", "other"]
    assert named(told, 2) == "30 a, 12 refused, 10 for other reasons"


@pytest.mark.parametrize(
    ("reason", "helps"),
    [
        *[(reason, "may succeed another time") for reason in ("429", "503", "broken_line", "unreadable_response")],
        ("token_limit_exceeded", "shorten the prompt"),
        ("400", None),
    ],
    ids=["too many requests", "out of order", "broken line", "unreadable", "over the limit alone", "refused"],
)
def test_to_try_again_is_advised_where_it_may_help(reason: str, helps: str | None) -> None:
    """Not for an item that would be refused each time."""
    assert advice(reason) is None if helps is None else helps in str(advice(reason))


@pytest.mark.parametrize(
    "code", ["server_error", "internal_error", "rate_limit_exceeded", "request_timeout", "503"]
)
def test_what_is_advised_to_go_again_does(code: str) -> None:
    """Also without a response."""
    outcome = read_outcome(Endpoint.CHAT_COMPLETIONS, {"response": None, "error": {"code": code}})
    assert outcome.again
    assert "take the job up again" in str(advice(code))
