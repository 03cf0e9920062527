"""One step with an answer store, in a process of its own: prints its seconds and peak memory as JSON.

Seconds are of the whole step by the clock, and of the store's own part in processor time of this process.

python -m benchmarks.answers.step FOLDER STEP [STORE]
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from prefect_openai_batch.batch.answer_store.answers import Answers
from prefect_openai_batch.batch.answer_store.digests import Digests
from prefect_openai_batch.batch.answer_store.keeping import keep_output
from prefect_openai_batch.batch.answer_store.store import AnswerStore
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.files.input_files import INPUT
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.job import Job
from prefect_openai_batch.batch.jobs.opening import open_job
from prefect_openai_batch.batch.jobs.rounds import plan_round
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.outcomes.outcome_files import FetchedOutput, write_outcomes
from prefect_openai_batch.blocks.databases import open_store

from ..fetches.stage import REQUESTS, SOURCE, job_of

SERVER = "https://api.openai.com/v1"

ROWS_AT_ONCE = 1_000
"""As a build looks them up."""


def answers_of(store: AnswerStore, name: str, key: str) -> Answers:
    """What a job of this key sees in a store."""
    return Answers(store=name, server=SERVER, opening=store.open_job(key, SERVER))


def outcomes(folder: Path, _: str) -> float:
    """Read all output files into outcomes; that is no step of the store's."""
    started = time.process_time()
    for number, file in enumerate(job_of(folder, "chat").input_files()):
        batch = Batch(id=f"batch_{number}", status="completed", input_file=file)
        paths = [folder / f"output-{number}.jsonl"]
        output = write_outcomes(batch, file.endpoint, file.read_items(), paths, file.files)
        file.files.write("fetched.json", output)
    return time.process_time() - started


def keep(folder: Path, name: str) -> float:
    """Keep all answers."""
    job, seconds = job_of(folder, "chat"), 0.0
    with open_store(name) as store:
        answers = answers_of(store, name, job.key)
        for number, file in enumerate(job.input_files()):
            output = file.files.read("fetched.json", FetchedOutput)
            assert output is not None, "it was written"
            started = time.process_time()
            kept = keep_output(store, answers, file, output, [folder / f"output-{number}.jsonl"])
            seconds += time.process_time() - started
            assert kept == file.items, "each is new"
    return seconds


def look_up(folder: Path, name: str, server: str = SERVER) -> float:
    """Look up all rows, each of which is known."""
    seconds = 0.0
    with open_store(name) as store:
        opening = store.now()
        for file in job_of(folder, "chat").input_files():
            digests = Digests(file.endpoint, server)
            with file.files.open(INPUT) as lines:
                known = digests.of_lines([*lines])
            started = time.process_time()
            for start in range(0, len(known), ROWS_AT_ONCE):
                some = known[start : start + ROWS_AT_ONCE]
                found = store.find(some, opening)
                assert len(found) == (len(some) if server == SERVER else 0), "all are known, or none is"
            seconds += time.process_time() - started
    return seconds


def look_up_strangers(folder: Path, name: str) -> float:
    """Look up as many rows, none of which is known."""
    return look_up(folder, name, "https://elsewhere.example/v1")


def build(folder: Path, name: str, server: str | None = SERVER) -> float:
    """Build all rows with the store: nothing is left to be sent."""
    key = f"built-{time.time_ns()}"
    if server is None:
        job = _begun(folder, key)
        started = time.process_time()
        for selection in plan_round(job):
            build_selection(job, selection)
        return time.process_time() - started
    with open_store(name) as store:
        answers = answers_of(store, name, key).at(server)
        job = _begun(folder, key).with_answers(answers, deduplicate=False)
        started = time.process_time()
        sent = [file for selection in plan_round(job) for file in build_selection(job, selection, store=store)]
        seconds = time.process_time() - started
    assert bool(sent) == (server != SERVER), "all are known, or none is"
    return seconds


def build_strangers(folder: Path, name: str) -> float:
    """Build all rows with the store, none of which is known."""
    return build(folder, name, "https://elsewhere.example/v1")


def build_alone(folder: Path, name: str) -> float:
    """Build all rows without a store."""
    return build(folder, name, None)


def _begun(folder: Path, key: str) -> Job:
    """Another job over the same rows, which are read."""
    job = open_job(
        str(folder / SOURCE),
        REQUESTS["chat"],
        str(folder / f"{key}.parquet"),
        job_key=key,
        storage=str(folder / "jobs"),
    )
    keep_rows(job)
    return job


STEPS: dict[str, Callable[[Path, str], float]] = {
    step.__name__: step
    for step in (outcomes, keep, look_up, look_up_strangers, build, build_strangers, build_alone)
}


def main() -> None:
    """Do one step."""
    folder, step, store = Path(sys.argv[1]), sys.argv[2], (*sys.argv[3:], "")[0]
    started = time.perf_counter()
    processor = STEPS[step](folder, store)
    seconds = time.perf_counter() - started
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1_000
    print(json.dumps({"processor": processor, "seconds": seconds, "peak_mb": peak}))


if __name__ == "__main__":
    main()
