"""Which input files of a round may go now, and how many at once: the decisions of a flight, without its deeds.

No time passes here and nothing is sent: the flow and the simulation both ask it.
"""

from collections.abc import Callable, Iterable

from ..files.batches import Batch
from ..files.input_files import InputFile
from ..jobs.options import Pauses
from .enqueued import Enqueued


class Departures:
    """The input files that wait, and the batches that are open, of which there are `in_flight` at most.

    Where OpenAI lacked room, no more are open than were then; each batch that ends well makes room for one more.

    Args:
        waiting: The input files without a batch, in the order in which they go.
        flying: The open batches.
        in_flight: How many may be open at once.
        bound: The most tokens of a model in open batches; None where they are not bounded.
    """

    def __init__(
        self, waiting: Iterable[InputFile], flying: Iterable[Batch], in_flight: int, bound: int | None = None
    ) -> None:
        self.waiting = list(waiting)
        self.flying = list(flying)
        self.in_flight = in_flight
        self.bound = bound
        self.room = in_flight
        self._models = {file.model for file in self.waiting}
        self._left_room = self._others_hold = self._yielded = False
        self._next_look = 0.0
        self._looking_since = 0.0

    def leave(
        self, most: int, may_go: Callable[[InputFile], bool], enqueued: Enqueued | None = None
    ) -> list[InputFile]:
        """Take out of those that wait the ones that go now; none overtakes a file of its model that lacks room.

        Args:
            most: How many at most.
            may_go: Whether nothing else keeps an input file back; asked once for each that goes, in their order.
            enqueued: The tokens in open batches, where they are bounded; those of what goes are added.
        """
        places: list[int] = []
        held: set[str] = set()
        self._left_room = self._others_hold = False
        for place, file in enumerate(self.waiting):
            if len(places) >= min(most, self.room - len(self.flying)) or held >= self._models:
                break
            if file.model in held:
                continue
            if enqueued is not None and not self._fits(file, enqueued):
                held.add(file.model)
            elif may_go(file):
                places.append(place)
                if enqueued is not None:
                    enqueued.add(file)
        return [self.waiting.pop(place) for place in reversed(places)][::-1]

    def _fits(self, file: InputFile, enqueued: Enqueued) -> bool:
        """Whether there is room, and this job may take it; one over its share lets it be for one look."""
        has_room = enqueued.has_room(file, self.bound)
        is_fair = self._yielded or enqueued.is_fair(file, self.bound)
        self._left_room |= has_room and not is_fair
        self._others_hold |= enqueued.held_by_others(file)
        return has_room and is_fair

    def looks_for_room_at(self) -> float | None:
        """When to look for room again, in Unix seconds; None where nothing waits for it."""
        waits = self.bound is not None and self.waiting and len(self.flying) < self.room
        return self._next_look if waits else None

    def looked(self, now: float, pauses: Pauses) -> None:
        """Note that room was looked for: less often the longer there is none, as batches are looked at.

        Where our own batches hold it all, the next look that counts comes when one of them has ended.
        """
        self._yielded = self._left_room
        self._looking_since = self._looking_since or now
        may_come = self._left_room or self._others_hold
        self._next_look = now + (pauses.after(now - self._looking_since) if may_come else pauses.longest)

    def hold(self, file: InputFile) -> None:
        """Let an input file wait again, before all others: somebody was faster, and the room is gone."""
        self.waiting.insert(0, file)

    def landed(self, batch: Batch) -> None:
        """A batch is open no more: there may be room at once."""
        self._next_look = self._looking_since = 0.0
        self.flying = [other for other in self.flying if other.id != batch.id]

    def goes_on(self, files: Iterable[InputFile]) -> None:
        """These go again, or in place of what was refused; none waits or flies twice."""
        known = {file.folder for file in self.waiting}
        known |= {batch.input_file.folder for batch in self.flying if batch.input_file}
        self.waiting += [file for file in files if file.folder not in known]
        self._models |= {file.model for file in self.waiting}

    def lacked_room(self) -> None:
        """OpenAI had no room for a batch: no more than are open now."""
        self.room = max(1, len(self.flying))

    def had_room(self) -> None:
        """OpenAI took a batch to its end: one more may be open."""
        self.room = min(self.room + 1, self.in_flight)
