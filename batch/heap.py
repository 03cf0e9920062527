"""Garbage collection while many rows pass."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
_blocks: list[object] = []


@contextmanager
def frozen_heap() -> Iterator[None]:
    """Let the collector pass over what is there already, while the block makes and drops many small objects.

    Prefect's own heap is large, and the objects of some ten thousand rows make the collector walk through it
    again and again: without this, half a second of the second and a half that 50,000 rows take. Blocks may
    overlap, in any threads: the heap is the collector's again when the last one ends.
    """
    block = object()
    with _lock:
        if not _blocks:
            gc.freeze()
        _blocks.append(block)
    try:
        yield
    finally:
        with _lock:
            _blocks.remove(block)
            if not _blocks:
                gc.unfreeze()


_at_work = Lock()


@contextmanager
def one_thread_at_a_time() -> Iterator[None]:
    """Let only one thread of this process into such blocks: two at once take twice the memory, and as long."""
    with _at_work:
        yield
