"""A trial's report as a person reads it: texts and grids, which `terminal` and `markdown` each show their way."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

from ..money.estimates import Estimate
from ..outcomes.outcome import OutcomeKind
from ..prices import dollars
from ..tables.value_texts import text
from .candidate_answers import CandidateAnswers
from .expectations import compared_fields
from .scores import Score, WrongRow
from .trial_report import ModelTrial, TokenSpread, TrialReport

SHOWN = 20
"""So many rows are shown with their answers; all of them stand in the table of answers."""

SHOWN_WRONG = 10
"""So many rows are shown that have no answer, or another than was expected."""

COLUMNS = 4
"""Of so many fields each has a column of its own; of more they share one."""

LONG = 300
"""So many characters of a value are shown at most."""

NOT_KNOWN = "not known"

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")

BASIS = (
    "Foretold by the rows that were tried: input tokens by the bytes of all rows, output tokens by their mean; "
    "each row answered once, nothing cached."
)
"""What the estimate rests on."""

Line = tuple[str, Callable[[ModelTrial], str]]
"""What is told of each model, and how it is called."""


@dataclass(frozen=True)
class Grid:
    """Rows under headers; the columns of `right` are numbers, that of `asked` is cut where there is no room."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    asked: int | None = None


Block = str | Grid


@dataclass(frozen=True)
class Asked:
    """The rows of the sample as a person knows them: the columns that the prompt reads, and their texts."""

    columns: str
    texts: tuple[str, ...]


def blocks_of(report: TrialReport, answers: Sequence[CandidateAnswers], asked: Asked) -> Iterator[Block]:
    """The report from top to bottom."""
    yield f"{report.sampled:,} of {report.rows:,} rows tried, {_choice(report)}"
    yield _answers_grid(answers, asked)
    yield from _more(report.sampled, SHOWN)
    yield from _reasons(answers)
    yield _side_by_side(report, _of_the_trial(report))
    yield "Tokens of one answer: median · 95th percentile · longest."
    yield from _agreement(report)
    for model in report.models:
        for score in model.scores:
            yield from _wrong(model.model, score, _by_row(answers, asked), alone=len(report.models) == 1)
    batches = f"{report.batches:,} batch{'' if report.batches == 1 else 'es'}"
    yield f"The whole table, {report.rows:,} rows of {report.bytes:,} bytes in {batches}, would take about:"
    yield _side_by_side(report, _of_the_whole())
    yield BASIS


def share(part: int, whole: int) -> str:
    """A part of a whole, and its share."""
    return f"{part:,} of {whole:,} ({part / whole:.0%})" if whole else "0 of 0"


def _choice(report: TrialReport) -> str:
    if report.sampled == report.rows:
        return "which are all"
    return "the first of the table" if report.first else f"spread over the table (seed {report.seed})"


def _answers_grid(answers: Sequence[CandidateAnswers], asked: Asked) -> Grid:
    """Each row with what it was answered: a column a field of one model, else a column a model."""
    fields = compared_fields(answers[0].candidate.job.request)
    if len(answers) == 1 and len(fields) <= COLUMNS:
        headers = fields or ["answer"]
        columns = [_field_texts(answers[0], field) for field in fields] or [_all_texts(answers[0], fields)]
    else:
        headers = [one.name for one in answers]
        columns = [_all_texts(one, fields) for one in answers]
    outcomes = [_outcome_texts(one) for one in answers]
    if len(answers) == 1 and any(outcomes[0]):
        headers, columns = ["outcome", *headers], [outcomes[0], *columns]
    elif len(answers) > 1:
        columns = [
            [outcome or told for outcome, told in zip(kinds, column, strict=True)]
            for kinds, column in zip(outcomes, columns, strict=True)
        ]
    numbers = [f"{row + 1:,}" for row in answers[0].column("row")]
    rows = zip(numbers, asked.texts, *columns, strict=True)
    return Grid(("row", asked.columns, *headers), tuple(islice(rows, SHOWN)), frozenset({0}), asked=1)


def _field_texts(answers: CandidateAnswers, field: str) -> list[str]:
    return [brief(value) for value in answers.values_of(field)]


def _all_texts(answers: CandidateAnswers, fields: Sequence[str]) -> list[str]:
    """What each row was answered, its fields one after another."""
    if not fields:
        return [f"{len(value)} numbers" if value is not None else "" for value in answers.column("answer")]
    columns = [_field_texts(answers, field) for field in fields]
    return [" · ".join(part for part in parts if part) for parts in zip(*columns, strict=True)]


def _outcome_texts(answers: CandidateAnswers) -> list[str]:
    """What became of each row, where that is more than that it was answered."""
    rows = zip(answers.answered, answers.column("outcome"), answers.column("error_code"), strict=True)
    return ["" if there else _in_a_word(kind, code) for there, kind, code in rows]


def _in_a_word(kind: str, code: str | None) -> str:
    if kind == OutcomeKind.SUCCEEDED:
        return "refused" if code == "refusal" else "no answer"
    return kind


def brief(value: Any) -> str:
    """A value in one line, cut where it is long, with nothing in it that a terminal would obey."""
    said = _CONTROLS.sub("", " ".join(text(value).split()))
    return said if len(said) <= LONG else f"{said[: LONG - 1]}…"


def _more(count: int, shown: int) -> Iterator[Block]:
    if count > shown:
        yield f"… and {count - shown:,} more"


def _reasons(answers: Sequence[CandidateAnswers]) -> Iterator[Block]:
    """Why rows have no answer, row by row."""
    rows = [
        (f"{row + 1:,}", one.name, _outcome, brief(message or code or ""))
        for one in answers
        for row, _outcome, code, message in zip(
            one.column("row"),
            _outcome_texts(one),
            one.column("error_code"),
            one.column("error_message"),
            strict=True,
        )
        if _outcome
    ]
    if rows:
        yield "Without an answer:"
        yield _grid_of(("row", "model", "outcome", "why"), rows, alone=len(answers) == 1)
        yield from _more(len(rows), SHOWN_WRONG)


def _grid_of(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, alone: bool) -> Grid:
    """A grid whose second column names the model, which is left out where there is but one."""
    left = [place for place in range(len(headers)) if not (alone and place == 1)]
    return Grid(
        tuple(headers[place] for place in left),
        tuple(tuple(row[place] for place in left) for row in rows[:SHOWN_WRONG]),
        frozenset({0}),
    )


def _side_by_side(report: TrialReport, lines: Iterable[Line]) -> Grid:
    """The models side by side."""
    names = [model.model for model in report.models]
    rows = tuple((name, *(tell(model) for model in report.models)) for name, tell in lines)
    return Grid(("", *names), rows, frozenset(range(1, len(names) + 1)))


def _of_the_trial(report: TrialReport) -> Iterator[Line]:
    yield "answered", lambda model: share(model.answered, model.asked)
    yield "invalid", lambda model: _count(model.invalid, model.asked)
    yield "refused", lambda model: _count(model.refused, model.asked)
    yield "failed", lambda model: _count(model.failed, model.asked)
    yield "cut off", lambda model: _count(model.cut_off, model.asked)
    for place, score in enumerate(report.models[0].scores):
        yield f"{score.field} right", _right(place)
    yield "input tokens", lambda model: _spread(model.input_tokens)
    yield "output tokens", lambda model: _spread(model.output_tokens)
    yield "cost", lambda model: _usd(model.trial_usd)


def _of_the_whole() -> Iterator[Line]:
    yield "input tokens", _whole(lambda whole: _tokens(whole.input_tokens))
    yield "output tokens", _whole(lambda whole: _tokens(whole.output_tokens))
    yield "in batches", _whole(lambda whole: _usd(whole.batch_usd))
    yield "synchronously", _whole(lambda whole: _usd(whole.synchronous_usd))


def _whole(tell: Callable[[Estimate], str]) -> Callable[[ModelTrial], str]:
    return lambda model: NOT_KNOWN if model.whole is None else tell(model.whole)


def _tokens(count: int | None) -> str:
    return NOT_KNOWN if count is None else f"{count:,}"


def _usd(amount: Decimal | None) -> str:
    return NOT_KNOWN if amount is None else dollars(amount)


def _count(count: int, whole: int) -> str:
    return share(count, whole) if count else "0"


def _right(place: int) -> Callable[[ModelTrial], str]:
    return lambda model: share(model.scores[place].right, model.scores[place].compared)


def _spread(tokens: TokenSpread | None) -> str:
    if tokens is None:
        return NOT_KNOWN
    return f"{tokens.median:,} · {tokens.percentile_95:,} · {tokens.longest:,}"


def _agreement(report: TrialReport) -> Iterator[Block]:
    if not report.agreements:
        return
    which = "both" if len(report.models) == 2 else f"all {len(report.models)}"
    yield f"Where {which} models answered, they say the same:"
    rows = tuple((one.field, share(one.agreed, one.compared)) for one in report.agreements)
    yield Grid(("field", "agree"), rows, frozenset({1}))


def _by_row(answers: Sequence[CandidateAnswers], asked: Asked) -> dict[int, str]:
    """What was asked, by the row's number as a person counts."""
    return {row + 1: told for row, told in zip(answers[0].column("row"), asked.texts, strict=True)}


def _wrong(model: str, score: Score, asked: Mapping[int, str], *, alone: bool) -> Iterator[Block]:
    whose = "" if alone else f" by {model}"
    left_out = f"; {score.left_out:,} rows have no {score.column}" if score.left_out else ""
    those = ". Not so:" if score.wrong else "."
    yield f"{score.field} as in {score.column}{whose}: {share(score.right, score.compared)}{left_out}{those}"
    if score.wrong:
        rows = tuple(
            (f"{one.row:,}", asked[one.row], one.custom_id, brief(one.expected), _given(one))
            for one in score.wrong[:SHOWN_WRONG]
        )
        yield Grid(("row", "asked", "custom_id", "expected", "given"), rows, frozenset({0}), asked=1)
        yield from _more(len(score.wrong), SHOWN_WRONG)


def _given(wrong: WrongRow) -> str:
    return "no answer" if wrong.given is None else brief(wrong.given)
