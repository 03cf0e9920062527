"""A flow that a worker runs from this file: it suspends, dies or stays as often as it is told."""

import os
import signal
import time
from pathlib import Path
from uuid import uuid4

from prefect import flow
from prefect.flow_runs import suspend_flow_run


@flow(name="small")
def small(folder: str, suspends: int = 0, dies: int = 0, stays: bool = False, age: float | None = None) -> int:
    """Suspend at the first starts, die by SIGKILL at the next ones; then stay until killed once, and complete.

    Args:
        folder: Where the starts are noted.
        suspends: At how many starts it suspends.
        dies: At how many starts after those it dies.
        stays: Whether the start after those stays for ever.
        age: What it says of its batches' age when it suspends; None: it says nothing.
    """
    starts = len(list(Path(folder).glob("start-*"))) + 1
    Path(folder, f"start-{starts}").write_text(str(os.getpid()))
    if starts <= suspends:
        time.sleep(1)
        if age is not None:
            from prefect_openai_batch.flows.suspension.looks import suspend_for_look  # the other runs start sooner

            suspend_for_look(age)
        suspend_flow_run(key=uuid4().hex, timeout=None)
    if starts <= suspends + dies:
        os.kill(os.getpid(), signal.SIGKILL)
    while stays and starts == suspends + dies + 1:
        time.sleep(0.1)
    return starts
