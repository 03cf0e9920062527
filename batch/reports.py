"""How a job ended."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class TokenCounts(_Record):
    """Tokens as OpenAI reported them, summed; cached tokens are among the input, reasoning among the output."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: "TokenCounts") -> "TokenCounts":
        """The sums of two counts."""
        return TokenCounts(
            **{name: getattr(self, name) + getattr(other, name) for name in TokenCounts.model_fields}
        )


class BatchSummary(_Record):
    """One batch of a job: its id, its last status, and how many items it held."""

    id: str
    status: str
    items: int


class JobReport(_Record):
    """How a job ended; every row of the source is counted in exactly one of `outcomes`.

    `answered` counts the rows whose answer is there; a refusal succeeds without one. `stopped` says why nothing
    more was sent, where that is so; `open_batches` names those whose end was not waited for.
    """

    job_key: str
    rows: int
    answered: int
    outcomes: dict[str, int]
    rounds: int
    batches: tuple[BatchSummary, ...]
    tokens: TokenCounts
    destination: str
    stopped: str | None = None
    open_batches: tuple[str, ...] = ()
    started_at: datetime
    finished_at: datetime

    @property
    def complete(self) -> bool:
        """Whether every row has its answer."""
        return self.answered == self.rows
