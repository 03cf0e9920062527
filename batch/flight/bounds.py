"""The most tokens of a model in open batches: what somebody has said, and what refusals have told."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..files.batches import WINDOW_SECONDS, Batch
from ..jobs.job import Job
from ..jobs.submissions import fetched
from .cuts import told_limit


@dataclass
class Bounds:
    """The bound that was given for every model, None where none was, and the limits that OpenAI has told.

    A told limit binds for a day from the creation of the batch that was refused: accounts rise.
    """

    given: int | None = None
    told: dict[str, int] = field(default_factory=dict)

    def learn(self, batches: Iterable[Batch], now: float) -> None:
        """Take over the limits that refusals of batches name; what other batches say is nothing."""
        for batch in batches:
            limit = told_limit(batch.errors)
            if limit is not None and batch.input_file and now - (batch.created_at or now) < WINDOW_SECONDS:
                self.told[batch.input_file.model] = limit

    def of(self, model: str) -> int | None:
        """The most tokens of a model in open batches; None where nothing bounds them."""
        return min((bound for bound in (self.given, self.told.get(model)) if bound is not None), default=None)

    def bind(self, models: Iterable[str]) -> bool:
        """Whether any of these models is bounded."""
        return any(self.of(model) is not None for model in models)


def bounds_of(job: Job, now: float) -> Bounds:
    """The bound that a job has been given, and the limits that its records tell."""
    bounds = Bounds(job.terms.max_enqueued_tokens)
    bounds.learn((done.batch for file in job.input_files() if (done := fetched(file))), now)
    return bounds
