"""How many items a batch says it finished of which its files, as they were read, do not tell.

A whole line tells of its item, also where its response cannot be read: read again it would say the same.

OpenAI's counts lag, and other servers' are wrong or null: they are believed only where an item is without a line
that can be read. Of a completed batch every item is finished, whatever it counts.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..files.batches import Batch, BatchStatus
from ..files.output_files import BROKEN_LINE
from .outcome import UNREADABLE, Outcome, OutcomeKind

_RUN = (OutcomeKind.SUCCEEDED, OutcomeKind.INVALID, OutcomeKind.FAILED)


@dataclass
class Reading:
    """What the files of one batch tell, item by item.

    `items` counts the batch's items, `told` those of which a line could be read, `run` those that were run by it,
    `shapeless` those of which a whole line holds a response that cannot be read.
    """

    items: int = 0
    told: int = 0
    run: int = 0
    shapeless: int = 0

    def add(self, lines: Collection[Mapping[str, Any]], found: Outcome) -> Outcome:
        """Count an item by its lines and what they say of it."""
        self.items += 1
        if lines and found.error_code != BROKEN_LINE:
            self.told += 1
            self.shapeless += found.error_code == UNREADABLE
            self.run += found.outcome in _RUN
        return found

    def add_answers(self, count: int) -> None:
        """Count items of which a line holds an answer for certain."""
        self.items += count
        self.told += count
        self.run += count

    @property
    def untold(self) -> int:
        """Items of which no line could be read."""
        return self.items - self.told

    def unread(self, batch: Batch, *, all_known: bool) -> int:
        """Items that the batch says it finished and that are untold.

        Args:
            batch: The batch, ended.
            all_known: Whether `items` counts all that was sent, and not only what the files tell of.
        """
        if batch.status == BatchStatus.FAILED:
            return 0
        counts = batch.request_counts
        finished = counts.completed + counts.failed
        if batch.status == BatchStatus.COMPLETED:
            finished = max(finished, self.items)
        left = max(finished - self.run, 0)
        return min(left, self.untold) if all_known else left
