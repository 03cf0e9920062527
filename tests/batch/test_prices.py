"""What tokens cost: as the library says for each request, and never by guess."""

from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.prices import GivenPrice, Processing, price_of
from pydantic import ValidationError

KNOWN = ("gpt-5-mini", "gpt-5-mini-2025-08-07", "gpt-4o-mini", "gpt-5.4", "gpt-6-astra", "o3", "gpt-4.1")


@given(
    st.sampled_from(KNOWN),
    st.sampled_from(["batch", "synchronous"]),
    st.one_of(st.integers(0, 10_000), st.integers(271_999, 272_001), st.integers(300_000, 10**6)),
    st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)),
    st.integers(0, 100_000),
)
def test_a_request_costs_what_the_library_says(
    model: str, processing: Processing, sent: int, shares: tuple[float, float], got: int
) -> None:
    """To the last digit: cached input, what is written to the cache, and the dearer tier of a long prompt."""
    cached, written = (int(sent * share) for share in shares)
    context = {"processing": "batch"} if processing == "batch" else None
    usage = Usage(input_tokens=sent, cache_read_tokens=cached, cache_write_tokens=written, output_tokens=got)
    price = price_of(model, processing)
    assert price is not None
    found = calc_price(usage, model, provider_id="openai", price_context=context)
    assert price.cost(sent, got, cached, written) == found.total_price


@pytest.mark.parametrize(
    "model", ["gpt-nonsense", "text-embedding-3-small", "omni-moderation-latest", "gpt-audio"]
)
def test_a_batch_price_that_is_not_known_is_none(model: str) -> None:
    """Not the standard price, not half of it, and not 0."""
    assert price_of(model, "batch") is None


def test_a_price_for_answers_at_once_may_be_known_alone() -> None:
    """The library has the one and not the other."""
    price = price_of("text-embedding-3-small", "synchronous")
    assert price is not None
    assert price.cost(1_000_000, 0) == Decimal("0.02")


def test_a_given_price_stands_before_the_library() -> None:
    """It is flat, exact as it was typed, and says nothing of what is asked at once."""
    given_prices = (GivenPrice(model="gpt-5", input=0.1, output=0.3), GivenPrice(input=7))
    price = price_of("gpt-5", "batch", given_prices)
    assert price is not None
    assert price.cost(1_000_000, 1_000_000, 500_000) == Decimal("0.4")
    assert price_of("gpt-5", "synchronous", given_prices) is None


@pytest.mark.parametrize(
    ("model", "theirs"),
    [
        ("gpt-5", True),
        ("gpt-5-2025-08-07", True),
        ("gpt-4-0613", False),
        ("gpt-5-mini", False),
        ("gpt-5-mini-2025-08-07", False),
    ],
    ids=["itself", "its snapshot", "another", "a smaller one", "the smaller one's snapshot"],
)
def test_a_given_price_is_of_a_model_and_its_snapshots(model: str, theirs: bool) -> None:
    """And of no other whose name begins alike."""
    assert GivenPrice(model="gpt-5", input=1).fits(model) is theirs


def test_a_given_price_by_the_asked_name_stands_before_the_published_one_of_the_answered() -> None:
    """An answer bears its snapshot's name, or an alias of the server's."""
    given_prices = (GivenPrice(model="mine", input=7),)
    price = price_of("gpt-5-mini-2025-08-07", "batch", given_prices, also_called="mine")
    assert price is not None
    assert price.cost(1_000_000, 0) == 7


@pytest.mark.parametrize(
    "rate", [0.00000025, 1e12, -1.0, float("nan")], ids=["of one token", "too dear", "below 0", "none"]
)
def test_a_price_that_nobody_means_is_refused(rate: float) -> None:
    """As that of one token, where it is of a million."""
    with pytest.raises(ValidationError, match="input"):
        GivenPrice(input=rate)


def test_a_price_without_output_holds_only_where_there_is_none() -> None:
    """What an answer costs is then not known."""
    price = price_of("llama", "batch", (GivenPrice(input=7),))
    assert price is not None
    assert price.cost(1_000_000, 0) == Decimal(7)
    assert price.cost(1, 1) is None
