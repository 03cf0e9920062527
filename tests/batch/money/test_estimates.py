"""What a job will cost, as far as anybody can tell."""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch import ChatRequest
from prefect_openai_batch.batch.files.most_costs import most_cost
from prefect_openai_batch.batch.money.estimates import estimate_files, estimate_of
from prefect_openai_batch.batch.prices import GivenPrice, dollars, dollars_enough

from ..conftest import MakeJob, built

ROWS = [{"model": ["gpt-5", "gpt-5-nano"][number % 2], "text": "word " * 100} for number in range(8)]


def request_of(**parameters: Any) -> ChatRequest:
    return ChatRequest(model="{{ model }}", prompt="{{ text }}", parameters=parameters)


def test_the_files_of_several_models_are_summed(make_job: MakeJob) -> None:
    """Each at its own price; answers at most at the request's limit."""
    files = built(make_job(ROWS, request_of(max_completion_tokens=10)))
    estimate = estimate_files(files)
    assert (estimate.items, estimate.output_tokens) == (8, 80)
    assert estimate.input_tokens is not None
    each = Decimal(estimate.input_tokens) / 2
    assert estimate.input_usd == (Decimal("0.625") + Decimal("0.025")) * each / 1_000_000
    assert estimate.output_usd == 40 * (Decimal(5) + Decimal("0.2")) / 1_000_000
    assert estimate.synchronous_usd == 2 * estimate.batch_usd  # type: ignore[operator]


@pytest.mark.parametrize(
    ("model", "parameters", "says"),
    [
        (
            "gpt-5",
            {"max_completion_tokens": 10},
            r"about \d+ input tokens \(by their bytes\), \$0\.\d+ in batches; at",
        ),
        ("gpt-5", {}, "what the answers will take is not known: the request does not limit them"),
        ("llama", {"max_completion_tokens": 10}, "an unknown price in batches; at most 10 output tokens, an"),
    ],
    ids=["all is known", "no limit", "no price"],
)
def test_an_estimate_says_what_it_knows(
    make_job: MakeJob, model: str, parameters: dict[str, Any], says: str
) -> None:
    """And what it does not: never 0, never a guess."""
    files = built(make_job([{"model": model, "text": "word"}], request_of(**parameters)))
    assert re.search(says, str(estimate_files(files)))


def test_images_leave_nothing_to_tell(make_job: MakeJob) -> None:
    """What they take, only OpenAI says."""
    request = ChatRequest(model="gpt-5", prompt="{{ text }}", image="https://x.example/{{ model }}.png")
    estimate = estimate_files(built(make_job(ROWS, request)))
    assert (estimate.input_tokens, estimate.input_usd, estimate.batch_usd) == (None, None, None)
    assert "images" in str(estimate)


def test_long_prompts_stand_in_the_dearer_tier() -> None:
    """By their average in an estimate, by the longest where nothing may be exceeded."""
    short, long = (estimate_of("gpt-5.4", 2, tokens, 0, "trial") for tokens in (2 * 272_000, 2 * 272_001))
    assert short.input_usd == Decimal("1.25") * 2 * 272_000 / 1_000_000
    assert long.input_usd == Decimal("2.5") * 2 * 272_001 / 1_000_000


def test_the_most_is_what_no_item_exceeds(make_job: MakeJob) -> None:
    """Each answer at its limit, and more input than there is."""
    (first, _) = built(make_job(ROWS, request_of(max_completion_tokens=1_000)))
    most = most_cost(first.model, first.tokens, "batch", (GivenPrice(input=1, output=10),))
    assert most is not None
    assert most > Decimal(4 * 1_000 * 10 + 4 * 100) / 1_000_000
    assert most_cost(first.model, first.tokens, "synchronous", (GivenPrice(input=1, output=10),)) is None


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "an unknown price"),
        (Decimal(0), "$0.00"),
        (Decimal("1234.567"), "$1,234.57"),
        (Decimal("0.0173"), "$0.017"),
        (Decimal("0.000123"), "$0.00012"),
        (Decimal("0.25"), "$0.25"),
    ],
    ids=["unknown", "nothing", "to the cent", "cents", "little", "a quarter"],
)
def test_dollars_are_told_to_the_cent_or_to_two_digits(amount: Decimal | None, text: str) -> None:
    """Whichever is more."""
    assert dollars(amount) == text


@given(st.decimals(0, 10**6, allow_nan=False, allow_infinity=False, places=12))
def test_a_budget_of_what_is_said_to_be_needed_is_enough(amount: Decimal) -> None:
    """To the cent, or to two digits: it is never a tenth too much."""
    said = Decimal(dollars_enough(amount).strip("$").replace(",", ""))
    assert 0 <= said - amount <= min(Decimal("0.01"), amount / 10)
