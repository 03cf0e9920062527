"""What one model answered to the rows of a sample."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..jobs.results import COST_COLUMN, told_results
from ..outcomes.costs import costs_of_rows, sent_model
from ..outcomes.outcome import OutcomeKind
from ..outcomes.outcome_columns import FIELDS
from ..outcomes.outcome_files import FetchedOutput, read_outcomes
from ..tables.json_values import row_values
from .candidates import Candidate
from .expectations import ANSWER


@dataclass(frozen=True)
class CandidateAnswers:
    """A candidate's outcomes, a row of the sample each, in the sample's order."""

    name: str
    candidate: Candidate
    outputs: tuple[FetchedOutput, ...]

    @cached_property
    def _tables(self) -> list[pa.Table]:
        return [read_outcomes(output) for output in self.outputs]

    @cached_property
    def outcomes(self) -> pa.Table:
        """The outcomes with all that is told of them."""
        return pa.concat_tables(self._tables).sort_by("row")

    @property
    def models(self) -> list[str]:
        """The model that each row asked."""
        parts = zip(self.candidate.files, self._tables, strict=True)
        asked = [(row, file.model) for file, table in parts for row in table["row"].to_pylist()]
        return [model for _, model in sorted(asked)]

    @property
    def asks_again(self) -> bool:
        """Whether a job asks rows again whose answers are invalid."""
        answer_type = self.candidate.job.request.answer_type
        return answer_type is not None and answer_type.retry_invalid

    @cached_property
    def results(self) -> pa.Table:
        """The columns that the table would have beside its rows."""
        told, job = self.outcomes, self.candidate.job
        told = told.append_column(COST_COLUMN, self._costs()) if job.request.keep_cost else told
        return told_results(job, self.outputs, told)

    def _costs(self) -> pa.Array:
        """US dollars for each row."""
        rows = self.outcomes["row"].to_numpy()
        told = zip(self._tables, map(sent_model, self.outputs), strict=True)
        costs = costs_of_rows(told, rows[0], rows[-1] + 1, self.candidate.job.terms.prices)
        return costs.take(pa.array(rows - rows[0]))

    @cached_property
    def answered(self) -> np.ndarray:
        """Which rows have an answer, and a valid one; as bool."""
        valid = pc.not_equal(self.outcomes["outcome"], OutcomeKind.INVALID.value)
        return np.asarray(pc.and_(valid, pc.is_valid(self.outcomes["answer"])).to_numpy())

    def column(self, name: str) -> list[Any]:
        """A column of the outcomes, as Python's values."""
        return list(row_values(self.outcomes[name].combine_chunks()))

    def values_of(self, field: str) -> list[Any]:
        """A field of the answers, or their text; None where there is no answer."""
        if FIELDS in self.outcomes.schema.names:
            values = row_values(pc.struct_field(self.outcomes[FIELDS], field).combine_chunks())
        else:
            values = self.column(ANSWER)
        return [value if there else None for value, there in zip(values, self.answered, strict=True)]

    def told(self, name: str) -> np.ndarray:
        """The counts of a column where they are told, and where not -1; as int64."""
        return np.asarray(pc.fill_null(self.outcomes[name], -1).to_numpy())
