"""One line of what `deploy` finds and does."""

from dataclasses import dataclass, replace
from typing import Literal

State = Literal["missing", "differs", "kept", "there", "left over", "created", "updated", "removed"]
"""What a thing is before anything is done, and what becomes of those that are not as wanted."""

DONE: dict[State, State] = {"missing": "created", "differs": "updated", "left over": "removed"}
"""What `deploy` does about it; the others it leaves alone."""


@dataclass(frozen=True)
class Step:
    """Something that belongs on the server, and how it stands with it.

    Attributes:
        kind: What it is: work pool, deployment, …
        name: Its name.
        state: How it stands; kept is what differs because somebody has changed it.
        details: What of it, in words.
    """

    kind: str
    name: str
    state: State
    details: str = ""

    @property
    def is_to_do(self) -> bool:
        """Whether `deploy` does something about it."""
        return self.state in DONE

    def done(self) -> "Step":
        """The same once it is done."""
        return replace(self, state=DONE.get(self.state, self.state))
