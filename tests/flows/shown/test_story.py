"""What a person sees in Prefect of a job: its names, log, progress, events and asset, as the server keeps them."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from prefect.logging.handlers import APILogWorker
from prefect_openai_batch import ChatRequest, RunOptions, openai_batch, resume_job
from prefect_openai_batch.emulator import BatchServer, LineFault

from ...conftest import wait_until

pytestmark = pytest.mark.server

PREFIX = "prefect-openai-batch"
STORY = (
    r"Beginning flow run 'reviews.csv · gpt-5-mini' for flow 'openai-batch'",
    r"The job's folder: .+/a\.story",
    r"Read 40 rows of reviews.csv",
    r"To be sent: 40 items in 1 input file, about \d+ input tokens .+",
    r"Round 1 · file 1: 40 items sent to gpt-5-mini as batch_\w+",
    r"Round 1 · file 1: batch_\w+ completed: 38 succeeded, 2 failed; paid \$[\d.]+; 2 may go again",
    r"Round 2: 2 rows go again: 2 server_error",
    r"Round 2 · file 1: 2 items sent to gpt-5-mini as batch_\w+",
    r"Round 2 · file 1: batch_\w+ completed: 2 succeeded; paid \$[\d.]+",
    r"Wrote .+/answers.csv: 40 rows, 39 with an answer \(40 succeeded\)",
    r"Paid: \$[\d.]+ .+",
    r"39 of 40 rows answered.+",
    r"Finished in state Partial.+",
)
"""The lines of the log, but for those of progress."""


ARTIFACT = "openai-batch-a-story-544cdf"
"""The key of its progress."""


class Seen:
    """What Prefect's server has of a run."""

    def __init__(self, api: str, state: Any, folder: Path) -> None:
        """A run by its last state."""
        self.api, self.state, self.folder = api, state, folder
        self.run_id = str(state.state_details.flow_run_id)

    def ask(self, path: str, **wanted: Any) -> Any:
        return httpx.post(f"{self.api}{path}", json=wanted, timeout=60).raise_for_status().json()

    @property
    def run(self) -> dict[str, Any]:
        run: dict[str, Any] = httpx.get(f"{self.api}/flow_runs/{self.run_id}").raise_for_status().json()
        return run

    def lines(self) -> list[str]:
        wanted = {"flow_run_id": {"any_": [self.run_id]}}
        return [line["message"] for line in self.ask("/logs/filter", logs=wanted, sort="TIMESTAMP_ASC")]

    def events(self, *prefixes: str) -> list[dict[str, Any]]:
        related = {"id": [f"prefect.flow-run.{self.run_id}"]}
        wanted = {"event": {"prefix": [*prefixes]}, "related": related, "order": "ASC"}
        events: list[dict[str, Any]] = self.ask("/events/filter", filter=wanted, limit=50)["events"]
        return events


@pytest.fixture(scope="module")
def seen(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """A job of 40 rows, of which one fails for good and two in passing; it was done when it was started again."""
    folder = tmp_path_factory.mktemp("story")
    pd.DataFrame({"review": [f"Review {number}." for number in range(40)]}).to_csv(folder / "reviews.csv")
    with BatchServer() as server, pytest.MonkeyPatch.context() as patch:
        server.fail(
            LineFault(kind="refusal", pattern="Review 7\\."),
            LineFault(kind="error", pattern="Review [34]\\.", times=1),
        )
        patch.setenv("OPENAI_BASE_URL", server.base_url)
        patch.setenv("OPENAI_API_KEY", "test")
        first, _again = (
            openai_batch(
                str(folder / "reviews.csv"),
                ChatRequest(model="gpt-5-mini", prompt="Is it good? {{ review }}"),
                str(folder / "answers.csv"),
                job_key="a.story",
                storage=str(folder / "jobs"),
                options=RunOptions(poll_seconds=0.2),
                return_state=True,
            )
            for _ in range(2)
        )
    APILogWorker.drain_all(timeout=30)
    return Seen(prefect_server, first, folder)


def test_a_run_is_named_and_tagged_by_what_it_is_for(seen: Seen) -> None:
    """And never tagged for automations that nobody asked for."""
    assert seen.run["name"] == "reviews.csv · gpt-5-mini · 40 rows"
    assert sorted(seen.run["tags"]) == ["job:a.story", "model:gpt-5-mini"]


def test_task_runs_are_named_by_round_and_file(seen: Seen) -> None:
    """In the order in which they ran."""
    wanted = {"flow_runs": {"id": {"any_": [seen.run_id]}}, "sort": "EXPECTED_START_TIME_ASC"}
    names = [run["name"] for run in seen.ask("/task_runs/filter", **wanted)]
    assert names[:4] == [
        "check access",
        "read reviews.csv",
        "round 1 · part 1 · build",
        "look for earlier batches",
    ]
    assert {"round 1 · file 1 · submit", "round 2 · file 1 · fetch", "write answers.csv"} <= set(names)


def test_the_log_tells_the_story(seen: Seen) -> None:
    """A line an event, of which none is Prefect's own of a task."""
    told = [line for line in seen.lines() if not line.startswith("Waiting: ")]
    for line, expected in zip(told, STORY, strict=True):
        assert re.fullmatch(expected, line, re.DOTALL), line


def test_the_progress_says_what_is_answered(seen: Seen) -> None:
    """In one artifact that is named by the job: not 100 %, for one row has no answer."""
    (artifact,) = seen.ask("/artifacts/filter", artifacts={"key": {"any_": [ARTIFACT]}})
    assert artifact["data"] == 97.5
    assert "- Rows answered: 39 of 40\n" in artifact["description"]


def test_events_tell_what_became_of_batches_and_job(seen: Seen) -> None:
    """Each once, though the job was started again when it was done."""
    wait_until(lambda: len(seen.events(PREFIX)) == 5, lambda: str(seen.events(PREFIX)))
    told = [event["event"].removeprefix(f"{PREFIX}.") for event in seen.events(PREFIX)]
    assert Counter(told) == {"batch.submitted": 2, "batch.completed": 2, "job.finished": 1}
    finished = next(event for event in seen.events(PREFIX) if event["event"].endswith("job.finished"))
    assert finished["resource"]["prefect.resource.id"] == f"{PREFIX}.job.a.story"
    assert (finished["payload"]["state"], finished["payload"]["answered"]) == ("Partial", 39)
    assert finished["payload"]["cost_usd"] > 0
    for event in seen.events(PREFIX):
        roles = {one["prefect.resource.role"]: one["prefect.resource.id"] for one in event["related"]}
        assert roles["flow-run"] == f"prefect.flow-run.{seen.run_id}"
        assert "task-run" not in roles, "the task in which Prefect's thread for events was started"


def test_the_table_is_an_asset_made_of_the_source(seen: Seen) -> None:
    """With its rows and what they cost."""
    made = "prefect.asset.materialization.succeeded"
    wait_until(lambda: len(seen.events(made)) == 1, lambda: str(seen.events("prefect.asset")))
    (event,) = seen.events(made)
    assert event["resource"]["prefect.resource.id"] == f"file://{seen.folder}/answers.csv"
    related = [resource["prefect.resource.id"] for resource in event["related"]]
    assert f"file://{seen.folder}/reviews.csv" in related
    assert (event["payload"]["rows"], event["payload"]["answered"]) == (40, 39)


def test_a_name_that_was_given_stays(seen: Seen) -> None:
    """Only what Prefect made up is replaced."""
    with get_client(sync_client=True) as client:
        given = {"job_key": "a.story", "storage": str(seen.folder / "jobs")}
        run = client.create_flow_run(resume_job, name="my own name", parameters=given)
        run_flow(resume_job, flow_run=run, parameters=given, return_type="state")
        assert client.read_flow_run(run.id).name == "my own name"
