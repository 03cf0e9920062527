"""A trial: some rows answered at once, as a person gets it in hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import pandas as pd
import pyarrow as pa

from ..answer_store.answers import Answers
from ..errors import RequestError
from ..jobs.results import result_name
from ..outcomes.result_frames import with_results
from ..reports.grids import Block
from ..reports.markdown import as_markdown
from ..tables.json_values import json_values
from ..tables.value_texts import json_bytes
from ..urls import without_secrets
from ..words import counted
from .shown.terminal import as_text
from .trial_report import TrialReport

ASKED_MODEL = "asked_model"
"""The column that tells the answers of several models apart."""


@dataclass(frozen=True, repr=False, eq=False)
class Trial:
    """Some rows of a table with the answers that they were given at once, and what they foretell of the whole.

    Printed, or shown in a notebook, it is a report to read.

    Attributes:
        report: What was counted, and what the whole table would cost.
        rows: The rows that were tried.
        results: By model, the columns that the table would have beside them.
        blocks: The report's texts and grids.
        sample: Their numbers in the table, from 0.
        asked: The columns of theirs that the prompt reads.
    """

    report: TrialReport
    rows: pd.DataFrame
    results: Mapping[str, pa.Table]
    blocks: tuple[Block, ...]
    sample: tuple[int, ...]
    asked: pa.Table

    def kept_in(self, answers: Answers, count: int) -> Self:
        """The trial, whose report says how many of its answers are new to a store, and under which name."""
        if not count:
            return self
        key, store = answers.keeper_of("").key, without_secrets(answers.store)
        said = (
            f"{counted(count, 'answer')} more {'is' if count == 1 else 'are'} kept in {store}, as {key}; "
            f"`prefect-openai-batch answers forget --job {key} --answers {store}` removes "
            f"{'it' if count == 1 else 'them'}."
        )
        report = self.report.model_copy(update={"kept_as": key})
        return replace(self, report=report, blocks=(*self.blocks, said))

    @cached_property
    def answers(self) -> pd.DataFrame:
        """The rows with their answers; of several models one block after another, told apart by `asked_model`."""
        if len(self.results) == 1:
            return self.answers_of(*self.results)
        blocks = []
        for model in self.results:
            block = self.answers_of(model)
            block.insert(0, result_name(ASKED_MODEL, [*block.columns]), model)
            blocks.append(block)
        return pd.concat(blocks)

    def answers_of(self, model: str) -> pd.DataFrame:
        """The rows with the answers of one of the models.

        Raises:
            RequestError: it was not tried.
        """
        if model not in self.results:
            raise RequestError(f"{model!r} was not tried. Tried: {', '.join(self.results)}.", field="model")
        return with_results(self.rows, self.results[model])

    def as_json(self) -> str:
        """The report and the `answers`, as one JSON object.

        Each answer has `row`, its row's number as the report shows it, from 1, `asked_model`, the columns that the
        prompt reads, and the result columns.
        """
        answers = [answer for model in self.results for answer in self._objects(model)]
        return json_bytes({**self.report.model_dump(mode="json"), "answers": answers}).decode()

    def as_markdown(self) -> str:
        """The report as Markdown."""
        return as_markdown(self.blocks)

    def _objects(self, model: str) -> list[dict[str, Any]]:
        return answer_objects(model, self.sample, self.asked, self.results[model])

    def __str__(self) -> str:
        return as_text(self.blocks)

    @property
    def summary(self) -> str:
        """What was tried, in a line."""
        return f"{self.report.sampled:,} of {self.report.rows:,} rows with {', '.join(self.results)}"

    def __repr__(self) -> str:
        return f"<Trial of {self.summary}>"

    def _repr_markdown_(self) -> str:
        return self.as_markdown()


def answer_objects(model: str, sample: Sequence[int], asked: pa.Table, results: pa.Table) -> list[dict[str, Any]]:
    """Each row's number from 1, the model, what was asked and what came of it, as values of JSON.

    Where the table or its results have columns called `row` or `asked_model`, ours are prefixed.
    """
    told = {
        name: json_values(table[name].combine_chunks())
        for table in (asked, results)
        for name in table.column_names
    }
    row, named = (result_name(name, [*told]) for name in ("row", ASKED_MODEL))
    lines = zip(sample, *told.values(), strict=True)
    return [{row: number + 1, named: model, **dict(zip(told, values, strict=True))} for number, *values in lines]
