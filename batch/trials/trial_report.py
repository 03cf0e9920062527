"""What a trial has shown: how its rows were answered, in which tokens, and what the whole table would cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..money.estimates import Estimate
from ..outcomes.costs import bill_of
from ..outcomes.outcome import OutcomeKind
from ..prices import Dollars
from ..storage.records import Record
from .candidate_answers import CandidateAnswers
from .candidates import Prepared
from .expectations import Expected
from .scores import Agreement, Score, agreements, scores_of
from .whole_table import foretell

REFUSAL = "refusal"
"""The error's code where a model refused."""


class TokenSpread(Record):
    """Tokens of one answer, of those that report them: the median, the 95th percentile, the longest."""

    median: int
    percentile_95: int
    longest: int


class ModelTrial(Record):
    """How one model did.

    Each of the rows that were `asked` is either `answered`, `invalid`, `refused` or `failed`; those that were
    `cut_off` at their length or `filtered` for their content are among these. `trial_usd` is what the trial itself
    cost, in US dollars, `whole` what the whole table would take, each row asked once, and `margin_usd` how far its
    dollars in batches may lie off, two standard errors; None where that is not known. Of the `untried_models` of a
    table no row was tried, or none was answered: all that were tried stand in. `again_usd` is what a job that asks
    invalid rows again pays for these beside that, in batches and at most; None where there were none, or it does
    not ask again.
    """

    model: str
    asked: int
    answered: int
    invalid: int
    refused: int
    failed: int
    cut_off: int
    filtered: int
    input_tokens: TokenSpread | None
    output_tokens: TokenSpread | None
    trial_usd: Dollars | None
    whole: Estimate | None
    margin_usd: Dollars | None
    again_usd: Dollars | None
    untried_models: tuple[str, ...]
    scores: tuple[Score, ...]


class TrialReport(Record):
    """What a trial has shown.

    `rows`, `batches` and `bytes` are of the whole table, `sampled` counts the rows that were tried: the first
    where `first` says so, else spread over the table by the `seed`. `agreements` compare several models. `kept_as`
    is the key under which an answer store keeps those answers that were new to it; empty where none is kept.
    """

    rows: int
    batches: int
    bytes: int
    sampled: int
    first: bool
    seed: int
    models: tuple[ModelTrial, ...]
    agreements: tuple[Agreement, ...]
    kept_as: str = ""

    @property
    def complete(self) -> bool:
        """Whether every row that was tried has its answer, of each model."""
        return all(model.answered == model.asked for model in self.models)


def make_report(
    prepared: Prepared,
    answers: Sequence[CandidateAnswers],
    expected: Expected,
    columns: Mapping[str, Sequence[Any]],
) -> TrialReport:
    """The report of a trial.

    Args:
        prepared: What was tried.
        answers: What was answered, candidate by candidate.
        expected: Which columns hold the true answers.
        columns: The values of those, of the rows of the sample.
    """
    return TrialReport(
        rows=prepared.rows,
        batches=len(prepared.files),
        bytes=sum(file.bytes for file in prepared.files),
        sampled=len(prepared.sample),
        first=prepared.first,
        seed=prepared.seed,
        models=tuple(_model_trial(prepared, one, scores_of(one, expected, columns)) for one in answers),
        agreements=agreements(answers),
    )


def _model_trial(prepared: Prepared, answers: CandidateAnswers, scores: tuple[Score, ...]) -> ModelTrial:
    asked = answers.outcomes.num_rows
    kinds, codes = answers.column("outcome"), answers.column("error_code")
    invalid = kinds.count(OutcomeKind.INVALID.value)
    refused, answered = codes.count(REFUSAL), int(answers.answered.sum())
    reasons, whole = answers.column("finish_reason"), foretell(prepared, answers)
    again = bool(invalid) and answers.asks_again
    return ModelTrial(
        model=answers.name,
        asked=asked,
        answered=answered,
        invalid=invalid,
        refused=refused,
        failed=asked - answered - invalid - refused,
        cut_off=reasons.count("length"),
        filtered=reasons.count("content_filter"),
        input_tokens=_spread(answers.told("input_tokens")),
        output_tokens=_spread(answers.told("output_tokens")),
        trial_usd=bill_of(answers.outputs, answers.candidate.job.terms.prices).cost_usd,
        whole=None if whole is None else whole.estimate,
        margin_usd=None if whole is None else whole.margin_usd,
        again_usd=whole.again_usd(invalid, asked) if again and whole is not None else None,
        untried_models=() if whole is None else whole.untried,
        scores=scores,
    )


def _spread(tokens: np.ndarray) -> TokenSpread | None:
    told = tokens[tokens >= 0]
    if not len(told):
        return None
    median, high, longest = np.quantile(told, (0.5, 0.95, 1), method="inverted_cdf").astype(int).tolist()
    return TokenSpread(median=median, percentile_95=high, longest=longest)
