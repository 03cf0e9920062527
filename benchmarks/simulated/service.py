"""A model of OpenAI, as far as limits and times go."""

import random
from dataclasses import dataclass, field
from heapq import heappop, heappush

from prefect_openai_batch.batch.files.batches import WINDOW_SECONDS, Batch, BatchStatus
from prefect_openai_batch.batch.files.identity import enqueued_tokens, with_tokens
from prefect_openai_batch.batch.files.input_files import InputFile


@dataclass
class OpenAI:
    """The model of OpenAI: what is enqueued there, and when what ends."""

    limit: int
    hours: float
    chance: random.Random = field(default_factory=lambda: random.Random(15))
    enqueued: int = 0
    moves: list[tuple[float, int, str, InputFile]] = field(default_factory=list)
    ended: dict[str, str] = field(default_factory=dict)
    created: int = 0

    def create(self, file: InputFile, now: float) -> Batch:
        """A new batch."""
        self.created += 1
        heappush(self.moves, (now + self.chance.choice((2.0, 61.0)), self.created, "validated", file))
        metadata = with_tokens({"job_key": file.job_key or ""}, file)
        return Batch(id=file.folder, status="validating", created_at=int(now), metadata=metadata, input_file=file)

    def pass_time(self, now: float) -> None:
        """Let happen what is due."""
        while self.moves and self.moves[0][0] <= now:
            due, number, what, file = heappop(self.moves)
            tokens = enqueued_tokens(file)
            if what == "ended":
                self.enqueued -= tokens
                self.ended[file.folder] = BatchStatus.COMPLETED
            elif self.enqueued + tokens > self.limit:
                self.ended[file.folder] = BatchStatus.FAILED
            else:
                self.enqueued += tokens
                takes = min(self.hours * 3600 * self.chance.uniform(0.5, 1.5), WINDOW_SECONDS)
                heappush(self.moves, (due + takes, number, "ended", file))
