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
from .storage.folders import Folder
from .storage.records import Record

log = logging.getLogger(__name__)

Done = TypeVar("Done")

RENEWED_SECONDS = 5.0
"""How often who works says so."""

GONE_SECONDS = 30.0
"""Who was not heard of for so long works no more."""

LOOK_SECONDS = 0.5

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
            That, where another has done the work; then there is nothing to give back.
        """
        found = done()
        if found is None:
            found = self._wait(done)
        if found is None:
            self._stack.callback(self._give_back)
            self._stack.enter_context(every(RENEWED_SECONDS, self._say_so))
            found = done()  # recorded between the look and the lease
            if found is not None:
                self.give_back()
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
        heard, since, is_told = None, time.monotonic(), False
        with ExitStack() as told:
            while not self._folder.claim(self._name, self._me):
                if (found := done()) is not None:
                    return found
                known = self._folder.read(self._name, Holder)
                if known is not None and known.name == self._me.name:  # the store's answer to ours was lost
                    break
                is_over = known is not None and has_ended(known.process)
                if known != heard and not is_over:
                    if not is_told:
                        is_told = True
                        awaited = f"another run, which {self._work}"
                        told.enter_context(noted_wait(awaited))
                        log.warning(AWAITED, awaited, GONE_SECONDS)
                    heard, since = known, time.monotonic()
                elif is_over or time.monotonic() - since > GONE_SECONDS:
                    log.warning("The run that %s is gone: this one does it", self._work)
                    self._folder.remove_file(self._name)
                    continue
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
