"""What tokens cost, from the maintained library genai-prices: a price that is not known is None, never 0.

The library gives the standard price without a word where it knows no batch price, so what it calls one counts only
where it differs from the standard price. Cached tokens, and those written to the cache, are part of the input and
have prices of their own; reasoning is part of the output; a long prompt stands in a dearer tier, by each request's
own input and never by a sum.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, field_validator

from .form_texts import without_none

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice

Processing = Literal["batch", "synchronous"]
"""How a request is answered: in a batch it costs about half."""

MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Rates:
    """US dollars for a million tokens; None where that price is not known.

    `cached` are input tokens that OpenAI had seen shortly before, `written` those that it keeps for the next time.
    """

    input: Decimal | None
    cached: Decimal | None
    written: Decimal | None
    output: Decimal | None


@dataclass(frozen=True)
class Price:
    """The rates of a model: the first, and dearer ones beyond a number of input tokens."""

    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()

    def rates_of(self, input_tokens: int) -> Rates:
        """The rates of one request, by the tier that its own input reaches."""
        rates = self.rates
        for start, dearer in self.tiers:
            if input_tokens > start:
                rates = dearer
        return rates

    def cost(self, input_tokens: int, output_tokens: int, cached: int = 0, written: int = 0) -> Decimal | None:
        """US dollars for one request, exact; `cached` and `written` tokens are among the input's."""
        rates = self.rates_of(input_tokens)
        parts = (
            (rates.input, input_tokens - cached - written),
            (rates.cached, cached),
            (rates.written, written),
            (rates.output, output_tokens),
        )
        asked = [(rate, tokens) for rate, tokens in parts if tokens]
        return add(None if rate is None else rate * tokens / MILLION for rate, tokens in asked)


def add(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of US dollars; None where one of them is not known."""
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


DEAREST = 10_000.0
"""US dollars for a million tokens; beyond that nobody's price is meant."""

Rate = Annotated[float, Field(ge=0, le=DEAREST, allow_inf_nan=False)]
MaybeRate = Annotated[
    float | None, Field(ge=0, le=DEAREST, allow_inf_nan=False), Field(json_schema_extra=without_none)
]
"""A rate that need not be given; a form draws it as one box."""

Dollars = Annotated[Decimal, PlainSerializer(lambda amount: f"{amount:f}", return_type=str, when_used="json")]
"""US dollars in a record: exact, and in JSON a text without an exponent."""

Budget = Annotated[float | None, Field(gt=0, allow_inf_nan=False, json_schema_extra=without_none)]
"""US dollars that may be spent; None: nobody said."""


SMALLEST_RATE = Decimal("0.000001")
"""Prices are multiples of it: the cost of one token is then exact in a row's cost."""

_DATE = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{4})$")


def undated(model: str) -> str:
    """The name of a model without its snapshot's date, as of `gpt-4-0613` and `gpt-5-2025-08-07`."""
    return _DATE.sub("", model)


class GivenPrice(BaseModel):
    """What an account or another server asks in batches: a negotiated price, or one nobody publishes."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Price")

    model: str = Field(default="", title="Model", description="The model's name; empty: every model.")
    input: Rate = Field(title="Input", description="US dollars for a million input tokens in a batch.")
    cached: MaybeRate = Field(
        default=None,
        title="Cached input",
        description="US dollars for a million cached input tokens in a batch; empty: as other input.",
    )
    output: MaybeRate = Field(
        default=None,
        title="Output",
        description="US dollars for a million output tokens in a batch; empty where there are none, as of "
        "embeddings.",
    )

    @field_validator("input", "cached", "output")
    @classmethod
    def _for_a_million(cls, rate: float | None) -> float | None:
        """What is typed as the price of one token is a millionth of what is meant."""
        if rate is not None and exact(rate) % SMALLEST_RATE:
            raise ValueError(
                f"{rate} has more than six digits behind the point: a price is in US dollars for a "
                "million tokens, not for one"
            )
        return rate

    def fits(self, model: str) -> bool:
        """Whether it is this model's price: of the name itself, or of one of its dated snapshots."""
        return self.model in ("", model) or undated(model) == self.model

    @property
    def price(self) -> Price:
        """As a price, whatever a prompt's length."""
        asked, output = exact(self.input), None if self.output is None else exact(self.output)
        return Price(Rates(asked, asked if self.cached is None else exact(self.cached), asked, output))


def exact(amount: float) -> Decimal:
    """A number of dollars as it was written: 0.1 is a tenth."""
    return Decimal(repr(amount))


Given = tuple[GivenPrice, ...]
"""The prices that are given; they stand before those of the library, the first that fits before others."""


def dollars(amount: Decimal | None) -> str:
    """An amount of US dollars for a person: to the cent, and to two digits at least."""
    if amount is None:
        return "an unknown price"
    return f"${amount:,.{max(2, 1 - amount.adjusted()) if amount else 2}f}"


def dollars_enough(amount: Decimal | None) -> str:
    """The same, rounded up: whoever gives so much gives enough."""
    if not amount:
        return dollars(amount)
    return dollars(amount.quantize(Decimal(1).scaleb(min(-2, amount.adjusted() - 1)), ROUND_CEILING))


def price_of(
    model: str, processing: Processing, given: Given = (), *, also_called: str | None = None
) -> Price | None:
    """What a model's tokens cost; None where that is not known.

    Args:
        model: A model's name, with or without its date.
        processing: Whether it is asked in a batch or at once.
        given: Prices that stand before OpenAI's; they say nothing of what is asked at once.
        also_called: Another name of it, as the one that was asked.

    Example:
        ```python
        from prefect_openai_batch.batch.prices import price_of

        price = price_of("gpt-5-mini", "batch")
        print(price.cost(1_000_000, 0))  # US dollars
        ```
    """
    names = [name for name in (model, also_called) if name]
    for one in given:
        if any(map(one.fits, names)):
            return one.price if processing == "batch" else None
    published = (_published(name, processing) for name in names)
    return next((price for price in published if price is not None), None)


@lru_cache
def _published(model: str, processing: Processing) -> Price | None:
    standard = _library_price(model, {})
    if standard is None:
        return None
    if processing == "synchronous":
        return _price(standard)
    batch = _library_price(model, {"processing": "batch"})
    known = batch is not None and batch.input_mtok != standard.input_mtok
    return _price(batch) if batch is not None and known else None


def _library_price(model: str, context: dict[str, str]) -> "ModelPrice | None":
    from genai_prices import Usage, calc_price  # takes half a second to import
    from genai_prices.types import ModelPrice

    try:
        found = calc_price(Usage(input_tokens=0), model, provider_id="openai", price_context=context or None)
    except LookupError:
        return None
    price = found.model_price
    known = isinstance(price, ModelPrice) and price.input_mtok is not None and not _of_other_kinds(price)
    return price if known else None


def _of_other_kinds(price: "ModelPrice") -> set[str]:
    """The kinds of tokens that a model prices apart and our usage does not, as those of images and sounds."""
    apart = {name for name, rate in vars(price).items() if name.endswith("_mtok") and rate is not None}
    return apart - {"input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok"}


def _price(price: "ModelPrice") -> Price:
    parts = (price.input_mtok, price.cache_read_mtok, price.cache_write_mtok, price.output_mtok)
    starts = sorted({tier.start for part in parts for tier in getattr(part, "tiers", ())})
    return Price(_rates(parts, 0), tuple((start, _rates(parts, start + 1)) for start in starts))


def _rates(parts: Iterable[Any], input_tokens: int) -> Rates:
    """The rates of a request with so much input; what the cache has no price for costs what input does."""
    asked, cached, written, output = (_at(part, input_tokens) for part in parts)
    return Rates(asked, asked if cached is None else cached, asked if written is None else written, output)


def _at(part: Any, input_tokens: int) -> Decimal | None:
    """A price that may be tiered, where a request's input is so long."""
    price: Decimal | None = getattr(part, "base", part)
    for tier in getattr(part, "tiers", ()):
        if input_tokens > tier.start:
            price = tier.price
    return price
