"""What the whole table would take and cost, model by model, by what its sample took."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from ..files.input_files import InputFile
from ..money.estimates import NOTHING, Estimate, estimate_of
from ..prices import Given, add
from ..requests.endpoints import Endpoint
from .candidate_answers import CandidateAnswers
from .candidates import Prepared
from .forecasts import Tokens, Tried, foretold_inputs, foretold_outputs

ASKED_AGAIN = 2
"""How often a job asks a row again whose answers stay invalid, unless it is told otherwise."""

ERRORS = 2
"""So many standard errors are the margin: about nineteen tables in twenty lie within."""

SEEN = Decimal("0.000001")
"""A margin in US dollars is no more exact."""


@dataclass(frozen=True)
class WholeTable:
    """What the whole table takes of one candidate.

    Attributes:
        estimate: Its tokens and US dollars, each row asked once.
        margin_usd: How far its dollars in batches may lie off; None where that is not known.
        untried: The models of which no tried row tells its tokens, so that all rows together stand in.
    """

    estimate: Estimate
    margin_usd: Decimal | None
    untried: tuple[str, ...]

    def again_usd(self, invalid: int, asked: int) -> Decimal | None:
        """US dollars in batches, at most, for asking again the share of rows whose answers were invalid."""
        price = self.estimate.batch_usd
        return None if price is None else price * ASKED_AGAIN * invalid / asked


def foretell(prepared: Prepared, answers: CandidateAnswers) -> WholeTable | None:
    """What the whole table takes of a candidate; None where no answer reports its tokens.

    Each row counts once, whatever goes again, and nothing is taken as cached.
    """
    outputs = answers.told("output_tokens")
    if answers.candidate.job.request.endpoint == Endpoint.EMBEDDINGS:  # they have none, and report none
        outputs = np.maximum(outputs, 0)
    tried = Tried(np.array(prepared.sizes), answers.told("input_tokens"), outputs)
    whole = by_model(prepared.files, answers.candidate.own_model)
    return whole_of(tried, answers.models, whole, answers.candidate.job.terms.prices)


def whole_of(
    tried: Tried, models: Iterable[str], whole: Iterable[tuple[str, int, int]], given: Given = ()
) -> WholeTable | None:
    """What items of several models take, each by its own that were tried; None where nothing is reported.

    Args:
        tried: What was tried.
        models: The model of each of them.
        whole: The items and bytes of the whole table, by model.
        given: Prices that stand before OpenAI's.
    """
    names = np.array([*models])
    if not (tried.inputs >= 0).any():
        return None
    estimate, squares, untried = NOTHING, [], []
    for model, items, size in whole:
        own = tried.of(names == model)
        inputs, outputs = foretold_inputs(own, tried, items, size), foretold_outputs(own, tried, items)
        part = estimate_of(model, items, _count(inputs), _count(outputs), "trial", given)
        estimate = part if estimate is NOTHING else estimate + part
        squares += [_square(part.input_usd, inputs), _square(part.output_usd, outputs)]
        untried += [] if (own.inputs >= 0).any() else [model]
    squared = add(squares)
    margin = None if squared is None else (ERRORS * squared.sqrt()).quantize(SEEN)
    return WholeTable(estimate, margin, tuple(untried))


def _count(tokens: Tokens | None) -> int | None:
    return None if tokens is None else tokens.count


def _square(price: Decimal | None, tokens: Tokens | None) -> Decimal | None:
    """The square of what one standard error costs: errors of parts that know nothing of each other add up so."""
    if price is None or tokens is None or tokens.error is None:
        return None
    return (price * Decimal(tokens.error) / max(tokens.count, 1)) ** 2


def by_model(files: Iterable[InputFile], model: str | None) -> list[tuple[str, int, int]]:
    """The items and bytes of the whole table by the model that they ask; a candidate's own asks them all."""
    sums: dict[str, tuple[int, int]] = {}
    for file in files:
        items, size = sums.get(model or file.model, (0, 0))
        sums[model or file.model] = items + file.items, size + file.bytes
    return [(name, *counts) for name, counts in sums.items()]
