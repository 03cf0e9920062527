"""The most tokens of a model in open batches: what somebody has said, and what refusals have told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..files.batches import WINDOW_SECONDS, Batch
from ..files.identity import enqueued_tokens
from ..files.input_files import InputFile
from ..jobs.job import Job
from ..jobs.rounds import Whereabouts
from ..jobs.submissions import Refusals, refusals
from ..prices import undated
from ..words import counted
from .cuts import told_limit

MANY_FILES, FEW_ITEMS = 50, 100
"""More files than that, of fewer items on average, are told of: the bound that cut them is small, or a slip."""

VALIDATION_SECONDS = 80.0
"""Validation takes no longer, as a rule: a minute was measured."""


class Told(NamedTuple):
    """A limit that a refusal names; when its batch was created, in Unix seconds."""

    at: float
    limit: int


@dataclass
class Bounds:
    """The bound that was given for every model, None where none was, and what refusals of OpenAI have told.

    A limit that one names binds for a day from the creation of its batch: accounts rise. And after each its model
    is closed for a while, and then one batch asks for all: who holds the room may be seen in no list. A model of
    which one was taken since is `followed`: more may go.
    """

    given: int | None = None
    told: dict[str, Told] = field(default_factory=dict)
    closed: dict[str, float] = field(default_factory=dict)
    followed: set[str] = field(default_factory=set)

    def learn(self, batches: Iterable[Batch], now: float) -> None:
        """Take over the limits that the newest refusals of batches name; what other batches say is nothing."""
        for batch in batches:
            limit = told_limit(batch.errors)
            if limit is not None and batch.input_file:
                model, told = undated(batch.input_file.model), Told(batch.created_at or now, limit)
                self.told[model] = max(told, self.told.get(model, told))
        self.let_go(now)

    def let_go(self, now: float) -> None:
        """Forget the limits that were told more than a day ago."""
        self.told = {model: told for model, told in self.told.items() if now - told.at < WINDOW_SECONDS}

    def close(self, model: str, until: float) -> None:
        """Let nothing of a model go until a time in Unix seconds, whatever was said before."""
        self.closed[undated(model)] = until

    def is_closed(self, model: str) -> bool:
        """Whether a batch of a model was refused for want of room, and none has been taken since."""
        return undated(model) in self.closed

    def reopen(self, model: str) -> None:
        """A batch of a model was taken, or has ended, so that what it held is free."""
        self.closed.pop(undated(model), None)

    def is_followed(self, model: str) -> bool:
        """Whether more batches of a model may go, as one was taken that had been refused."""
        return undated(model) in self.followed

    def closed_until(self, model: str) -> float:
        """From when on something of a model may go, in Unix seconds; 0 where nothing keeps it."""
        return self.closed.get(undated(model), 0.0)

    def of(self, model: str) -> int | None:
        """The most tokens of a model in open batches; None where nothing bounds them."""
        return min((bound for bound in (self.given, self._limit_of(model)) if bound is not None), default=None)

    def _limit_of(self, model: str) -> int | None:
        told = self.told.get(undated(model))
        return None if told is None else told.limit

    def is_judged_at_once(self, file: InputFile) -> bool:
        """Whether OpenAI refuses an input file however much room there is: it waits for none, and is cut then.

        Others may never leave so much. It is sent all the same: by its refused batch a start that has lost the
        folder knows its pieces for what they are.
        """
        told = self._limit_of(file.model)
        least = enqueued_tokens(file) if file.items > 1 else file.tokens.least_input
        return told is not None and least > told

    def for_file(self, file: InputFile) -> int | None:
        """The bound under which an input file waits for room; None where it does not."""
        return None if self.is_judged_at_once(file) else self.of(file.model)

    def bind(self, models: Iterable[str]) -> bool:
        """Whether any of these models is bounded."""
        return any(self.of(model) is not None for model in models)


def told_of_small_files(files: Sequence[InputFile], bound: int | None) -> str:
    """What to say of a bound on enqueued tokens that cuts a job into many small files; empty where it does not."""
    items = sum(file.items for file in files)
    if bound is None or len(files) <= MANY_FILES or items >= FEW_ITEMS * len(files):
        return ""
    at_once = max(1, bound * items // max(1, sum(map(enqueued_tokens, files))))
    if at_once >= items:  # their bytes have cut them
        return ""
    return (
        f"max_enqueued_tokens {bound:,} lets about {counted(at_once, 'item')} go at a time: "
        f"{len(files):,} batches, few of them at once"
    )


def bounds_of(job: Job, where: Whereabouts, now: float) -> Bounds:
    """The bound that a job has been given, and what the refusals of some of its input files have told.

    Args:
        job: The job.
        where: Where its input files, or those of a round, are.
        now: The time in Unix seconds.
    """
    bounds, words = Bounds(job.terms.max_enqueued_tokens), dict[str, _Word]()
    sent = {batch.input_file.folder: batch for batch in where.opened if batch.input_file}
    to_go = {*sent, *(file.folder for file in where.unsent)}
    for file, output in where.outputs:
        if output is not None:
            bounds.learn([output.batch], now)
            continue
        known = refusals(file)
        bounds.learn(known.batches, now)
        if file.folder in to_go and known.for_room and (word := _last_word(known, sent.get(file.folder), now)):
            model = undated(file.model)
            words[model] = max(word, words.get(model, word))
    for model, word in words.items():
        if word.until:
            bounds.close(model, word.until)
        else:
            bounds.followed.add(model)
    return bounds


class _Word(NamedTuple):
    """When OpenAI has said whether it has room for a model, and until when that closes it; 0: it has."""

    at: float
    until: float


def _last_word(known: Refusals, sent: Batch | None, now: float) -> _Word | None:
    """What is known of the last try of an input file that was refused for want of room; None: nothing."""
    if sent is not None:
        at = sent.created_at or now
        judged_at = at + VALIDATION_SECONDS
        return _Word(at, judged_at if judged_at > now else 0.0) if known.batches else None
    if known.batches:
        return _Word(known.batches[-1].created_at or 0.0, known.not_before)
    return _Word(now, known.not_before) if known.not_before > now else None  # a piece that has not been sent
