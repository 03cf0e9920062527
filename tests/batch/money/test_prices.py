"""What tokens cost: as the library says for each request, and never by guess."""

from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.outcomes.prices import Processing, flat_price, price_of

KNOWN = ("gpt-5-mini", "gpt-5-mini-2025-08-07", "gpt-4o-mini", "gpt-5.4", "gpt-6-astra", "o3", "gpt-4.1")


@given(
    st.sampled_from(KNOWN),
    st.sampled_from(["batch", "synchronous"]),
    st.one_of(st.integers(0, 10_000), st.integers(271_999, 272_001), st.integers(300_000, 10**6)),
    st.floats(0, 1),
    st.integers(0, 100_000),
)
def test_a_request_costs_what_the_library_says(
    model: str, processing: Processing, sent: int, share: float, got: int
) -> None:
    """Cached input and the dearer tier of a long prompt included, to the last digit."""
    cached = int(sent * share)
    usage = Usage(input_tokens=sent, cache_read_tokens=cached, output_tokens=got)
    context = {"processing": "batch"} if processing == "batch" else None
    price = price_of(model, processing)
    assert price is not None
    found = calc_price(usage, model, provider_id="openai", price_context=context)
    assert price.cost(sent, cached, got) == found.total_price


@pytest.mark.parametrize("model", ["gpt-nonsense", "text-embedding-3-small", ""])
def test_a_batch_price_that_is_not_known_is_none(model: str) -> None:
    """Not the standard price, and not half of it."""
    assert price_of(model, "batch") is None


def test_a_price_for_answers_at_once_may_be_known_alone() -> None:
    """The library has the one and not the other."""
    price = price_of("text-embedding-3-small", "synchronous")
    assert price is not None
    assert price.cost(1_000_000, 0, 0) == Decimal("0.02")


def test_a_price_of_ones_own_is_flat() -> None:
    """Cached or not, long or short."""
    assert flat_price(Decimal(1), Decimal(2)).cost(500_000, 250_000, 1_000_000) == Decimal("2.5")
