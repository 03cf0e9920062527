"""A Parquet file with columns of every type that Arrow has there: its table is written in every format."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect_openai_batch.batch.errors import DestinationError, SourceError
from prefect_openai_batch.batch.jobs.job import Job
from prefect_openai_batch.batch.jobs.opening import open_job
from prefect_openai_batch.batch.jobs.results import write_job_results
from prefect_openai_batch.batch.jobs.rounds import plan_round
from prefect_openai_batch.batch.requests.chat_request import ChatRequest
from prefect_openai_batch.batch.requests.embedding_request import EmbeddingRequest
from prefect_openai_batch.batch.tables.files.view_types import schema_without_views
from prefect_openai_batch.batch.tables.json_values import row_values

from .conftest import MakeJob, built, kept
from .tables.test_value_texts import COLUMNS

ROWS = 3


def padded(column: pa.Array) -> pa.Array:
    """A column of as many rows as all have here, the first of its own repeated."""
    return pa.concat_arrays([*([column.slice(0, 1)] * (ROWS - len(column))), column])[-ROWS:]


def job_on(table: pa.Table, folder: Path, destination: str, **request: Any) -> Job:
    pq.write_table(table, folder / "in.parquet")
    asked = ChatRequest.model_validate({"model": "m", "prompt": "{{ review }}", **request})
    storage = str(folder / "jobs")
    return open_job(str(folder / "in.parquet"), asked, str(folder / destination), job_key="job", storage=storage)


EVERYTHING = pa.table({"review": ["x"] * ROWS, **{name: padded(column) for name, column in COLUMNS.items()}})


@pytest.mark.parametrize("destination", ["out.csv", "out.jsonl", "out.parquet"])
def test_what_no_prompt_uses_is_written_all_the_same(tmp_path: Path, destination: str) -> None:
    """Of every type, time zones that pandas does not know among them; lists that are views as lists."""
    job = job_on(EVERYTHING, tmp_path, destination)
    report = write_job_results(job, kept(job))
    assert report.outcomes == {"missing": ROWS}
    if destination == "out.parquet":
        source = pq.read_table(tmp_path / "in.parquet")
        found = pq.read_table(tmp_path / destination).select(source.column_names)
        assert found.schema.equals(schema_without_views(source.schema))
        for name in source.column_names:  # as text, since a NaN equals nothing
            assert repr(row_values(found[name].combine_chunks())) == repr(
                row_values(source[name].combine_chunks())
            )


def test_a_job_whose_table_could_not_be_written_is_not_begun(tmp_path: Path, make_job: MakeJob) -> None:
    """It is refused while its rows are read, before anything is built or sent."""
    job = make_job([{"text": "a"}], destination="closed/answers.csv")
    (tmp_path / "closed").write_text("a file where the folder was to be")
    with pytest.raises(DestinationError, match="cannot be written"):
        kept(job)
    assert job.rows() is None


@pytest.mark.parametrize("key", ["time64[ns]", "duration[ns]", "timestamp[ns, tz=Z]", "far day", "date64[ms]"])
def test_an_id_column_may_be_of_any_type_that_has_a_text(tmp_path: Path, key: str) -> None:
    """Of those too that Python's own types cannot hold."""
    (file,) = built(job_on(EVERYTHING.slice(0, 1), tmp_path, "out.csv", id_column=key))
    assert file.items == 1


@pytest.mark.parametrize("asked", [None, EmbeddingRequest(model="m", input="{{ text }}")], ids=["chat", "vectors"])
@pytest.mark.parametrize("destination", ["out.csv", "out.jsonl", "out.parquet"])
def test_a_table_of_no_rows_is_written(make_job: MakeJob, tmp_path: Path, destination: str, asked: Any) -> None:
    """JSONL of no lines has no columns either, so that none is missed; nothing is built."""
    job = make_job([], asked, destination)
    rows = kept(job)
    assert plan_round(job) == ()
    report = write_job_results(job, rows)
    assert (report.rows, report.answered, report.outcomes, report.complete) == (0, 0, {}, True)
    assert (tmp_path / destination).exists()


def test_an_id_column_of_no_rows_has_no_id_twice(tmp_path: Path) -> None:
    """The schema is kept, and checked."""
    empty = pa.table({"review": pa.array([], pa.string())})
    job = job_on(empty, tmp_path, "out.parquet", id_column="review")
    write_job_results(job, kept(job))
    table = pq.read_table(tmp_path / "out.parquet")
    assert (table.num_rows, table.column_names[:2]) == (0, ["review", "custom_id"])


def test_a_round_is_not_planned_of_rows_that_were_not_read(make_job: MakeJob) -> None:
    """The library says what is missing."""
    with pytest.raises(SourceError, match=r"read_source\(job\) comes before plan_round\(job\)"):
        plan_round(make_job([{"text": "a"}]))
