"""The rows that were tried with their answers, and why some have none."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from ...outcomes.outcome import OutcomeKind
from ...reports.grids import Asked, Block, Grid, brief, grid_of, more
from ..candidate_answers import CandidateAnswers
from ..expectations import ANSWER, compared_fields

SHOWN = 20
"""So many rows are shown with their answers; all of them stand in the table of answers."""

SHOWN_WITHOUT = 10
"""So many rows are shown that have no answer."""

COLUMNS = 4
"""Of so many fields each has a column of its own; of more they share one."""

NULL = "—"
"""What a field says that says nothing: each keeps its place."""

BETWEEN = " · "


def answers_grid(answers: Sequence[CandidateAnswers], asked: Asked) -> Grid:
    """Each row with what it was answered: a column a field of one model, else a column a model."""
    fields = compared_fields(answers[0].candidate.job.request)
    outcomes = [_outcome_texts(one) for one in answers]
    if len(answers) == 1 and 0 < len(fields) <= COLUMNS:
        headers, columns = fields, [_field_texts(answers[0], field) for field in fields]
    else:
        headers = [shared_header(one.name, fields, alone=len(answers) == 1) for one in answers]
        columns = [_all_texts(one, fields) for one in answers]
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


def shared_header(name: str, fields: Sequence[str], *, alone: bool) -> str:
    """The header of a column that fields share: their names as their values stand, behind the model's."""
    names = "" if list(fields) == [ANSWER] else BETWEEN.join(map(brief, fields))
    if alone:
        return names or ANSWER
    return f"{name}: {names}" if names else name


def shared_text(values: Sequence[Any]) -> str:
    """The values of several fields one after another, each in its place."""
    return BETWEEN.join(map(_said, values))


def _said(value: Any) -> str:
    return NULL if value is None else brief(value) or '""'


def _field_texts(answers: CandidateAnswers, field: str) -> list[str]:
    values = zip(answers.answered, answers.values_of(field), strict=True)
    return [_said(value) if there else "" for there, value in values]


def _all_texts(answers: CandidateAnswers, fields: Sequence[str]) -> list[str]:
    """What each row was answered, its fields one after another."""
    if not fields:
        return [f"{len(value)} numbers" if value is not None else "" for value in answers.column("answer")]
    rows = zip(*(answers.values_of(field) for field in fields), strict=True)
    return [shared_text(row) if there else "" for there, row in zip(answers.answered, rows, strict=True)]


def _outcome_texts(answers: CandidateAnswers) -> list[str]:
    """What became of each row, where that is more than that it was answered."""
    rows = zip(answers.answered, answers.column("outcome"), answers.column("error_code"), strict=True)
    return ["" if there else _in_a_word(kind, code) for there, kind, code in rows]


def _in_a_word(kind: str, code: str | None) -> str:
    if kind == OutcomeKind.SUCCEEDED:
        return "refused" if code == "refusal" else "no answer"
    return kind


def reasons(answers: Sequence[CandidateAnswers]) -> Iterator[Block]:
    """Why rows have no answer, row by row."""
    rows = tuple(
        (f"{row + 1:,}", one.name, outcome, brief(message or code or ""))
        for one in answers
        for row, outcome, code, message in zip(
            one.column("row"),
            _outcome_texts(one),
            one.column("error_code"),
            one.column("error_message"),
            strict=True,
        )
        if outcome
    )
    if rows:
        yield "Without an answer:"
        yield grid_of(("row", "model", "outcome", "why"), rows[:SHOWN_WITHOUT], alone=len(answers) == 1)
        yield from more(len(rows), SHOWN_WITHOUT)
