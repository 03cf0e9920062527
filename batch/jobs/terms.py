"""What a job may cost and may enqueue, and at which prices where they are not OpenAI's."""

from decimal import Decimal

from ..prices import Given
from ..storage.records import Record


class Terms(Record):
    """What a job may cost in US dollars, and how many tokens of a model may be enqueued when it sends.

    None where nobody said. `prices` stand before OpenAI's.
    """

    budget_usd: Decimal | None = None
    prices: Given = ()
    max_enqueued_tokens: int | None = None

    def amended(self, others: "Terms") -> "Terms":
        """These, as far as the others do not say otherwise."""
        budget = self.budget_usd if others.budget_usd is None else others.budget_usd
        bound = self.max_enqueued_tokens if others.max_enqueued_tokens is None else others.max_enqueued_tokens
        return Terms(budget_usd=budget, prices=others.prices or self.prices, max_enqueued_tokens=bound)
