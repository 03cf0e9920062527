"""How much of its limit on enqueued tokens a model has taken, as the list of batches shows it.

OpenAI bounds the input tokens of a model in open batches, by organisation and tier, and says nowhere how much of
that is taken. Each batch of ours says in its metadata what it enqueues, so the list tells, for all runs alike.
Batches of other programs count as nothing, for nothing tells their tokens: who has such gives a smaller bound.
A model and its dated snapshots share one limit.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..files.batches import Batch, BatchStatus
from ..files.identity import enqueued_of, enqueued_tokens, job_key_of
from ..files.input_files import InputFile
from ..prices import undated

LIVE = frozenset({BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS, BatchStatus.FINALIZING, BatchStatus.CANCELLING})
"""The statuses whose tokens OpenAI counts."""


@dataclass
class Enqueued:
    """The tokens in open batches, by undated model and job."""

    by_job: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, batches: Iterable[Batch]) -> "Enqueued":
        """What is enqueued by these batches, as far as they are open."""
        enqueued = cls()
        for batch in batches:
            if batch.status in LIVE:
                model, tokens = enqueued_of(batch)
                enqueued.by_job[undated(model), job_key_of(batch)] += tokens
        return enqueued

    def add(self, file: InputFile) -> None:
        """Count an input file that is about to be sent."""
        self.by_job[_holder(file)] += enqueued_tokens(file)

    def taken(self, model: str) -> int:
        """The tokens of a model in open batches."""
        return sum(tokens for (of, _), tokens in self.by_job.items() if of == undated(model))

    def held_by_others(self, file: InputFile) -> bool:
        """Whether other jobs have batches of a file's model open: then room may come without an end of ours."""
        return self.taken(file.model) > self.by_job[_holder(file)]

    def has_room(self, file: InputFile, bound: int | None) -> bool:
        """Whether an input file fits under a bound; one that is larger alone may go alone, for OpenAI to judge."""
        taken = self.taken(file.model)
        return bound is None or not taken or taken + enqueued_tokens(file) <= bound

    def is_fair(self, file: InputFile, bound: int | None) -> bool:
        """Whether an input file's job has no more than its share with it, where one more job is about to begin."""
        own = self.by_job[_holder(file)]
        if bound is None or not own:
            return True
        jobs = sum(1 for (of, _), tokens in self.by_job.items() if of == undated(file.model) and tokens)
        return (own + enqueued_tokens(file)) * (jobs + 1) <= bound


def _holder(file: InputFile) -> tuple[str, str]:
    return undated(file.model), file.job_key or ""
