"""What tokens cost, from the maintained library genai-prices: a price that is not known is None, never 0.

The library gives the standard price without a word where it knows no batch price, so what it calls one counts only
where it differs from the standard price. Cached tokens are part of the input tokens and have a price of their own;
reasoning is part of the output; a long prompt stands in a dearer tier, by each request and never by a sum.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

from genai_prices import Usage, calc_price
from genai_prices.types import ModelPrice, TieredPrices

Processing = Literal["batch", "synchronous"]
"""How a request is answered: a batch costs about half."""

MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Rates:
    """US dollars for a million tokens; `cached` are input tokens that OpenAI had seen shortly before."""

    input: Decimal
    cached: Decimal
    output: Decimal

    def cost(self, input_tokens: int, cached_tokens: int, output_tokens: int) -> Decimal:
        """US dollars for one request, exact; the cached tokens are among the input's."""
        fresh = input_tokens - cached_tokens
        return (self.input * fresh + self.cached * cached_tokens + self.output * output_tokens) / MILLION


@dataclass(frozen=True)
class Price:
    """The rates of a model: the first, and dearer ones from a number of input tokens on."""

    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()

    def cost(self, input_tokens: int, cached_tokens: int, output_tokens: int) -> Decimal:
        """US dollars for one request, by the tier that its own input reaches."""
        rates = self.rates
        for start, dearer in self.tiers:
            if input_tokens > start:
                rates = dearer
        return rates.cost(input_tokens, cached_tokens, output_tokens)


def flat_price(input_price: Decimal, output_price: Decimal) -> Price:
    """A negotiated price, or a foreign server's: US dollars for a million tokens, cached or not."""
    return Price(Rates(input_price, input_price, output_price))


@lru_cache
def price_of(model: str, processing: Processing) -> Price | None:
    """What OpenAI asks for a model's tokens; None where that is not known.

    Args:
        model: A model's name, with or without its date.
        processing: Whether it is asked in a batch or at once.
    """
    standard = _library_price(model, {})
    if standard is None:
        return None
    if processing == "synchronous":
        return _price(standard)
    batch = _library_price(model, {"processing": "batch"})
    known = batch is not None and batch.input_mtok != standard.input_mtok
    return _price(batch) if batch is not None and known else None


def _library_price(model: str, context: dict[str, str]) -> ModelPrice | None:
    try:
        found = calc_price(Usage(input_tokens=0), model, provider_id="openai", price_context=context or None)
    except LookupError:
        return None
    price = found.model_price
    return price if isinstance(price, ModelPrice) and price.input_mtok is not None else None


def _price(price: ModelPrice) -> Price:
    parts = (price.input_mtok, price.cache_read_mtok, price.output_mtok)
    starts = sorted({tier.start for part in parts for tier in _tiers(part)})
    return Price(_rates(parts, 0), tuple((start, _rates(parts, start + 1)) for start in starts))


def _rates(parts: Iterable[Any], tokens: int) -> Rates:
    """The rates of a request with so many input tokens; cached ones without a price of their own are input."""
    asked, cached, output = (_at(part, tokens) for part in parts)
    assert asked is not None, "a model without a price for input is not known"
    return Rates(asked, asked if cached is None else cached, output or Decimal(0))


def _tiers(part: Any) -> list[Any]:
    return part.tiers if isinstance(part, TieredPrices) else []


def _at(part: Decimal | TieredPrices | None, tokens: int) -> Decimal | None:
    if not isinstance(part, TieredPrices):
        return part
    return next((tier.price for tier in reversed(part.tiers) if tokens > tier.start), part.base)
