"""More jobs wait suspended for the room of a model than it has room for."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import openai
import pytest
from prefect.client.orchestration import get_client
from prefect.states import Suspended
from prefect_openai_batch import openai_batch
from prefect_openai_batch.batch.files.identity import enqueued_tokens
from prefect_openai_batch.batch.jobs.job import load_job
from prefect_openai_batch.batch.jobs.terms import Terms
from prefect_openai_batch.emulator import BatchServer, RouteFault
from prefect_openai_batch.flows.runs import TAG
from prefect_openai_batch.flows.suspension.wake import wake_jobs
from prefect_openai_batch.tasks.remote.tries import brief_pauses

from ..conftest import Run, take_room

pytestmark = pytest.mark.server

JOBS = ("first", "second", "third")

LOOKS = 40
"""In so many looks that each wake one of three by chance, one is left out twice in a million."""


def suspend(run_id: UUID) -> None:
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run_id, Suspended(), force=True)


@pytest.fixture
def waiting(still_server: BatchServer, reviews: Path, run: Run, tmp_path: Path) -> Iterator[dict[str, UUID]]:
    """Three suspended jobs, and room for an input file of one of them; their runs, the oldest first."""
    take_room(100)
    runs: dict[str, UUID] = {}
    with get_client(sync_client=True) as client:
        for key in JOBS:
            run(reviews, wait="detach", job_key=key, destination=f"{tmp_path}/{key}.csv", max_enqueued_tokens=50)
            job = load_job(str(tmp_path / "jobs" / key))
            file = job.input_files()[0]
            job.with_terms(Terms(max_enqueued_tokens=100 + enqueued_tokens(file)))
            parameters = {"job_key": key, "storage": str(tmp_path / "jobs"), "options": {"wait": "suspend"}}
            made = client.create_flow_run(openai_batch, parameters=parameters, tags=[TAG], state=Suspended())
            runs[key] = made.id
        yield runs
        for run_id in runs.values():
            client.delete_flow_run(run_id)


def test_each_has_its_turn(waiting: dict[str, UUID]) -> None:
    """Every look wakes as many as there is room for, and none of them always."""
    woken: set[str] = set()
    for _ in range(LOOKS):
        (key,) = wake_jobs()
        suspend(waiting[key])
        woken.add(key)
        if len(woken) == len(JOBS):
            break
    assert woken == set(JOBS)


def test_a_list_that_is_away_is_asked_once_a_look(still_server: BatchServer, waiting: dict[str, UUID]) -> None:
    """For all jobs together: the next look comes soon, and other accounts' jobs wait for this one."""
    still_server.fail(RouteFault(kind="http_error", route="GET */batches", status=503))
    before = len(still_server.requests())
    with brief_pauses(), pytest.raises(openai.InternalServerError):
        wake_jobs()
    assert len(still_server.requests()) == before + 1
    still_server.fail()
    assert len(wake_jobs()) == 1
