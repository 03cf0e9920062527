"""How many answers are right by the table's own columns, and how often models agree."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..storage.records import Record
from ..tables.value_texts import text
from .candidate_answers import CandidateAnswers
from .expectations import Expected, compared_fields
from .sameness import is_nothing, says_the_same


class WrongRow(Record):
    """A row whose answer is not the expected one; `row` counts from 1, `given` is None where it has no answer."""

    row: int
    custom_id: str
    expected: str
    given: str | None


class Score(Record):
    """How many answers say in one field what a column of the table says.

    `left_out` are the rows whose column says nothing, `filled` those of them whose answer says something; a row
    without an answer counts, and is not right.
    """

    field: str
    column: str
    compared: int
    right: int
    left_out: int
    filled: int
    wrong: tuple[WrongRow, ...]


class Agreement(Record):
    """In how many rows all models say the same in one field, of those that all of them answered."""

    field: str
    compared: int
    agreed: int


def scores_of(
    answers: CandidateAnswers, expected: Expected, columns: Mapping[str, Sequence[Any]]
) -> tuple[Score, ...]:
    """How many of a candidate's answers are right, a field after the other.

    Args:
        answers: What was answered.
        expected: What is expected.
        columns: The values of the columns that it names, of the rows of the sample.
    """
    return tuple(_score(answers, field, column, columns[column]) for field, column in expected.items())


def _score(answers: CandidateAnswers, field: str, column: str, expected: Sequence[Any]) -> Score:
    rows = list(
        zip(answers.column("row"), answers.column("custom_id"), expected, answers.values_of(field), strict=True)
    )
    told = [row for row in rows if not is_nothing(row[2])]
    wrong = tuple(
        WrongRow(row=row + 1, custom_id=custom_id, expected=text(wanted), given=_said(given))
        for row, custom_id, wanted, given in told
        if not says_the_same(given, wanted)
    )
    return Score(
        field=field,
        column=column,
        compared=len(told),
        right=len(told) - len(wrong),
        left_out=len(rows) - len(told),
        filled=sum(is_nothing(wanted) and not is_nothing(given) for _, _, wanted, given in rows),
        wrong=wrong,
    )


def _said(value: Any) -> str | None:
    return None if value is None else text(value)


def agreements(candidates: Sequence[CandidateAnswers]) -> tuple[Agreement, ...]:
    """How often all candidates agree, field by field; of one alone there is nothing to say."""
    if len(candidates) < 2:
        return ()
    return tuple(_agreement(candidates, field) for field in compared_fields(candidates[0].candidate.job.request))


def _agreement(candidates: Sequence[CandidateAnswers], field: str) -> Agreement:
    answered = zip(*(one.answered for one in candidates), strict=True)
    rows = zip(*(one.values_of(field) for one in candidates), strict=True)
    compared = [values for values, there in zip(rows, answered, strict=True) if all(there)]
    agreed = sum(all(says_the_same(values[0], other) for other in values[1:]) for values in compared)
    return Agreement(field=field, compared=len(compared), agreed=agreed)
