"""The outcomes of many outputs, read in the order of the rows: each output is opened once."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from .kept.kept_outcomes import KeptOutcomes
from .outcome_files import FetchedOutput, open_outcomes


class OpenOutputs:
    """Outputs whose outcomes are read from the first row to the last.

    Args:
        outputs: Those of a job, later rounds behind.
        columns: Only these columns are read, `row` among them; None: all.
    """

    def __init__(self, outputs: Sequence[FetchedOutput], columns: Sequence[str] | None = None) -> None:
        self._outputs = outputs
        self._columns = columns
        self._open: dict[int, _Held] = {}

    def __enter__(self) -> "OpenOutputs":
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as closing:
            for held in self._open.values():
                closing.push(held.closing)
        self._open.clear()

    def between(self, first: int, end: int) -> list[tuple[FetchedOutput, pa.Table]]:
        """What each output tells of the rows from `first` up to but not including `end`, if it may tell anything.

        Outputs that tell of no row from `first` on are closed.
        """
        for place in [place for place in self._open if self._outputs[place].last_row < first]:
            self._open.pop(place).closing.close()
        return [
            (output, _rows(self._opened(place).read(output.numbers_between(first, end)), first, end))
            for place, output in enumerate(self._outputs)
            if output.first_row < end and output.last_row >= first
        ]

    def _opened(self, place: int) -> "_Held":
        if place not in self._open:
            closing = ExitStack()
            kept = closing.enter_context(open_outcomes(self._outputs[place], self._columns))
            self._open[place] = _Held(closing, kept)
        return self._open[place]


@dataclass
class _Held:
    """An open output, with the record batches that were read last: a later round's hold rows far apart."""

    closing: ExitStack
    kept: KeptOutcomes
    numbers: range | None = None
    last: pa.Table | None = None

    def read(self, numbers: range | None) -> pa.Table:
        """The outcomes in the record batches of some numbers; None: all, which are not held."""
        if numbers is None:
            return self.kept.table()
        if self.last is None or numbers != self.numbers:
            self.last = None  # it goes before others come
            self.numbers, self.last = numbers, self.kept.table(numbers)
        return self.last


def _rows(outcomes: pa.Table, first: int, end: int) -> pa.Table:
    start, stop = np.searchsorted(outcomes["row"].to_numpy(), (first, end)).tolist()
    return outcomes.slice(start, stop - start)
