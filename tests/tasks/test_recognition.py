"""A table that stands at the destination where the job folder does not: the job's own is known, and no other."""

import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect_openai_batch import ChatRequest, EmbeddingRequest, JobReport
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.errors import DestinationError, JobKeyError
from prefect_openai_batch.batch.jobs.destinations.moved import keep_destination
from prefect_openai_batch.batch.jobs.own_table import read_own_results
from prefect_openai_batch.batch.jobs.results import OWNER, read_results
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.tasks.clean import has_files_left, remove_all_files
from prefect_openai_batch.tasks.recognise import recognise
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection
from prefect_openai_batch.tasks.remote.uploads import upload

from .machines import Machines

TABLES = ["answers.csv", "answers.tsv.gz", "answers.jsonl", "answers.parquet", "a folder of answers"]
DAY = {"type": "string", "format": "date"}
PART = {"type": "object", "properties": {"added": DAY, "gone": DAY}, "required": ["added"]}
TYPED = ChatRequest(
    model="gpt-5-mini",
    prompt="{{ review }}",
    answer={
        "type": "object",
        "properties": {
            "days": {"type": "array", "items": DAY},
            "part": PART,
            "parts": {"type": "array", "items": PART},
        },
    },
)
EMBEDDING = EmbeddingRequest(model="text-embedding-3-small", input="{{ review }}")


@pytest.fixture
def machines(
    tmp_path: Path, server: BatchServer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> Machines:
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    return Machines(tmp_path, server, connection)


def told(report: JobReport | None) -> tuple[object, ...]:
    assert report is not None
    batches = {(batch.id, batch.status, batch.items) for batch in report.batches}
    return (
        report.rows,
        report.answered,
        report.outcomes,
        report.tokens,
        report.rounds,
        batches,
        report.destination,
    )


@pytest.mark.parametrize("deleted", [0, 3, 5])
@pytest.mark.parametrize("name", TABLES)
def test_its_own_table_is_known_and_the_clean_up_finished(machines: Machines, name: str, deleted: int) -> None:
    """After however many deletions: the same report, the table untouched, no file left, nothing paid again."""
    machines.table = machines.folder / name
    report = machines.finish()
    assert len(machines.files()) == 5
    for file_id in machines.files()[:deleted]:
        machines.connection.delete_file(file_id)
    before = machines.table.stat().st_mtime_ns
    job = machines.open("elsewhere")
    assert told(recognise(machines.connection, job)) == told(report) == told(job.report())
    assert machines.table.stat().st_mtime_ns == before
    assert (machines.files(), machines.server.bill()["billed"]) == ([], 2)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("request_", [None, EMBEDDING, TYPED], ids=["texts", "embeddings", "typed"])
def test_the_answers_come_back_from_the_table(
    machines: Machines, name: str, request_: ChatRequest | EmbeddingRequest | None
) -> None:
    """As its own folder would give them, a frame gets them from the table alone."""
    machines.table, machines.request = machines.folder / name, request_
    job = machines.open("here")
    machines.send(job)
    machines.fetch(job)
    machines.write(job)
    own, wanted = read_own_results(machines.open("elsewhere")), read_results(job)
    assert own.schema.names == wanted.schema.names
    assert own.to_pylist() == wanted.to_pylist()


def test_nothing_else_than_the_table_can_be_had_of_it(machines: Machines) -> None:
    """Its folder has no answers that could be written elsewhere."""
    machines.finish()
    job = machines.open("elsewhere")
    assert recognise(machines.connection, job) is not None
    with pytest.raises(DestinationError, match="stand in its table alone"):
        keep_destination(job, "other.csv")


def test_parquet_of_an_older_version_is_known_by_its_custom_ids(machines: Machines) -> None:
    """It bears no mark."""
    machines.table = machines.folder / "answers.parquet"
    machines.finish()
    table = pq.read_table(machines.table)
    assert OWNER in table.schema.metadata
    pq.write_table(table.replace_schema_metadata(None), machines.table)
    assert recognise(machines.connection, machines.open("elsewhere")) is not None
    assert machines.files() == []


@pytest.mark.parametrize("name", ["answers.csv", "answers.parquet"])
@pytest.mark.parametrize(
    ("key", "prompt"),
    [("other", "{{ review }}"), ("job", "Else: {{ review }}")],
    ids=["another key", "another prompt"],
)
@pytest.mark.parametrize("made_ids", [True, False], ids=["made ids", "an id column"])
def test_another_jobs_table_is_refused(
    machines: Machines, name: str, key: str, prompt: str, made_ids: bool
) -> None:
    """Whether its custom_ids are the same or not; no file of the other job is touched."""
    machines.table, machines.made_ids = machines.folder / name, made_ids
    machines.finish()
    files, content = machines.files(), machines.table.read_bytes()
    with pytest.raises(DestinationError, match="exists already"):
        recognise(machines.connection, machines.open("elsewhere", prompt, key))
    assert (machines.files(), machines.table.read_bytes()) == (files, content)


@pytest.mark.parametrize("name", ["answers.csv", "answers.parquet"])
def test_anothers_table_that_may_be_replaced_is_not_taken_for_its_own(machines: Machines, name: str) -> None:
    """A job that was killed before it wrote: its paid answers stay, though the table has the same custom_ids."""
    machines.table, machines.made_ids = machines.folder / name, False
    machines.finish(key="earlier")
    machines.send(machines.open("here", replace=True))
    files = machines.files()
    assert recognise(machines.connection, machines.open("elsewhere", replace=True)) is None
    assert machines.files() == files


CHANGES: dict[str, Callable[[pa.Table], pa.Table]] = {
    "backwards": lambda table: table.take([2, 1, 0]),
    "shortened": lambda table: table.slice(1),
    "without answers": lambda table: table.drop_columns("answer"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("marked", [True, False], ids=["marked", "unmarked"])
def test_a_table_that_was_changed_is_refused(
    machines: Machines, change: Callable[[pa.Table], pa.Table], marked: bool
) -> None:
    """What it lacks may be all that is left of the answers at OpenAI."""
    machines.table = machines.folder / "answers.parquet"
    machines.finish()
    table = change(pq.read_table(machines.table))
    pq.write_table(table if marked else table.replace_schema_metadata(None), machines.table)
    with pytest.raises(DestinationError, match="exists already"):
        recognise(machines.connection, machines.open("elsewhere"))
    assert len(machines.files()) == 5


def test_what_a_person_has_written_into_it_stays(machines: Machines) -> None:
    """Other values, and a column more, are no reason to write it again."""
    machines.finish()
    pd.read_csv(machines.table, dtype=str).assign(answer="mine", note="checked").to_csv(
        machines.table, index=False
    )
    report = recognise(machines.connection, machines.open("elsewhere"))
    assert report is not None
    assert report.answered == 3
    assert set(pd.read_csv(machines.table)["note"]) == {"checked"}


@pytest.mark.parametrize("name", ["answers.csv", "answers.parquet"])
def test_answers_that_the_table_lacks_are_never_deleted(machines: Machines, name: str) -> None:
    """It was written before one batch had ended, or was fetched: the job goes on, and takes them."""
    machines.table = machines.folder / name
    job = machines.open("here")
    machines.send(job)
    machines.fetch(job, batches=1)
    machines.write(job)
    assert recognise(machines.connection, machines.open("elsewhere")) is None
    assert len(machines.files()) == 5


@pytest.mark.parametrize("name", ["answers.csv", "answers.parquet"])
def test_rows_that_were_never_sent_are_no_other_jobs(machines: Machines, name: str) -> None:
    """A job that was stopped half way has rows without a custom_id; what it sent is told, and cleaned up."""
    machines.table = machines.folder / name
    job = machines.open("here")
    find_or_create(machines.connection, job.input_files()[1], 0)
    machines.server.advance(86_400)
    machines.fetch(job)
    job.stop("cancelled", "The flow run was cancelled.")
    report = machines.write(job)
    assert report.outcomes == {"cancelled": 2, "succeeded": 1}
    assert told(recognise(machines.connection, machines.open("elsewhere"))) == told(report)
    assert machines.files() == []


def test_a_job_that_has_sent_nothing_begins(machines: Machines) -> None:
    """Its table says that it was cancelled in time; nothing is paid, and nothing lost."""
    machines.table = machines.folder / "answers.parquet"
    machines.write(machines.open("here"))
    assert recognise(machines.connection, machines.open("elsewhere")) is None


def test_a_table_of_a_job_that_is_under_way_is_not_the_end(machines: Machines) -> None:
    """An open batch is waited for."""
    machines.finish()
    other = machines.open("other", replace=True)
    second = [file.model_copy(update={"round": 2}) for file in other.input_files()]
    find_or_create(machines.connection, second[0], 0)
    assert recognise(machines.connection, machines.open("elsewhere")) is None
    assert len(machines.files()) == 6


def test_files_of_twins_and_strays_go_too(machines: Machines) -> None:
    """A third machine has sent the same items, and one has uploaded a file and died."""
    machines.finish()
    twin = machines.open("twin", replace=True)
    machines.send(twin)
    stray = twin.input_files()[0]
    with stray.files.open("input.jsonl") as content:
        machines.connection.upload(f"job-1-{stray.name}-{stray.sha256[:16]}.jsonl", content)
    assert recognise(machines.connection, machines.open("elsewhere")) is not None
    assert machines.server.state()["files"] == []


def test_an_upload_that_was_cut_off_before_its_batch_goes_too(machines: Machines) -> None:
    """Also of a job without a key: nothing was sent of it, and nothing is sent again."""
    job = machines.open("here").model_copy(update={"key_given": False})
    upload(machines.connection, job.input_files()[0])
    assert len(machines.server.state()["files"]) == 1
    assert has_files_left(job)
    assert remove_all_files(machines.connection, job) == []
    assert machines.server.state()["files"] == []


def test_a_recognised_job_whose_table_is_gone_is_never_paid_again(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answers stood in the table alone; when its batches are listed no longer, nobody else knows of them."""
    machines.finish()
    job = machines.open("elsewhere")
    assert recognise(machines.connection, job) is not None
    machines.table.unlink()
    monkeypatch.setattr(clock, "now", lambda: time.time() + 40 * 86_400)
    with pytest.raises(JobKeyError, match="was done before, and its answers stood in its table alone"):
        recognise(machines.connection, job)
