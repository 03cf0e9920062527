"""What one request costs, in US dollars, by the prices of the library genai-prices.

The server's own account: whoever else counts the same can be compared with it.
"""

from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ..answers.exchange import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, TieredPrices

    Rate = Decimal | TieredPrices


class Rates(NamedTuple):
    """Dollars a million tokens, of each kind that a usage tells apart; output may have none."""

    plain: "Rate"
    cache_read: "Rate"
    cache_write: "Rate"
    output: "Rate | None"


@lru_cache(maxsize=16_384)
def usd(model: str, usage: Usage, *, batch: bool) -> Decimal | None:
    """The price of one request in US dollars, exact; None where it is not known.

    Args:
        model: As the request names it.
        usage: Its tokens: cached and newly cached ones are part of the input, reasoning is part of the output.
        batch: Whether it ran in a batch, which costs less than a synchronous call.
    """
    rates = _rates(model, batch)
    plain = usage.input - usage.cached - usage.cache_write
    if rates is None or plain < 0 or (rates.output is None and usage.output):
        return None
    counted = zip(rates, (plain, usage.cached, usage.cache_write, usage.output), strict=True)
    millionths = sum(
        (_rate(rate, usage.input) * tokens for rate, tokens in counted if rate is not None), Decimal()
    )
    return millionths.scaleb(-6)


def _rate(rate: "Rate", input_tokens: int) -> Decimal:
    """Dollars a million tokens for a request with so many input tokens: a long one is dearer from its first."""
    if isinstance(rate, Decimal):
        return rate
    return next((tier.price for tier in reversed(rate.tiers) if input_tokens > tier.start), rate.base)


@lru_cache(maxsize=1024)
def _rates(model: str, batch: bool) -> Rates | None:
    """A model's rates; None where the library does not know them.

    Where it has no rates of batches it gives the standard ones without a word. So rates that are the same are not
    known, and neither are those of models that price images or sound apart: our usage does not.
    """
    standard = _model_price(model, None)
    price = _model_price(model, {"processing": "batch"}) if batch else standard
    if price is None or standard is None or price.input_mtok is None or _others(price):
        return None
    if batch and price.input_mtok == standard.input_mtok:
        return None
    cached = (price.cache_read_mtok, price.cache_write_mtok)
    read, write = (price.input_mtok if rate is None else rate for rate in cached)
    return Rates(price.input_mtok, read, write, price.output_mtok)


def _others(price: "ModelPrice") -> set[str]:
    """The kinds of tokens that a model prices apart, besides those that our usage tells apart."""
    apart = {name for name, rate in vars(price).items() if name.endswith("_mtok") and rate is not None}
    return apart - {"input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok"}


def _model_price(model: str, context: dict[str, str] | None) -> "ModelPrice | None":
    import genai_prices  # takes half a second, which a server that nobody asks for its bill need not wait

    nothing = genai_prices.Usage(input_tokens=0)
    try:
        price = genai_prices.calc_price(nothing, model, provider_id="openai", price_context=context)
    except LookupError:
        return None
    return price.model_price
