"""The bill: what was paid for answers, in exact decimals."""

from decimal import Decimal

from pydantic import computed_field

from ..prices import Dollars, add, dollars
from ..storage.records import Record
from ..words import counted
from .token_counts import TokenCounts


class Costs(Record):
    """US dollars by what they were paid for: the parts of the input, then those of the output."""

    input_usd: Dollars = Decimal(0)
    cached_usd: Dollars = Decimal(0)
    cache_write_usd: Dollars = Decimal(0)
    output_usd: Dollars = Decimal(0)
    reasoning_usd: Dollars = Decimal(0)

    @property
    def total(self) -> Decimal:
        """All of them."""
        return sum((getattr(self, part) for part in PARTS), start=Decimal(0))

    def __add__(self, other: "Costs") -> "Costs":
        """The sums of two."""
        return Costs(**{part: getattr(self, part) + getattr(other, part) for part in PARTS})


PARTS = tuple(Costs.model_fields)

IN_WORDS = {
    "input_usd": "input",
    "cached_usd": "cached input",
    "cache_write_usd": "written to the cache",
    "output_usd": "output",
    "reasoning_usd": "reasoning",
}
"""The parts as a person reads them."""


def paid(known: Decimal, unpriced: int) -> str:
    """An amount, and how many answers are not in it."""
    if not unpriced:
        return dollars(known)
    rest = f"{counted(unpriced, 'answer')} at an unknown price"
    return f"{dollars(known)} and {rest}" if known else rest


class ModelBill(Record):
    """What one model's answers cost; `unpriced` counts those of which the usage or the price is not known."""

    model: str
    items: int
    unpriced: int
    tokens: TokenCounts
    costs: Costs
    synchronous_usd: Dollars | None

    @computed_field  # type: ignore[prop-decorator]  # mypy takes no decorated property
    @property
    def cost_usd(self) -> Dollars | None:
        """US dollars in all; None where not all of it is known."""
        return None if self.unpriced else self.costs.total

    def __str__(self) -> str:
        """What was paid, with its parts."""
        told = {IN_WORDS[part]: getattr(self.costs, part) for part in PARTS}
        parts = ", ".join(f"{name} {dollars(amount)}" for name, amount in told.items() if amount)
        return paid(self.costs.total, self.unpriced) + (f" ({parts})" if parts else "")

    def __add__(self, other: "ModelBill") -> "ModelBill":
        """The sums of two bills of one model."""
        return ModelBill(
            model=self.model,
            items=self.items + other.items,
            unpriced=self.unpriced + other.unpriced,
            tokens=self.tokens + other.tokens,
            costs=self.costs + other.costs,
            synchronous_usd=add((self.synchronous_usd, other.synchronous_usd)),
        )


class Bill(Record):
    """What answers cost, model by model; those that went again are counted each time that they were answered.

    Tokens are all it counts: what OpenAI asks for tools such as web search, it does not know.
    """

    models: tuple[ModelBill, ...] = ()

    @computed_field  # type: ignore[prop-decorator]  # mypy takes no decorated property
    @property
    def cost_usd(self) -> Dollars | None:
        """US dollars in all; None where not all of it is known."""
        return add(model.cost_usd for model in self.models)

    @computed_field  # type: ignore[prop-decorator]  # mypy takes no decorated property
    @property
    def synchronous_usd(self) -> Dollars | None:
        """US dollars that the same answers would have cost one by one; None where that is not known."""
        return add(model.synchronous_usd for model in self.models)

    @property
    def known_usd(self) -> Decimal:
        """US dollars as far as they are known."""
        return sum((model.costs.total for model in self.models), start=Decimal(0))

    @property
    def unpriced(self) -> int:
        """How many answers are not in it."""
        return sum(model.unpriced for model in self.models)

    def __add__(self, other: "Bill") -> "Bill":
        """The sums of two bills."""
        found: dict[str, ModelBill] = {}
        for one in (*self.models, *other.models):
            found[one.model] = found[one.model] + one if one.model in found else one
        return Bill(models=tuple(found[name] for name in sorted(found)))

    def __str__(self) -> str:
        """What was paid and what the same answers would have cost one by one; each of several models on a line."""
        several = len(self.models) > 1
        told = paid(self.known_usd, self.unpriced) if several or not self.models else str(self.models[0])
        at_once = (
            ""
            if self.synchronous_usd is None
            else f"; synchronous calls would cost {dollars(self.synchronous_usd)}"
        )
        return "\n  ".join([told + at_once, *(f"{one.model}: {one}" for one in self.models if several)])
