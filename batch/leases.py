"""Work in a folder that one process at a time does, of whichever machine.

Who does it says so every few seconds. When it is not heard of for long it was killed, and another takes the work
over: at once where it was a process of this machine, which tells that it has ended.
"""

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar
from uuid import uuid4

from .clock import every
from .processes import has_ended, this_process
from .progress import noted_wait
from .storage.awaiting import awaited
from .storage.folders import Folder
from .storage.records import Record

log = logging.getLogger(__name__)

Done = TypeVar("Done")

RENEWED_SECONDS = 5.0
"""How often who works says so."""

GONE_SECONDS = 30.0
"""Who was not heard of for so long, while others were listening, works no more."""

LOOK_SECONDS = 0.5
"""How often who waits listens, and how long who takes over waits for others that would do so too."""

AWAITED = "Waiting for %s; if it is not heard of for %.0f s this one does it"


class Holder(Record):
    """Who works, in which process, and how often that was said."""

    name: str
    said: int = 0
    process: str | None = None


class Lease:
    """The right to do some work in a folder, until it is given back.

    Args:
        folder: The folder.
        name: The record that says who has it.
        work: What it is for, as in "another run, which …".
    """

    def __init__(self, folder: Folder, name: str, work: str) -> None:
        self._folder, self._name, self._work = folder, name, work
        self._me = Holder(name=uuid4().hex, process=this_process())
        self._stack = ExitStack()
        self._is_lost = False

    def take(self, done: Callable[[], Done | None]) -> Done | None:
        """Wait until nobody else has it, and have it.

        Args:
            done: What has come of the work, None as long as nothing has.

        Returns:
            That, where another has done the work; then, and where this fails, there is nothing to give back.
        """
        found = self._wait(done)
        if found is None:
            with ExitStack() as stack:
                stack.callback(self._give_back)
                stack.enter_context(every(RENEWED_SECONDS, self._say_so))
                found = done()  # before it was had
                if found is None:
                    self._stack = stack.pop_all()
        return found

    def give_back(self) -> None:
        """Have it no more; one that was not had stays as it is."""
        self._stack.close()

    def is_held(self) -> bool:
        """Whether nobody has taken it over meanwhile."""
        known = self._folder.read(self._name, Holder)
        return known is not None and known.name == self._me.name

    @property
    def is_lost(self) -> bool:
        """Whether somebody has taken it over meanwhile, as far as was seen when it was last renewed."""
        return self._is_lost

    def _wait(self, done: Callable[[], Done | None]) -> Done | None:
        claim = awaited(self._folder.claim)  # again is as good as once: one's own is known by its name
        heard, unheard, looked, is_told = None, 0.0, time.monotonic(), False
        with ExitStack() as told:
            while not claim(self._name, self._me):
                found, known = done(), self._folder.read(self._name, Holder)
                if known is not None and known.name == self._me.name:  # taken over, or the store's answer was lost
                    break
                if found is not None:
                    return found
                # a look that took long tells little: the storage may have been away, for who works too
                unheard, looked = unheard + min(time.monotonic() - looked, RENEWED_SECONDS), time.monotonic()
                is_over = known is not None and has_ended(known.process)
                if known != heard and not is_over:
                    if not is_told:
                        is_told = True
                        another = f"another run, which {self._work}"
                        told.enter_context(noted_wait(another))
                        log.warning(AWAITED, another, GONE_SECONDS)
                    heard, unheard = known, 0.0
                elif is_over or unheard > GONE_SECONDS:
                    log.warning("The run that %s is gone: this one does it", self._work)
                    self._folder.remove_file(self._name)
                    claim(self._name, self._me)  # if it stands at the next look: another may take over too
                time.sleep(LOOK_SECONDS)
        return None

    def _say_so(self) -> None:
        self._is_lost = not self.is_held()
        if not self._is_lost:
            self._me = self._me.model_copy(update={"said": self._me.said + 1})
            self._folder.write(self._name, self._me)

    def _give_back(self) -> None:
        if self.is_held():
            self._folder.remove_file(self._name)


def is_held(folder: Folder, name: str) -> bool:
    """Whether somebody has the right that a record says, as far as can be told from here."""
    known = folder.read(name, Holder)
    return known is not None and not has_ended(known.process)
