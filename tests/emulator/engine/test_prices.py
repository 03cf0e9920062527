"""What one request costs: the measure is the library's own sum of the same tokens."""

from decimal import Decimal

import genai_prices
import pytest
from prefect_openai_batch.emulator.answers.exchange import Usage, read_usage
from prefect_openai_batch.emulator.engine.prices import usd

USAGES = {
    "plain": Usage(1_000, 200),
    "nothing": Usage(),
    "cached": Usage(1_000, 200, cached=300),
    "newly cached": Usage(1_000, 200, cached=300, cache_write=100),
    "reasoning": Usage(1_000, 500, reasoning=400),
    "at the tier": Usage(272_000, 7, cached=300, cache_write=100),
    "above the tier": Usage(272_001, 7, cached=300, cache_write=100),
}


def by_library(model: str, usage: Usage, *, batch: bool) -> Decimal:
    counted = genai_prices.Usage(
        input_tokens=usage.input,
        cache_read_tokens=usage.cached,
        cache_write_tokens=usage.cache_write,
        output_tokens=usage.output,
    )
    context = {"processing": "batch"} if batch else None
    found = genai_prices.calc_price(counted, model, provider_id="openai", price_context=context)
    return found.total_price


@pytest.mark.parametrize("usage", USAGES.values(), ids=USAGES)
@pytest.mark.parametrize("batch", [True, False], ids=["batch", "synchronous"])
@pytest.mark.parametrize("model", ["gpt-6-sol", "gpt-5.4", "gpt-5-pro", "gpt-4o-mini-2024-07-18"])
def test_a_request_costs_what_the_library_says(model: str, batch: bool, usage: Usage) -> None:
    """Cached tokens at their own price, where there is one, and a long prompt in its tier."""
    assert usd(model, usage, batch=batch) == by_library(model, usage, batch=batch)


@pytest.mark.parametrize("model", ["gpt-6-sol", "text-embedding-3-small"])
def test_a_synchronous_call_costs_the_standard_price(model: str) -> None:
    """Which is more than a batch's."""
    assert usd(model, Usage(1_000), batch=False) == by_library(model, Usage(1_000), batch=False)
    assert usd(model, Usage(1_000), batch=False) != usd(model, Usage(1_000), batch=True)


def test_a_tier_is_of_the_request_alone() -> None:
    """Two prompts below it stay below it; one of a token more is dearer from its first token."""
    half, whole = usd("gpt-6-sol", Usage(272_000), batch=True), usd("gpt-6-sol", Usage(272_001), batch=True)
    assert half is not None
    assert whole is not None
    assert whole > half * Decimal("1.9")


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        pytest.param("text-embedding-3-small", Usage(9), id="the library has no batch price"),
        pytest.param("my-own-model", Usage(9), id="an unknown model"),
        pytest.param("", Usage(9), id="no model"),
        pytest.param("gpt-image-1", Usage(9, 1056), id="images have prices of their own"),
        pytest.param("omni-moderation-latest", Usage(), id="nothing is priced"),
        pytest.param("gpt-6-sol", Usage(9, cached=10), id="more cached than there is"),
    ],
)
def test_a_price_that_is_not_known_is_none(model: str, usage: Usage) -> None:
    """Never 0, and never half of another."""
    assert usd(model, usage, batch=True) is None


@pytest.mark.parametrize("name", ["prompt_tokens", "input_tokens"])
def test_tokens_written_to_the_cache_are_read(name: str) -> None:
    """In the words of either API."""
    details = {"cached_tokens": 3, "cache_write_tokens": 2}
    assert read_usage({"usage": {name: 9, f"{name}_details": details}}) == Usage(9, cached=3, cache_write=2)
