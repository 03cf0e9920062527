"""The most that items can cost, before anybody has answered them; and input files that are cut by it."""

from collections.abc import Iterator
from decimal import Decimal

from ..prices import MILLION, Given, Processing, price_of
from .lines import Lines
from .token_sizes import FileTokens, encoding_of


def most_cost(
    model: str, tokens: FileTokens, processing: Processing = "batch", given: Given = ()
) -> Decimal | None:
    """More US dollars than items that take these tokens can cost; None where nobody can tell.

    Each answer takes all that the request lets it, each item stands in the tier of the longest, and input is
    counted as if it were all written to the cache.
    """
    price, most = price_of(model, processing, given), tokens.most_input
    if price is None or most is None or tokens.output_limit is None:
        return None
    rates = price.rates_of(tokens.most_in_one)
    if rates.input is None or (rates.output is None and tokens.output_limit):
        return None
    asked = max(rates.input, rates.written or rates.input)
    return (asked * most + (rates.output or 0) * tokens.output_limit) / MILLION


class CostBound:
    """How dear an input file may be.

    Args:
        usd: US dollars.
        given: Prices that stand before OpenAI's.
        least: So many items a file may hold whatever they cost, lest there be too many files.
    """

    def __init__(self, usd: Decimal, given: Given = (), least: int = 1) -> None:
        self.usd = usd
        self.given = given
        self.least = least
        self._known: dict[tuple[str, int | None, int | None], Decimal] = {}

    def costs(self, lines: Lines) -> Iterator[Decimal]:
        """What each line costs at most; 0 where nobody can tell."""
        return map(self._cost, lines.models, lines.input_tokens, lines.output_limits)

    def room_for(self, lines: Lines, items: int, usd: Decimal) -> int:
        """How many of these lines, from the first on, a file takes that holds so many items of so much."""
        for place, cost in enumerate(self.costs(lines)):
            usd += cost
            if usd > self.usd and items + place >= self.least:
                return place
        return len(lines.rows)

    def _cost(self, model: str, asked: int | None, output_limit: int | None) -> Decimal:
        known = self._known.get((model, asked, output_limit))
        if known is None:
            by = "bytes" if encoding_of(model) is None else "encoding"
            tokens = FileTokens(input=asked, largest_input=asked or 0, by=by, output_limit=output_limit)
            known = most_cost(model, tokens, "batch", self.given) or Decimal(0)
            self._known[model, asked, output_limit] = known
        return known
