"""What the whole table takes in tokens, by what its sample took."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class TokensByBytes:
    """How many input tokens an item has by its bytes: a line through the sample's mean.

    The bytes of the whole table are known to the last one, so that a sample of longer rows than most foretells no
    more than its table takes. Where tokens do not go with bytes, as those of images, the line lies flat.
    """

    mean_bytes: float
    mean_tokens: float
    slope: float

    def total(self, items: int, size: int) -> int:
        """The tokens of so many items of so many bytes in all."""
        return round(max(0.0, items * self.mean_tokens + self.slope * (size - items * self.mean_bytes)))


def tokens_by_bytes(sizes: npt.ArrayLike, tokens: npt.ArrayLike) -> TokensByBytes:
    """The line of least squares through the bytes of items and their tokens; more bytes are never fewer tokens.

    Args:
        sizes: The bytes of each item; there is at least one.
        tokens: The input tokens that were reported of each.
    """
    asked, told = np.array(sizes, dtype=np.float64), np.array(tokens, dtype=np.float64)
    apart = asked - asked.mean()
    spread = float(apart @ apart)
    slope = max(0.0, float(apart @ told) / spread) if spread else 0.0
    return TokensByBytes(float(asked.mean()), float(told.mean()), slope)
