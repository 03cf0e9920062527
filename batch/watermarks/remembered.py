"""Rows that were taken, each by a digest of 16 bytes: a multiset, for two equal rows are two rows."""

from typing import Self

import numpy as np
import numpy.typing as npt

Digests = npt.NDArray[np.bytes_]
"""Digests of rows, of `DIGEST_BYTES` each."""

DIGEST_BYTES = 16

DIGEST = np.dtype(f"S{DIGEST_BYTES}")


class Remembered:
    """Rows by their digests, each of which is recognised as often as it was remembered."""

    def __init__(self, digests: Digests) -> None:
        self._digests, self._left = np.unique(digests.astype(DIGEST, copy=False), return_counts=True)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """What `to_bytes` has made of digests."""
        return cls(np.frombuffer(content, DIGEST))

    def __len__(self) -> int:
        """How many are still to be recognised."""
        return int(self._left.sum())

    def recognise(self, digests: Digests) -> npt.NDArray[np.bool_]:
        """Which of these rows were remembered; each counts as recognised from then on."""
        places = np.searchsorted(self._digests, digests)
        known = np.zeros(len(digests), dtype=bool)
        inside = np.flatnonzero(places < len(self._digests))
        for row in inside[self._digests[places[inside]] == digests[inside]].tolist():
            place = places[row]
            known[row] = self._left[place] > 0
            self._left[place] -= known[row]
        return known


def to_bytes(digests: Digests) -> bytes:
    """Digests as they are kept."""
    return digests.astype(DIGEST, copy=False).tobytes()
