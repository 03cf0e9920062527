"""What a job may cost, and at which prices where they are not OpenAI's."""

from decimal import Decimal

from ..prices import Given
from ..storage import Record


class Terms(Record):
    """What a job may cost in US dollars, None where nobody said; and prices that stand before OpenAI's."""

    budget_usd: Decimal | None = None
    prices: Given = ()

    def amended(self, others: "Terms") -> "Terms":
        """These, as far as the others do not say otherwise."""
        budget = self.budget_usd if others.budget_usd is None else others.budget_usd
        return Terms(budget_usd=budget, prices=others.prices or self.prices)
