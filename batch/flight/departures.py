"""Which input files of a round may go now, and how many at once: the decisions of a flight, without its deeds.

No time passes here and nothing is sent: the flow and the simulation both ask it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from ..files.batches import Batch
from ..files.input_files import InputFile
from ..jobs.options import GROWTH, Pauses
from .bounds import VALIDATION_SECONDS, Bounds
from .enqueued import Enqueued

ROOM_SECONDS = 60.0
"""Who holds more than its share leaves what becomes free to others for so long at most; they look more often."""


@dataclass
class Look:
    """What one look at the input files that wait has shown of why they wait.

    Attributes:
        put_off: When the first of those that are put off may go, in Unix seconds.
        lacking: The models without room.
        withheld: Whether something else keeps one back.
        others: Whether others hold room, so that it may come without an end of ours.
        away: Whether OpenAI takes none for now.
    """

    put_off: float = inf
    lacking: set[str] = field(default_factory=set)
    withheld: bool = False
    others: bool = False
    away: bool = False


class Departures:
    """The input files that wait, and the batches that are open, of which there are `in_flight` at most.

    Where OpenAI lacked room, no more are open than were then; each batch that ends well makes room for one more.

    Args:
        waiting: The input files without a batch, in the order in which they go.
        flying: The open batches.
        in_flight: How many may be open at once.
        bounds: The most tokens of each model in open batches.
        pauses: Those between looks.
        not_before: From when on an input file may go, in Unix seconds; asked once whenever it begins to wait.
        yields: Whether this job leaves room beyond its share to others for a while: only who looks again can.
    """

    def __init__(
        self,
        waiting: Iterable[InputFile],
        flying: Iterable[Batch],
        in_flight: int,
        bounds: Bounds | None = None,
        pauses: Pauses | None = None,
        *,
        not_before: Callable[[InputFile], float] = lambda _: 0.0,
        yields: bool = True,
    ) -> None:
        self.waiting = list(waiting)
        self.flying = list(flying)
        self.in_flight = in_flight
        self.bounds = bounds or Bounds()
        self.room = in_flight
        self.look = Look()
        self._not_before = not_before
        self._known_not_before: dict[str, float] = {}
        self._pauses = pauses or Pauses()
        self._yields = yields
        self._asking: dict[str, str] = {}
        self._left_until: dict[str, float] = {}
        self._longest = 0.0
        self._models = {file.model for file in self.waiting}
        self._again_at = self._looking_since = 0.0

    def leave(
        self, most: int, may_go: Callable[[InputFile], bool], now: float, enqueued: Enqueued | None = None
    ) -> list[InputFile]:
        """Take out of those that wait the ones that go now; none overtakes a file of its model that lacks room.

        Args:
            most: How many at most.
            may_go: Whether nothing else keeps an input file back; asked once for each that goes, in their order.
            now: The time in Unix seconds.
            enqueued: The tokens in open batches, where they are bounded; those of what goes are added.
        """
        places: list[int] = []
        look = self.look = Look()
        self._reopen(now)
        for place, file in enumerate(self.waiting):
            if len(places) >= min(most, self.room - len(self.flying)) or look.lacking >= self._models:
                break
            if file.model in look.lacking:
                continue
            closed_until = self.bounds.closed_until(file.model)
            if (not_before := closed_until if closed_until > now else self._goes_from(file)) > now:
                look.put_off = min(look.put_off, not_before)
            elif enqueued is not None and not self._fits(file, enqueued, now):
                look.lacking.add(file.model)
            elif may_go(file):
                places.append(place)
                if self.bounds.is_closed(file.model):
                    self._asks(file, now)
                if enqueued is not None and not self.bounds.is_judged_at_once(file):
                    enqueued.add(file)
            else:
                look.withheld = True
        return [self.waiting.pop(place) for place in reversed(places)][::-1]

    def _asks(self, file: InputFile, now: float) -> None:
        """Let nothing else of its model go until it is known whether OpenAI takes this one."""
        self._asking[file.model] = file.folder
        self.bounds.close(file.model, now + max(VALIDATION_SECONDS, 2 * self._pauses.shortest))

    def _reopen(self, now: float) -> None:
        """What has asked, and is still open when its time is over, was taken."""
        flying = {batch.input_file.folder for batch in self.flying if batch.input_file}
        for model, folder in [*self._asking.items()]:
            if self.bounds.closed_until(model) <= now:
                del self._asking[model]
                if folder in flying:
                    self.bounds.reopen(model)

    def _goes_from(self, file: InputFile) -> float:
        if file.folder not in self._known_not_before:
            self._known_not_before[file.folder] = self._not_before(file)
        return self._known_not_before[file.folder]

    def _fits(self, file: InputFile, enqueued: Enqueued, now: float) -> bool:
        """Whether there is room, and this job may take it; one over its share leaves it to others for a while."""
        bound = self.bounds.for_file(file)
        self.look.others |= enqueued.held_by_others(file)
        if not enqueued.has_room(file, bound):
            self._left_until.pop(file.model, None)
            return False
        if not self._yields or enqueued.is_fair(file, bound):
            return True
        return now >= self._left_until.setdefault(file.model, now + self._leaves_for(now))

    def _leaves_for(self, now: float) -> float:
        """So long room is left, in seconds: longer where batches take longer, as others then look less often."""
        oldest = min((batch.created_at or now for batch in self.flying), default=now)
        age = max(self._longest, now - oldest)
        return min(max(age / GROWTH, self._pauses.shortest), ROOM_SECONDS)

    @property
    def leaves_room(self) -> bool:
        """Whether there is room that is left to others, to be taken at the next look."""
        return self.looks_again_at() is not None and bool(self._left_until)

    @property
    def is_bounded(self) -> bool:
        """Whether room has to be looked for before anything goes."""
        return self.bounds.bind(self._models)

    def looks_again_at(self) -> float | None:
        """When more may go without an end of ours, in Unix seconds; None where nothing waits or may be open."""
        waits = self.waiting and len(self.flying) < self.room and self._again_at < inf
        return self._again_at if waits else None

    def looked(self, now: float) -> None:
        """Note that it was tried to let more go: less often the longer there is no room, as batches are looked at.

        Where our own batches hold it all, the next look that counts comes when one of them has ended. What others
        hold may come free at any time.
        """
        look = self.look
        left = self._left_until = {of: until for of, until in self._left_until.items() if of in look.lacking}
        self._again_at = min([look.put_off, *left.values()])
        if look.withheld or look.away or len(look.lacking) > len(left):
            self._looking_since = self._looking_since or now
            self._again_at = min(self._again_at, now + self._pause(now - self._looking_since))

    def could_not_look(self, now: float) -> None:
        """Note that nobody could tell how much room there is: for now there is none."""
        self.look = Look(lacking=set(self._models), others=True)
        self.looked(now)

    def _pause(self, age: float) -> float:
        if self.look.away:
            return self._pauses.after(age)
        if self.look.others:
            return self._pauses.for_room().after(age)
        return self._pauses.most if self.flying else self._pauses.after(age)

    def hold(self, without_room: list[InputFile], for_now: list[InputFile]) -> None:
        """Let input files wait again.

        Args:
            without_room: Somebody was faster, and their room is gone: they go before all others.
            for_now: OpenAI takes none for now, or not these: they go behind all others.
        """
        self.waiting = [*without_room, *self.waiting, *for_now]
        self.look.others |= bool(without_room)
        self.look.lacking |= {file.model for file in without_room}
        self.look.away |= bool(for_now)

    def landed(self, batch: Batch, now: float) -> None:
        """A batch is open no more: there may be room at once."""
        self._longest = max(self._longest, now - (batch.created_at or now))
        self._again_at = self._looking_since = 0.0
        self.flying = [other for other in self.flying if other.id != batch.id]

    def goes_on(self, files: Iterable[InputFile]) -> None:
        """These go again, or in place of what was refused; none waits or flies twice."""
        self.waiting += self._not_known(files)

    def _not_known(self, files: Iterable[InputFile]) -> list[InputFile]:
        known = {file.folder for file in self.waiting}
        known |= {batch.input_file.folder for batch in self.flying if batch.input_file}
        new = [file for file in files if file.folder not in known]
        for file in new:
            self._known_not_before.pop(file.folder, None)
            self._models.add(file.model)
        return new

    def lacked_room(self, files: Sequence[InputFile]) -> None:
        """OpenAI had no room for a batch, and these go on in its place, before all others.

        Where they are put off, so is their whole model, for which one of them asks then. Where nobody knows how
        much room there is, no more are open than are now.
        """
        self.waiting[:0] = self._not_known(files)
        for file in files:
            self._asking.pop(file.model, None)
            if not_before := self._goes_from(file):  # others hold the room
                self.bounds.close(file.model, not_before)
        if any(self.bounds.of(file.model) is None for file in files):
            self.room = max(1, len(self.flying))

    def had_room(self, file: InputFile | None) -> None:
        """OpenAI took the batch of an input file to its end: one more may be open, and of its model too."""
        self.room = min(self.room + 1, self.in_flight)
        if file is not None:
            self.bounds.reopen(file.model)
