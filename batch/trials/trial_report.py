"""What a trial has shown: how its rows were answered, in which tokens, and what the whole table would cost."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

import numpy as np

from ..files.input_files import InputFile
from ..money.estimates import Estimate, estimate_of
from ..outcomes.costs import bill_of
from ..outcomes.outcome import OutcomeKind
from ..requests.endpoints import Endpoint
from ..storage import Record
from .candidate_answers import CandidateAnswers
from .candidates import Prepared
from .expectations import Expected
from .forecasts import tokens_by_bytes
from .scores import Agreement, Score, agreements, scores_of

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
    `cut_off` at their length are among these. `trial_usd` is what the trial itself cost, in US dollars, `whole`
    what the whole table would take; None where that is not known.
    """

    model: str
    asked: int
    answered: int
    invalid: int
    refused: int
    failed: int
    cut_off: int
    input_tokens: TokenSpread | None
    output_tokens: TokenSpread | None
    trial_usd: Decimal | None
    whole: Estimate | None
    scores: tuple[Score, ...]


class TrialReport(Record):
    """What a trial has shown.

    `rows`, `batches` and `bytes` are of the whole table, `sampled` counts the rows that were tried: the first
    where `first` says so, else spread over the table by the `seed`. `agreements` compare several models.
    """

    rows: int
    batches: int
    bytes: int
    sampled: int
    first: bool
    seed: int
    models: tuple[ModelTrial, ...]
    agreements: tuple[Agreement, ...]

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
    return ModelTrial(
        model=answers.name,
        asked=asked,
        answered=answered,
        invalid=invalid,
        refused=refused,
        failed=asked - answered - invalid - refused,
        cut_off=answers.column("finish_reason").count("length"),
        input_tokens=_spread(answers.told("input_tokens")),
        output_tokens=_spread(answers.told("output_tokens")),
        trial_usd=bill_of(answers.outputs, answers.candidate.job.terms.prices).cost_usd,
        whole=_estimate(prepared, answers),
        scores=scores,
    )


def _spread(tokens: np.ndarray) -> TokenSpread | None:
    told = tokens[tokens >= 0]
    if not len(told):
        return None
    median, high, longest = np.quantile(told, (0.5, 0.95, 1), method="inverted_cdf").astype(int).tolist()
    return TokenSpread(median=median, percentile_95=high, longest=longest)


def _estimate(prepared: Prepared, answers: CandidateAnswers) -> Estimate | None:
    """What the whole table takes; None where no answer reports its tokens.

    Each row counts once, whatever goes again, and nothing is taken as cached.
    """
    inputs, outputs = answers.told("input_tokens"), answers.told("output_tokens")
    told = inputs >= 0
    if not told.any():
        return None
    line = tokens_by_bytes(np.array(prepared.sizes)[told], inputs[told])
    each = _mean_output(answers, outputs)
    parts = (
        estimate_of(
            model,
            items,
            line.total(items, size),
            None if each is None else round(items * each),
            "trial",
            answers.candidate.job.terms.prices,
        )
        for model, items, size in _by_model(prepared.files, answers.candidate.model)
    )
    return reduce(Estimate.__add__, parts)


def _mean_output(answers: CandidateAnswers, outputs: np.ndarray) -> float | None:
    """The mean of the output tokens; embeddings have none, and report none."""
    told = outputs[outputs >= 0]
    if len(told):
        return float(told.mean())
    return 0.0 if answers.candidate.job.request.endpoint == Endpoint.EMBEDDINGS else None


def _by_model(files: Iterable[InputFile], model: str | None) -> list[tuple[str, int, int]]:
    """The items and bytes of the whole table by the model that they ask; a candidate's asks them all."""
    sums: dict[str, tuple[int, int]] = {}
    for file in files:
        items, size = sums.get(model or file.model, (0, 0))
        sums[model or file.model] = items + file.items, size + file.bytes
    return [(name, *counts) for name, counts in sums.items()]
