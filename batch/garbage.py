"""Garbage collection while many rows pass."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def settled_heap() -> Iterator[None]:
    """Let the collector pass over what is there already, while the block makes and drops many small objects.

    Prefect's own heap is large, and the objects of some ten thousand rows make the collector walk through it again
    and again: without this, half a second of the second and a half that 50,000 rows take.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
