"""The most tokens of a model in open batches: what somebody has said, and what refusals have told."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..files.batches import WINDOW_SECONDS, Batch
from ..files.identity import enqueued_tokens
from ..files.input_files import InputFile
from ..jobs.job import Job
from ..jobs.submissions import refusals
from ..outcomes.outcome_files import FetchedOutput
from ..prices import undated
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
                self.told[undated(batch.input_file.model)] = limit

    def of(self, model: str) -> int | None:
        """The most tokens of a model in open batches; None where nothing bounds them."""
        told = self.told.get(undated(model))
        return min((bound for bound in (self.given, told) if bound is not None), default=None)

    def is_judged_at_once(self, file: InputFile) -> bool:
        """Whether OpenAI refuses an input file however much room there is: it waits for none, and is cut then.

        Others may never leave so much. It is sent all the same: by its refused batch a start that has lost the
        folder knows its pieces for what they are.
        """
        told = self.told.get(undated(file.model))
        can_be_told = file.items > 1 or file.tokens.input is not None
        return told is not None and enqueued_tokens(file) > told and can_be_told

    def for_file(self, file: InputFile) -> int | None:
        """The bound under which an input file waits for room; None where it does not."""
        return None if self.is_judged_at_once(file) else self.of(file.model)

    def bind(self, models: Iterable[str]) -> bool:
        """Whether any of these models is bounded."""
        return any(self.of(model) is not None for model in models)


def bounds_of(job: Job, outputs: Iterable[tuple[InputFile, FetchedOutput | None]], now: float) -> Bounds:
    """The bound that a job has been given, and the limits that what became of some of its input files tells."""
    bounds = Bounds(job.terms.max_enqueued_tokens)
    for file, output in outputs:
        bounds.learn(refusals(file).batches if output is None else [output.batch], now)
    return bounds
