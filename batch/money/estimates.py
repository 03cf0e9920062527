"""What answers will take and cost, before they are there."""

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce
from typing import Literal

from pydantic import computed_field

from ..files.input_files import InputFile
from ..files.token_sizes import TokensBy
from ..prices import MILLION, Dollars, Given, Price, add, dollars, price_of
from ..storage.records import Record

BY = {
    "bytes": "by their bytes",
    "encoding": "counted with the model's encoding",
    "trial": "by a trial's",
}
"""How input tokens were told, in words."""


class Estimate(Record):
    """What answers will take in tokens, and cost in US dollars; None where that is not known.

    `output_tokens` are foretold by a trial, else they are the most that the request's own limit lets through.
    """

    items: int
    input_tokens: int | None
    output_tokens: int | None
    tokens_by: TokensBy | Literal["trial"]
    input_usd: Dollars | None
    output_usd: Dollars | None
    synchronous_usd: Dollars | None

    @computed_field  # type: ignore[prop-decorator]  # mypy takes no decorated property
    @property
    def batch_usd(self) -> Dollars | None:
        """US dollars in batches."""
        return add((self.input_usd, self.output_usd))

    def __add__(self, other: "Estimate") -> "Estimate":
        """Both together."""
        return Estimate(
            items=self.items + other.items,
            input_tokens=_sum(self.input_tokens, other.input_tokens),
            output_tokens=_sum(self.output_tokens, other.output_tokens),
            tokens_by=self.tokens_by if self.items else other.tokens_by,
            input_usd=add((self.input_usd, other.input_usd)),
            output_usd=add((self.output_usd, other.output_usd)),
            synchronous_usd=add((self.synchronous_usd, other.synchronous_usd)),
        )

    def __str__(self) -> str:
        """In a sentence, with what it rests on."""
        if self.input_tokens is None:
            return (
                "what it will cost is not known: nobody tells before what images, sounds, files and searches take"
            )
        price = f"{dollars(self.input_usd)} in batches"
        about = f"about {self.input_tokens:,} input tokens ({BY[self.tokens_by]}), {price}"
        if self.output_tokens is None:
            return f"{about}; what the answers will take is not known: the request does not limit them"
        if not self.output_tokens:
            return about
        how = "about" if self.tokens_by == "trial" else "at most"
        return f"{about}; {how} {self.output_tokens:,} output tokens, {dollars(self.output_usd)}"


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second


NOTHING = Estimate(
    items=0,
    input_tokens=0,
    output_tokens=0,
    tokens_by="bytes",
    input_usd=Decimal(0),
    output_usd=Decimal(0),
    synchronous_usd=Decimal(0),
)


def estimate_of(
    model: str,
    items: int,
    input_tokens: int | None,
    output_tokens: int | None,
    tokens_by: TokensBy | Literal["trial"],
    given: Given = (),
) -> Estimate:
    """What items of one model will cost; the tier of its prices is that of their average input.

    Args:
        model: Its name.
        items: How many there are.
        input_tokens: Of all together; None where nobody can tell.
        output_tokens: Of all together; None where nobody can tell.
        tokens_by: What the input tokens rest on.
        given: Prices that stand before OpenAI's.
    """
    price, synchronous = (price_of(model, how, given) for how in ("batch", "synchronous"))
    average = (input_tokens or 0) // max(items, 1)
    return Estimate(
        items=items,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        tokens_by=tokens_by,
        input_usd=_cost(price, average, input_tokens, "input"),
        output_usd=_cost(price, average, output_tokens, "output"),
        synchronous_usd=add(
            (
                _cost(synchronous, average, input_tokens, "input"),
                _cost(synchronous, average, output_tokens, "output"),
            )
        ),
    )


def _cost(
    price: Price | None, average: int, tokens: int | None, kind: Literal["input", "output"]
) -> Decimal | None:
    if tokens == 0:
        return Decimal(0)
    rates = None if price is None else price.rates_of(average)
    rate = None if rates is None else rates.input if kind == "input" else rates.output
    return None if rate is None or tokens is None else rate * tokens / MILLION


def estimate_files(files: Iterable[InputFile], given: Given = ()) -> Estimate:
    """What the items of built input files will cost; their answers at most what the request lets them take.

    Example:
        ```python
        from prefect_openai_batch.batch.money.estimates import estimate_files

        print(estimate_files([]))
        ```
    """
    of_each = (
        estimate_of(file.model, file.items, file.tokens.input, file.tokens.output_limit, file.tokens.by, given)
        for file in files
    )
    return reduce(Estimate.__add__, of_each, NOTHING)
