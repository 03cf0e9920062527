"""The engine's processes on this machine, when the flow's own is ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import active_children

from prefect.exceptions import TerminationSignal


@contextmanager
def processes_end_with_it() -> Iterator[None]:
    """Let SIGTERM in the block end the engine's processes on this machine, whose ends are waited for.

    They hear nothing of it, and may be in a pause of a minute between two calls to OpenAI.
    """
    try:
        yield
    except TerminationSignal:
        for process in active_children():
            process.terminate()
        raise
