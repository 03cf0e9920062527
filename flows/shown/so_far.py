"""How far a job is, by what its steps report: pure counting, for the log and the artifact."""

from dataclasses import dataclass

from ...batch.progress import Progress
from ...batch.words import counted


@dataclass
class SoFar:
    """Items done of all, over the rounds of a job.

    Attributes:
        rows: How many rows the job has; each is an item.
        items: How many of them go in the round that is under way.
        fetched: How many of those are fetched.
        waited: How many more are done in open batches, by the last look.
        reached: The most that were seen to be done in this round; those of an ended batch are not, until fetched.
        text: What the last look said of the open batches.
    """

    rows: int = 0
    items: int = 0
    fetched: int = 0
    waited: int = 0
    reached: int = 0
    text: str = ""

    def hear(self, news: Progress) -> bool:
        """Count what a step reports; whether it was a look at the batches."""
        if news.step == "fetch":
            if news.total is not None:  # a round begins; what goes again was counted as done before
                self.items, self.waited, self.reached = news.total, 0, 0
            self.fetched = (self.fetched if news.done is None else news.done) + news.advance
            self.waited = max(self.waited - news.advance, 0)  # what is fetched is waited for no more
        elif news.step == "wait":
            self.waited, self.text = news.done or 0, news.text or ""
        counted = min(self.total - self.items + self.fetched + self.waited, self.total)
        self.reached = max(self.reached, counted) if news.step == "wait" else self.reached
        return news.step == "wait"

    @property
    def total(self) -> int:
        """All items of the job."""
        return max(self.rows, self.items)

    @property
    def done(self) -> int:
        """Items that are done: those of earlier rounds that do not go again, and those of this one."""
        return self.reached

    @property
    def share(self) -> float:
        """The share of the items that are done, between 0 and 1."""
        return self.done / self.total if self.total else 0.0

    @property
    def statuses(self) -> str:
        """The statuses of the open batches, as the last look told them: `2 in_progress, 1 validating`."""
        return self.text.partition("(")[2].rstrip(")")

    def __str__(self) -> str:
        """In a line: items done of all, and how the open batches stand."""
        told = f"{self.done:,} of {counted(self.total, 'item')} done ({int(100 * self.share)} %)"
        return f"{told}; batches: {in_words(self.statuses)}" if self.statuses else told


def in_words(statuses: str) -> str:
    """Statuses of batches as a person reads them."""
    return statuses.replace("in_progress", "in progress")
