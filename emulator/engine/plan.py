"""In which order a batch's lines are executed: never in the file's."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

CHUNK = 1_000
"""Lines that are shuffled among themselves."""


@dataclass(frozen=True)
class Plan:
    """The order in which a file's lines are executed: chunks in any order, and lines in any order within each.

    It is made of the seed and the file alone, so that a restart goes on where it stopped.

    Attributes:
        path: the input file.
        offsets: where every thousandth line begins, and where the file ends.
        total: the file's lines.
        seed: what the order is made of.
    """

    path: Path
    offsets: list[int]
    total: int
    seed: str

    def chunks(self, start: int, stop: int) -> Iterator[list[bytes]]:
        """The lines from one position of the order to another, at most a thousand at a time."""
        position = 0
        for chunk in _shuffled(len(self.offsets) - 1, self.seed):
            count = min(CHUNK, self.total - chunk * CHUNK)
            low, high = max(start - position, 0), min(stop - position, count)
            if low < high:
                lines = self._read(chunk)
                order = _shuffled(count, f"{self.seed} {chunk}")
                yield [lines[index] for index in order[low:high]]
            position += count
            if position >= stop:
                return

    def _read(self, chunk: int) -> list[bytes]:
        with self.path.open("rb") as file:
            file.seek(self.offsets[chunk])
            return file.read(self.offsets[chunk + 1] - self.offsets[chunk]).split(b"\n")


def chunk_offsets(path: Path) -> list[int]:
    """Where every thousandth line begins, and where the file ends."""
    offsets = [0]
    with path.open("rb") as lines:
        while size := sum(map(len, islice(lines, CHUNK))):
            offsets.append(offsets[-1] + size)
    return offsets


def _shuffled(count: int, seed: str) -> list[int]:
    """Any order but the natural one, which a client must not come to rely on."""
    order: list[int] = np.random.default_rng(list(seed.encode())).permutation(count).tolist()
    return order[::-1] if count > 1 and order == list(range(count)) else order
