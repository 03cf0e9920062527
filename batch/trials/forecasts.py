"""What the whole table takes in tokens, by what its sample took."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

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

    def beside(self, sizes: npt.NDArray[Any], tokens: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """How far the tokens of items lie off the line."""
        apart: npt.NDArray[np.float64] = tokens - self.mean_tokens - self.slope * (sizes - self.mean_bytes)
        return apart


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


@dataclass(frozen=True)
class Tried:
    """Items that were tried: the bytes of each, and its tokens in and out, -1 where they are not reported."""

    sizes: npt.NDArray[np.int64]
    inputs: npt.NDArray[np.int64]
    outputs: npt.NDArray[np.int64]

    def of(self, which: npt.NDArray[np.bool_]) -> "Tried":
        """Some of them."""
        return Tried(self.sizes[which], self.inputs[which], self.outputs[which])


@dataclass(frozen=True)
class Tokens:
    """Tokens foretold, and one standard error of them: None where a single row tells nothing of it."""

    count: int
    error: float | None


def foretold_inputs(own: Tried, pooled: Tried, items: int, size: int) -> Tokens | None:
    """The input tokens of so many items of so many bytes; None where no item reports any.

    Args:
        own: Items of the same model that were tried.
        pooled: Those of all models, which stand in where none of its own tells.
        items: How many there are.
        size: Their bytes in all.
    """
    told, all_told = own.of(own.inputs >= 0), pooled.of(pooled.inputs >= 0)
    if not len(all_told.inputs):
        return None
    by = told if len(told.inputs) else all_told
    line = tokens_by_bytes(by.sizes, by.inputs)
    wide = by if len(by.inputs) > 1 else all_told
    apart = tokens_by_bytes(wide.sizes, wide.inputs).beside(wide.sizes, wide.inputs)
    return Tokens(line.total(items, size), _error(apart, len(by.inputs), items))


def foretold_outputs(own: Tried, pooled: Tried, items: int) -> Tokens | None:
    """The output tokens of so many items, by the mean of those that were tried, as `foretold_inputs`."""
    told, all_told = (outputs[outputs >= 0] for outputs in (own.outputs, pooled.outputs))
    if not len(all_told):
        return None
    by = told if len(told) else all_told
    return Tokens(round(items * float(by.mean())), _error(by if len(by) > 1 else all_told, len(by), items))


def _error(spread: npt.NDArray[Any], tried: int, items: int) -> float | None:
    """The standard error of a sum over all items, by how those that were tried lie apart; 0 where all were."""
    if tried >= items:
        return 0.0
    if len(spread) < 2:
        return None
    return items * float(spread.std(ddof=1)) / sqrt(tried) * sqrt(1 - tried / items)
