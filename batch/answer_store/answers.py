"""What of an answer store travels: which one a job uses, which answers it sees, and what it keeps there."""

from typing import NamedTuple

from ..prices import Given
from ..storage.records import Record


class Opening(Record):
    """Which answers a job sees: those that were kept before it began, as its number tells, and are young enough.

    `opened_at` and `oldest` are in Unix seconds; answers kept before `oldest` are too old, and None knows no age.
    `is_new` says that this start was given the number, and no earlier one, which may have sent.
    """

    number: int
    opened_at: int
    oldest: int | None = None
    is_new: bool = False


SIGN = "@"
"""What the names of keepers begin with; no job's key does."""


class Keeper(Record):
    """Who keeps answers: a job, or a trial, as a store names it; its key may be that of others in other storages.

    Attributes:
        name: What the store knows it by, made of all that tells it from others; behind a `SIGN`.
        key: The job's key, or the trial's.
        folder: Where the job's folder lies, without what would open it; empty of a trial.
        asks: What is asked of each row, and where the answers go, in a few words.
    """

    name: str
    key: str
    folder: str = ""
    asks: str = ""


class Answers(Record):
    """The answer store of a job, as it was when the job began: a retry and `resume` find the same in it.

    Attributes:
        store: What the store is called, never with a password.
        server: The address that the job's items are sent to.
        opening: Which answers the job sees.
        prices: The job's own prices, for what answers have cost.
        keeper: Who keeps its answers; None of a job that began when a store knew a job by its key alone.
    """

    store: str
    server: str
    opening: Opening
    prices: Given = ()
    keeper: Keeper | None = None

    def keeper_of(self, job_key: str) -> Keeper:
        """Who keeps the answers of the job of this key."""
        return self.keeper or Keeper(name=job_key, key=job_key)

    def at(self, server: str) -> "Answers":
        """The same where another server is asked: what it answers is known by its own address."""
        return self.model_copy(update={"server": server})


class KeptAnswer(NamedTuple):
    """An answer to be kept; `body` is the response's JSON, `keeper` who keeps it, `cost_usd` a decimal's text."""

    digest: bytes
    body: bytes
    endpoint: str
    model: str | None
    keeper: str
    custom_id: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: str | None = None
