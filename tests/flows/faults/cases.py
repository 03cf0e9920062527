"""The runs of the matrix: each fault by itself, and combinations drawn from a seed."""

import random
from dataclasses import dataclass, replace

from prefect_openai_batch.emulator import BatchFault, RouteFault

from .ends import MAX_ROUNDS, AnyFault, Entry
from .table import TABLE


@dataclass(frozen=True)
class Case:
    """One run: some faults of the table, and the seed that decides the rest."""

    entries: tuple[Entry, ...]
    seed: int = 0
    alone: bool = False

    @property
    def name(self) -> str:
        """Its faults."""
        return " + ".join(entry.name for entry in self.entries)

    @property
    def tight(self) -> bool:
        """Whether its faults may cost a row every round there is."""
        return sum(entry.end.rounds for entry in self.entries) >= MAX_ROUNDS

    @property
    def raises(self) -> str:
        """The exception that must end the first call."""
        return next((entry.end.raises for entry in self.entries if entry.end.raises), "")

    @property
    def may_be_refused(self) -> bool:
        """Whether validation may come to refuse every batch: together, two faults can hit each of two batches."""
        refusals = [fault for entry in self.entries for fault in entry.faults if fault.kind == "fail_validation"]
        return len(refusals) > 1

    def allowed(self, text: str) -> set[str]:
        """How the row with this text may end."""
        met = [entry.end for entry in self.entries if entry.befalls(text)]
        left = {end for one in met for end in one.left}
        some = all(one.some for one in met if one.left)
        passing = {end for entry in self.entries for end in entry.end.passing} if self.tight else set()
        return left | passing | ({"succeeded"} if some or not self.alone else set())

    def bills(self, text: str) -> int:
        """How often the row with this text may be billed."""
        return 1 + sum(entry.end.bills for entry in self.entries if entry.befalls(text))


def alone() -> list[Case]:
    """Each fault of the table by itself."""
    return [Case((entry,), seed=number, alone=True) for number, entry in enumerate(TABLE)]


def combined(seed: int) -> Case:
    """Several faults together."""
    return Case(combination(seed), seed=seed)


GROUPS = (*("line", "batch", "create") * 3, "upload", "look", "list", "download", "files", "delete", "models")
"""What a combination is drawn from: the more often it is named, the more often it is drawn."""


def combination(seed: int) -> tuple[Entry, ...]:
    """Two to five faults that may come together, each at other calls, batches and rows; the same for a seed."""
    dice = random.Random(seed)
    mixing = [entry for entry in TABLE if entry.mixes and entry.faults]
    drawn: list[Entry] = []
    for _ in range(dice.randint(2, 5)):
        group = dice.choice(GROUPS)
        fitting = [entry for entry in mixing if entry.name.startswith(group) and not _clashes(entry, drawn)]
        if fitting:
            drawn.append(_varied(dice.choice(fitting), dice))
    return tuple(drawn) if len(drawn) > 1 else combination(seed + 1_000_003)


def _clashes(entry: Entry, drawn: list[Entry]) -> bool:
    """Twice the same; or two faults of the call that is tried three times and no more."""
    names = [other.name for other in drawn]
    checked = [name for name in names if name.startswith("models")]
    return entry.name in names or (bool(checked) and entry.name.startswith("models"))


def _varied(entry: Entry, dice: random.Random) -> Entry:
    return replace(entry, faults=tuple(_vary(fault, dice) for fault in entry.faults))


def _vary(fault: AnyFault, dice: random.Random) -> AnyFault:
    if isinstance(fault, RouteFault):
        first = dice.randint(1, 4)
        return fault.model_copy(update={"calls": (first, first + 1)}) if fault.times else fault
    if isinstance(fault, BatchFault):
        return fault.model_copy(update={"batches": (dice.randint(1, 3),)}) if fault.batches else fault
    low = dice.randint(0, 8)
    return fault.model_copy(update={"pattern": f"Item 0[0-3][{low}-{dice.randint(low, 9)}]"})
