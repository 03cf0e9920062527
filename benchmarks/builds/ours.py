"""Ours: input files of the rows that a job keeps, with their custom_ids, digests and token estimates.

    python -m benchmarks.builds.ours rows.parquet plain|jinja
    python -m benchmarks.builds.ours rows.parquet plain --processes 2

With processes the task `build-items` builds in them, by Prefect's own task runner, from when the flow hands the
selections over until their files are there; the processes have built something before.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from tempfile import TemporaryDirectory

from prefect_openai_batch import ChatRequest
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.job import Job, Selection
from prefect_openai_batch.batch.jobs.opening import open_job
from prefect_openai_batch.batch.jobs.rounds import plan_round
from prefect_openai_batch.batch.jobs.rows import keep_rows

from ..peers.building.rows import MODEL, SYSTEM
from ..turns import Taken

PROMPTS = {
    "plain": "How is this review of {{ product }} meant?\n\n{{ review }}",
    "jinja": "How is this review of {{ product | upper }}?\n\n{% if stars > 3 %}Fine. {% endif %}{{ review }}",
}


def main() -> None:
    """Keep the rows, build their files, and print how long the building took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("prompt", choices=PROMPTS)
    parser.add_argument("--processes", type=int, default=0)
    options = parser.parse_args()
    with TemporaryDirectory() as storage:
        request = ChatRequest(model=MODEL, system=SYSTEM, prompt=PROMPTS[options.prompt])
        job, before = (_job(options.source, request, storage, key) for key in ("job", "before"))
        taken = _in_processes(job, before, options.processes) if options.processes else _here(job)
    print(json.dumps(asdict(taken)))


def _job(source: str, request: ChatRequest, storage: str, key: str) -> Job:
    job = open_job(source, request, job_key=key, storage=storage)
    keep_rows(job)
    return job


def _here(job: Job) -> Taken:
    seconds, processor_seconds = time.perf_counter(), time.process_time()
    files = [file for selection in plan_round(job) for file in build_selection(job, selection)]
    return Taken(
        sum(file.items for file in files), time.process_time() - processor_seconds, time.perf_counter() - seconds
    )


def _in_processes(job: Job, before: Job, processes: int) -> Taken:
    from prefect import flow
    from prefect.task_runners import ProcessPoolTaskRunner
    from prefect_openai_batch import build_items

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=processes))  # type: ignore[arg-type]  # Prefect's is invariant
    def building(first: Sequence[Selection], then: Sequence[Selection]) -> tuple[int, float]:
        build_items.map(first).result()
        begun = time.perf_counter()
        built = build_items.map(then).result()
        return sum(file.items for files in built for file in files), time.perf_counter() - begun

    rows, seconds = building(plan_round(before), plan_round(job))
    return Taken(rows, sum(os.times()[:4]), seconds)


if __name__ == "__main__":
    main()
