"""A script that runs the flow on an engine, and says what it took.

python -m benchmarks.clusters.job ENGINE PARAMETERS.json
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path

from prefect import flow, task
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect_openai_batch import openai_batch

from .runners import PROCESSES, RUNNERS


@task
def prepare(number: int) -> int:
    """Import what our tasks import, in a process of the engine."""
    for name in ("openai.resources", "prefect_openai_batch.tasks"):
        import_module(name)
    time.sleep(0.2)  # so that the next one goes to another process
    return number


@flow
def start() -> None:
    """An engine's start: its processes are there and have imported what they need."""
    prepare.map(range(PROCESSES)).result()


def main() -> None:
    """Run the flow; the last line is JSON: seconds of the engine's start, of the job, and rows answered."""
    engine, parameters = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    begun = time.monotonic()
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        if parameters.pop("measure_start"):
            start.with_options(task_runner=RUNNERS[engine]())()
        started = time.monotonic()
        report = openai_batch.with_options(task_runner=RUNNERS[engine]())(**parameters)
    taken = {"start": started - begun, "seconds": time.monotonic() - started}
    print(json.dumps({**taken, "rows": report.answered}))


if __name__ == "__main__":  # engines start processes, which import this file
    main()
