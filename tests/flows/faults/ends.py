"""What a fault of the table is, and what a job must come to under it."""

import re
from dataclasses import dataclass, field
from typing import Any

from prefect_openai_batch.emulator import BatchFault, LineFault, RouteFault, Timing

AnyFault = LineFault | BatchFault | RouteFault

MAX_ROUNDS = 3

SHORT = Timing(validating=0.05, running=0.1, finalizing=0.05, cancelling=0.1, expiring=0.1)

EXPIRED, CANCELLED = "expired batch_expired", "cancelled batch_cancelled"


@dataclass(frozen=True)
class End:
    """What a job must come to under a fault.

    Rows are told by outcome and error code, as in `failed server_error`; `succeeded` stands alone.

    Attributes:
        left: how the rows that the fault befalls are left for good; none: they are answered.
        passing: how they stand in between, after which they go again.
        rounds: how many more rounds that may cost a row.
        some: whether it befalls some rows only, which cannot be told beforehand.
        raises: the exception that ends the first call; the next one completes the job.
        bills: how often more a row that it befalls may be billed, because the server ran and lost it.
        files: how many remote files may stay, because the server said that they were gone, or because rows that
            their batch says it finished are in none of them.
    """

    left: frozenset[str] = frozenset()
    passing: frozenset[str] = frozenset()
    rounds: int = 0
    some: bool = False
    raises: str = ""
    bills: int = 0
    files: int = 0

    def __str__(self) -> str:
        left = ", ".join(sorted(self.left)) or "complete"
        return f"{self.raises}, then {left}" if self.raises else left


@dataclass(frozen=True)
class Entry:
    """A fault of the table: what goes wrong, the end it must come to, and the job that meets it.

    Attributes:
        name: what it is called in the printed table.
        faults: what the server is told.
        end: what must become of the job.
        mixes: whether it is drawn for combinations.
        responses: whether only the Responses API has it.
        models: how many models, so how many input files, the job has; 0: two or three.
        in_flight: batches at once.
        credentials: the credentials block that it needs.
        timing: how long the server's stages take.
        leap: seconds by which the clock moves on when the job does nothing but wait.
        leaps: how often it does so at most.
        finish_in: seconds after which the job has to be done.
    """

    name: str
    faults: tuple[AnyFault, ...]
    end: End = field(default_factory=End)
    mixes: bool = True
    responses: bool = False
    models: int = 0
    in_flight: int = 2
    credentials: str | None = None
    timing: Timing = SHORT
    leap: float = 0.0
    leaps: int = 40
    finish_in: float | None = None

    @property
    def kinds(self) -> set[str]:
        """The kinds of its faults."""
        return {fault.kind for fault in self.faults}

    def befalls(self, text: str) -> bool:
        """Whether it may befall the row with this text; a fault of calls befalls none."""
        lines = [fault for fault in self.faults if isinstance(fault, LineFault)]
        batches = any(isinstance(fault, BatchFault) for fault in self.faults)
        return batches or self.end.some or any(re.search(fault.pattern, text) for fault in lines)


def ends(*left: str, **more: Any) -> End:
    """An end in which rows are left so."""
    return End(left=frozenset(left), **more)


def passes(reason: str, rounds: int = 1, *, some: bool = False) -> End:
    """An end in which rows are answered after some rounds."""
    return End(passing=frozenset({reason}), rounds=rounds, some=some)


COMPLETE = End()
