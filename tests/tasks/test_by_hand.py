"""The tasks by hand, in a script with no flow and in anyone's flow."""

import subprocess
import sys
from pathlib import Path

import openai
import pytest
from prefect import flow
from prefect_openai_batch import (
    ChatRequest,
    build_items,
    cancel_batch,
    clean_up,
    fetch_output,
    get_batch,
    list_batches,
    open_job,
    plan_round,
    read_source,
    sensor_options,
    submit_batch,
    wait_for_batch,
    wait_for_batches,
    write_results,
)
from prefect_openai_batch.batch.errors import BatchNotFinished, Refused, SourceError
from prefect_openai_batch.emulator import BatchServer

from ..conftest import ROOT

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]

QUICK = sensor_options(poll_seconds=0.2)
ITEMS = [ChatRequest(model="gpt-5-mini", prompt=f"Say {number}.").item(f"item-{number}") for number in range(3)]
IDS = [item.custom_id for item in ITEMS]


def remote_files() -> list[str]:
    with openai.OpenAI() as client:
        return [file.id for file in client.files.list()]


def test_the_example_runs(batch_server: BatchServer, prefect_environment: dict[str, str]) -> None:
    """`examples/by_hand.py`, as it stands, prints an answer to each item and leaves nothing behind."""
    environment = {**prefect_environment, "OPENAI_BASE_URL": batch_server.base_url, "OPENAI_API_KEY": "test"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "by_hand.py")], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [
        [f"item-{number}", "succeeded"] for number in (1, 2, 3)
    ]
    assert remote_files() == []


@pytest.mark.unhurried
def test_every_call_by_hand_is_a_new_batch(batch_server: BatchServer) -> None:
    """Nothing is cached, and the listing shows both."""
    first, second = submit_batch(ITEMS), submit_batch(ITEMS)
    assert first.id != second.id
    assert [batch.id for batch in list_batches(limit=2)] == [second.id, first.id]


def test_a_batch_that_somebody_else_started_is_read_by_its_input_file(batch_server: BatchServer) -> None:
    """By its id alone: the items come in the order they were sent."""
    batch = submit_batch(ITEMS)
    ended = wait_for_batch.with_options(**QUICK)(batch.id)
    assert ended.input_file is None
    frame = fetch_output(ended).frame()
    assert frame["custom_id"].tolist() == IDS
    assert frame["response"].map(lambda body: body["object"]).eq("chat.completion").all()
    assert list(frame.columns) == ["custom_id", "outcome", "answer", "response", "error"]
    assert clean_up(ended) == list(ended.file_ids)
    assert clean_up(ended) == list(ended.file_ids)


def test_a_file_uploaded_before_can_be_submitted(batch_server: BatchServer, tmp_path: Path) -> None:
    """The endpoint is read from the file's first line."""
    with openai.OpenAI() as client:
        content = b"".join(item.line() for item in ITEMS)
        file = client.files.create(file=("items.jsonl", content), purpose="batch")
    batch = submit_batch(input_file_id=file.id)
    assert batch.endpoint == "/v1/chat/completions"
    assert fetch_output(wait_for_batch.with_options(**QUICK)(batch)).outcomes == {"succeeded": 3}


@pytest.mark.unhurried
def test_a_batch_can_be_cancelled(batch_server: BatchServer) -> None:
    """Cancelling one that has ended changes nothing."""
    batch = submit_batch(ITEMS)
    assert cancel_batch(batch.id).status in ("cancelling", "cancelled")
    ended = wait_for_batch.with_options(**QUICK)(batch)
    assert ended.status == "cancelled"
    assert sum(fetch_output(ended).outcomes.values()) == 3
    done = wait_for_batch.with_options(**QUICK)(submit_batch(ITEMS))
    assert cancel_batch(done.id).status == get_batch(done.id).status == "completed"


def test_neither_items_nor_a_file_is_refused(batch_server: BatchServer) -> None:
    """And so are both."""
    with pytest.raises(Refused):
        submit_batch()
    with pytest.raises(Refused):
        submit_batch(ITEMS, input_file_id="file-1")


def test_a_sensor_that_may_not_look_again_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exception's text is the progress line."""
    with BatchServer(speed=0) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        batch = submit_batch(ITEMS)
        with pytest.raises(BatchNotFinished, match="0 of 3 items done"):
            wait_for_batch.with_options(retries=0)(batch)


def test_the_tasks_make_a_flow_of_ones_own(batch_server: BatchServer, tmp_path: Path) -> None:
    """Read, build, submit, wait, fetch, write and clean up, composed by hand."""
    (tmp_path / "rows.csv").write_text("review\ngood\nbad\n")

    @flow
    def mine() -> int:
        request = ChatRequest(model="gpt-5-mini", prompt="{{ review }}")
        job = open_job(
            str(tmp_path / "rows.csv"), request, str(tmp_path / "out.csv"), job_key="mine", storage=str(tmp_path)
        )
        read_source(job)
        files = [file for selection in plan_round(job) for file in build_items(selection)]
        batches = [submit_batch(file) for file in files]
        for batch in wait_for_batches.with_options(**QUICK)(batches):
            fetch_output(batch)
        report = write_results(job)
        clean_up(job)
        return report.answered

    assert mine() == 2
    assert remote_files() == []


def test_results_of_rows_that_were_not_read_are_refused(tmp_path: Path) -> None:
    """The message says what comes first, and nothing is written; once it is done, each row is told of."""
    source, destination = tmp_path / "rows.csv", tmp_path / "labelled.csv"
    source.write_text("text\nx\n")
    request = ChatRequest(model="gpt-5-mini", prompt="{{ text }}")
    job = open_job(str(source), request, str(destination), job_key="unread", storage=str(tmp_path / "jobs"))
    with pytest.raises(SourceError, match=r"read_source\(job\) comes before plan_round\(job\)"):
        plan_round(job)
    with pytest.raises(SourceError, match="'unread' are not read yet: read_source"):
        write_results(job)
    assert not destination.exists()
    read_source(job)
    assert write_results(job).outcomes == {"missing": 1}
