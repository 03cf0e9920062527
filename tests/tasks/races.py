"""Two starts of one job, each with a folder of its own, on a driven clock."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from prefect_openai_batch import ChatRequest, open_job, plan_round
from prefect_openai_batch.batch.errors import BatchNotFinished
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.options import POLL_SECONDS, SETTLE_SECONDS
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.emulator import BatchServer, RouteFault, Timing
from prefect_openai_batch.emulator.clock import Clock
from prefect_openai_batch.tasks import wait_for_batches
from prefect_openai_batch.tasks.adopt import adopt
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection, connect

from .driven_clock import DrivenClock

ROWS = 20

HOUR = 3_600.0


@dataclass(frozen=True)
class Race:
    """Two starts of a job, each with a folder of its own.

    Attributes:
        name: what stands above its table.
        head_start: how many seconds the second comes later.
        first_dies: whether the first is killed when it has created its batch.
    """

    name: str
    head_start: float = 0.0
    first_dies: bool = False


@contextmanager
def lagging_server(validating: float) -> Iterator[BatchServer]:
    """A server whose clock is driven; the environment names it."""
    timing = Timing(validating=validating, running=30, finalizing=1, cancelling=606)
    with BatchServer(timing=timing, clock=Clock(speed=0)) as server:
        os.environ |= {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "any"}
        yield server


def billed_twice(server: BatchServer, race: Race, lag: float, folder: Path) -> int:
    """How many of a job's items are billed twice when two starts race, each in a folder of its own.

    Raises:
        RuntimeError: some item is not billed at all.
    """
    server.advance(HOUR)
    server.fail(RouteFault(kind="lag", route="GET */batches", seconds=lag))
    write_rows(folder)
    before = server.bill()["billed"]
    driven = DrivenClock(server)
    first = partial(run_start, driven, folder / "first", waits=not race.first_dies)
    second = partial(run_start, driven, folder / "second", begins_after=race.head_start)
    driven.run([first, second])
    server.advance(HOUR)  # what nobody waits for ends too
    twice = server.bill()["billed"] - before - ROWS
    if twice < 0:
        raise RuntimeError(f"{-twice} items were never run: {race.name}, lag {lag:g} s")
    return int(twice)


def run_start(driven: DrivenClock, storage: Path, begins_after: float = 0.0, *, waits: bool = True) -> None:
    """A start of the job, as the flow's tasks go through it."""
    driven.sleep(begins_after)
    with connect() as connection:
        files = build_job(connection, storage.parent.name, storage)
        driven.sleep(0)  # who starts at the same moment has looked as well
        open_batches = [find_or_create(connection, file, SETTLE_SECONDS) for file in files]
    while waits:
        try:
            wait_for_batches.fn(open_batches)
        except BatchNotFinished:
            driven.sleep(POLL_SECONDS)
        else:  # its batch has ended, or gave way: then the other start sees to the one that stays
            return


def write_rows(folder: Path) -> None:
    """Write the table that the starts read."""
    folder.mkdir(exist_ok=True)
    (folder / "rows.csv").write_text("review\n" + "".join(f"review {number}\n" for number in range(ROWS)))


def build_job(connection: Connection, key: str, storage: Path) -> list[InputFile]:
    """A job's input files, with the batches recorded that OpenAI lists for them."""
    source = storage.parent / "rows.csv"
    request = ChatRequest(model="gpt-5-mini", prompt=f"{key} {{{{ review }}}}")
    job = open_job(str(source), request, job_key=key, storage=str(storage))
    if job.rows() is None:
        keep_rows(job)
    files = [file for selection in plan_round(job) for file in build_selection(job, selection)]
    adopt(connection, job, files)
    return files
