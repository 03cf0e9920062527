"""Columns of every kind that pandas has: each is asked, written and given back, or refused by its name."""

import csv
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect_openai_batch import ChatRequest
from prefect_openai_batch.batch.errors import RequestError, SourceError
from prefect_openai_batch.batch.jobs.job import Job
from prefect_openai_batch.batch.jobs.opening import open_job
from prefect_openai_batch.batch.jobs.results import read_results, write_job_results
from prefect_openai_batch.batch.outcomes.result_frames import with_results
from prefect_openai_batch.batch.requests.templates import compile_template
from prefect_openai_batch.batch.tables.json_values import row_values
from prefect_openai_batch.flows.frames import as_parquet

from ...batch.conftest import kept
from ...batch.tables.pandas_kinds import KINDS


def job_of(frame: pd.DataFrame, folder: Path, destination: str) -> Job:
    """A job on a frame whose every row is still without an answer, with its table written."""
    source = folder / "frame.parquet"
    pq.write_table(as_parquet(frame), source)
    asked = ChatRequest(model="m", prompt="{{ review }}")
    job = open_job(str(source), asked, str(folder / destination), job_key="job", storage=str(folder / "jobs"))
    write_job_results(job, kept(job))
    return job


FRAME = pd.DataFrame(
    {"review": ["good", "bad"], **{name: values.array for name, values in KINDS.items()}}, ["a", "a"]
)
FORMATS = ("csv", "jsonl", "parquet")


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Job]:
    """A frame with columns of every kind, written in every format."""
    return {name: job_of(FRAME, tmp_path_factory.mktemp(name), f"out.{name}") for name in FORMATS}


def written(job: Job) -> list[dict[str, Any]]:
    """The rows of a job's table, as they are read."""
    content = Path(job.destination).read_text() if not job.destination.endswith("parquet") else ""
    if job.destination.endswith("csv"):
        return [*csv.DictReader(io.StringIO(content, newline=""))]
    return [json.loads(line) for line in content.splitlines()]


@pytest.mark.parametrize("name", FORMATS)
def test_a_table_is_written_and_the_frame_is_the_callers_own(jobs: dict[str, Job], name: str) -> None:
    """With the very values, types and index that it had, and its objects themselves."""
    found = with_results(FRAME, read_results(jobs[name]))
    assert found["outcome"].tolist() == ["missing", "missing"]
    assert found.dtypes[: FRAME.shape[1]].equals(FRAME.dtypes)
    for kind in KINDS:
        if FRAME[kind].dtype == object:
            assert all(one is other for one, other in zip(found[kind], FRAME[kind], strict=True))
        elif "no known zone" not in kind:  # which pandas cannot compare
            pd.testing.assert_series_equal(found[kind], FRAME[kind])


def test_parquet_holds_the_columns_as_they_were_kept(jobs: dict[str, Job]) -> None:
    """Of every kind."""
    kept_as, found = pq.read_table(jobs["parquet"].source.name), pq.read_table(jobs["parquet"].destination)
    assert found.select(kept_as.column_names).equals(kept_as)


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_says_of_a_frame_what_its_tables_say(jobs: dict[str, Job], kind: str) -> None:
    """Bytes alone have no text, and are refused by their column."""
    column = pq.read_table(jobs["csv"].source.name, columns=[kind])[kind].combine_chunks()
    render, values = compile_template("{{ x }}", ("x",)).render, row_values(column)
    if pa.types.is_binary(column.type):
        with pytest.raises(RequestError, match="The column 'x' holds bytes"):
            render({"x": values[0]})
        return
    assert [render({"x": value}) for value in values] == [row[kind] for row in written(jobs["csv"])]


@pytest.mark.parametrize("kind", KINDS)
def test_json_in_a_prompt_is_that_of_the_tables(jobs: dict[str, Job], kind: str) -> None:
    """Of every kind but bytes."""
    column = pq.read_table(jobs["csv"].source.name, columns=[kind])[kind].combine_chunks()
    if not pa.types.is_binary(column.type):
        render = compile_template("{{ x | tojson }}", ("x",)).render
        said = [json.loads(render({"x": value})) for value in row_values(column)]
        assert said == [row[kind] for row in written(jobs["jsonl"])]


SAID: dict[str, Any] = {
    "float32": 1.0,
    "object of integers": 2**53 + 1,
    "period": "2024-01",
    "interval": "(0.0, 1.0]",
    "category": "a",
    "object of uuids": "00000000-0000-0000-0000-000000000001",
    "arrow moment in no known zone": "2024-01-02T03:04:05+00:00",
    "arrow list": ["a"],
    "arrow map": {"a": 1},
    "object of dicts": {"a": 1},
}


@pytest.mark.parametrize(("kind", "said"), SAID.items(), ids=SAID)
def test_what_is_written_is_what_is_meant(jobs: dict[str, Job], kind: str, said: Any) -> None:
    """Not the numbers by which Arrow keeps it."""
    assert written(jobs["jsonl"])[0][kind] == said


UNKEPT: dict[str, Any] = {
    "integers beyond 64 bits": [2**70, 1],
    "empty objects": [{}, {}],
    "empty objects within": [{"a": {}}, {"a": {}}],
    "a cut": pd.cut(pd.Series([1, 5]), 2).array,
    "offsets": [pd.DateOffset(days=1), pd.DateOffset(days=2)],
    "complex numbers": [1j, 2j],
    "sparse": pd.arrays.SparseArray([1, 0]),
    "mixed": [1, "a"],
    "mixed with dates": [date(2024, 1, 1), "a"],
    "surrogates": ["\ud800", "a"],
    "objects": [object(), object()],
    "matrices": [np.eye(2), np.eye(2)],
    "run ends": pd.arrays.ArrowExtensionArray(pa.array([1, 1], pa.run_end_encoded(pa.int32(), pa.int64()))),
    "categories of tuples": pd.Categorical([(1, 2), (3, 4)]),
    "moments beyond": np.array([2**62, 1], dtype="int64").view("datetime64[s]"),
}


@pytest.mark.parametrize("values", UNKEPT.values(), ids=UNKEPT)
def test_a_column_that_parquet_cannot_hold_is_refused_by_name(values: Any) -> None:
    """With the way out, in words that can be printed."""
    frame = pd.DataFrame({"review": ["good", "bad"]})
    frame["odd one"] = pd.Series(values, dtype=object) if isinstance(values, list) else values
    with pytest.raises(SourceError, match="'odd one' cannot be kept as Parquet") as refused:
        as_parquet(frame)
    assert refused.value.details == {"column": "odd one"}
    assert b"frame.drop(columns='odd one')" in str(refused.value).encode()


@pytest.mark.parametrize("given", [pd.Series(["good"]), "reviews.csv"], ids=["a column", "a path"])
def test_what_is_no_frame_is_refused(given: Any) -> None:
    """With what takes it."""
    with pytest.raises(SourceError, match=r"takes a DataFrame.*a file goes to openai_batch.*\.to_frame\(\)"):
        as_parquet(given)


def test_an_index_that_parquet_cannot_hold_is_refused() -> None:
    """The column's way out would not help there."""
    frame = pd.DataFrame({"review": ["good", "bad"]}, index=pd.Index([object(), object()]))
    with pytest.raises(SourceError, match=r"index cannot be kept .*reset_index\(drop=True\)"):
        as_parquet(frame)


INDEXES: dict[str, pd.Index] = {
    "a range": pd.RangeIndex(5, 9, 2),
    "twice the same": pd.Index([1, 1], name=0),
    "levels": pd.MultiIndex.from_tuples([(1, "a"), (1, "a")]),
    "intervals": pd.IntervalIndex.from_breaks([0, 1, 2]),
    "dates": pd.date_range("2024", periods=2, freq="D"),
    "categories": pd.CategoricalIndex(["a", "b"]),
    "like a result": pd.Index(["a", "b"], name="answer"),
}


@pytest.mark.parametrize("columns", [pd.Index(["review", "x"], name="lab"), pd.CategoricalIndex(["review", "x"])])
@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_the_index_is_the_callers_own(tmp_path: Path, index: pd.Index, columns: pd.Index) -> None:
    """With its names, its frequency and whatever else it knows, and the frame's notes."""
    frame = pd.DataFrame([["good", 1], ["bad", 2]], index=index).set_axis(columns, axis=1)
    frame.attrs["from"] = "me"
    found = with_results(frame, read_results(job_of(frame, tmp_path, "out.parquet")))
    assert found.index.identical(frame.index)
    assert found.columns.name == columns.name
    assert found.attrs == {"from": "me"}
    assert [*found.columns[:2]] == ["review", "x"]


def test_what_is_given_back_is_a_frame_of_its_own() -> None:
    """Writing into it does not change the caller's."""
    frame = pd.DataFrame({"review": ["good"]})
    found = with_results(frame, pa.table({"answer": ["yes"], "input_tokens": pa.array([None], pa.int64())}))
    found.loc[0, "review"] = "changed"
    assert frame["review"].tolist() == ["good"]
    assert str(found["input_tokens"].dtype) == "Int64"


def test_a_frame_of_no_rows_has_the_result_columns(tmp_path: Path) -> None:
    """Of the same types as of many."""
    (tmp_path / "full").mkdir()
    found, usual = (
        with_results(frame, read_results(job_of(frame, folder, "out.csv")))
        for frame, folder in ((FRAME[["review"]][:0], tmp_path), (FRAME[["review"]], tmp_path / "full"))
    )
    pd.testing.assert_series_equal(found.dtypes[1:], usual.dtypes[1:])
    assert len(pd.read_csv(io.BytesIO((tmp_path / "out.csv").read_bytes()))) == 0
