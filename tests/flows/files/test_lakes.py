"""The whole flow from many files to many files, on a disk and in an object store."""

import re
import runpy
from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from fsspec import AbstractFileSystem
from prefect.client.orchestration import get_client
from prefect.client.schemas.sorting import FlowRunSort
from prefect_openai_batch import ChatRequest, RunOptions, SourceError, resume_job
from prefect_openai_batch.emulator import BatchServer

from ...conftest import ROOT
from ..conftest import REVIEW, Run

pytestmark = pytest.mark.server

DAYS = ("2026-11-24", "2026-11-25")


def reviews_of(day: str, country: str) -> pd.DataFrame:
    return pd.DataFrame({"number": range(5), "review": f"{day}, {country}: I like it."})


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Twenty rows in four files, by day and country."""
    for day in DAYS:
        for country in ("DE", "FR"):
            folder = tmp_path / f"lake/day={day}/country={country}"
            folder.mkdir(parents=True)
            reviews_of(day, country).to_parquet(folder / "part.parquet")
            (folder / "_SUCCESS").touch()
    return tmp_path / "lake"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_lake_in_a_folder_out(batch_server: BatchServer, lake: Path, tmp_path: Path, run: Run) -> None:
    """In the files' order, with their partitions; written again it is the same bytes, and not paid again."""
    out = tmp_path / "answers"
    report = run(lake, REVIEW, destination=f"{out}/")
    assert (report.rows, report.complete, report.destination) == (20, True, f"{out}/")
    first = contents(out)
    assert sorted(first) == ["_SUCCESS", "part-00000.parquet"]
    table = pd.read_parquet(out)
    assert table["day"].astype(str).tolist() == [day for day in DAYS for _ in range(10)]
    assert table["country"].tolist() == [*["DE"] * 5, *["FR"] * 5] * 2
    assert run(lake, REVIEW, destination=f"{out}/").complete
    (out / "_SUCCESS").unlink()
    run(lake, REVIEW, destination=f"{out}/")
    assert contents(out) == first
    elsewhere = f"{tmp_path}/elsewhere/*.csv"
    moved = resume_job(
        "job", storage=str(tmp_path / "jobs"), options=RunOptions(poll_seconds=0.1), destination=elsewhere
    )
    assert moved.destination == elsewhere
    assert len(pd.read_csv(tmp_path / "elsewhere/part-00000.csv")) == 20
    assert batch_server.bill()["billed"] == 20


def test_a_source_that_lies_about_its_files_is_refused_before_anything_is_sent(
    batch_server: BatchServer, lake: Path, run: Run
) -> None:
    """The file, and the column; when it is mended the same key is used, and every row is read."""
    odd = lake / "day=2026-11-25/country=FR/part.parquet"
    reviews_of("2026-11-25", "FR").assign(number="a").to_parquet(odd)
    with pytest.raises(
        SourceError, match=r"country=FR/part\.parquet, column 'number': is .*string here and int64 in"
    ):
        run(lake)
    assert batch_server.bill()["billed"] == 0
    reviews_of("2026-11-25", "FR").to_parquet(odd)
    assert run(lake).answered == 20


def test_an_object_store_in_an_object_store_out(
    batch_server: BatchServer, lake: Path, bucket: AbstractFileSystem, tmp_path: Path, run: Run
) -> None:
    """By a glob, whose run is called so; what an earlier try has left of its own is overwritten or removed."""
    bucket.put(f"{lake}/", "lake/reviews/", recursive=True)
    bucket.touch("lake/answers/part-00007.parquet")
    source, destination = "s3://lake/reviews/day=2026-11-24/*/*.parquet", "s3://lake/answers/"
    report = run(source, REVIEW, destination=destination, if_exists="replace")
    assert (report.rows, report.complete) == (10, True)
    bucket.invalidate_cache()
    names = ["lake/answers/_SUCCESS", "lake/answers/part-00000.parquet"]
    assert sorted(bucket.find("lake/answers")) == names
    with bucket.open(names[1], "rb") as file:
        table = pq.read_table(file)
    assert table["day"].to_pylist() == [pd.Timestamp("2026-11-24").date()] * 10
    before = bucket.cat(names[1])
    bucket.rm(names[0])  # as if the writing had been cut off before its last step
    bucket.touch("lake/answers/part-00001.parquet")
    assert run(source, REVIEW, destination=destination, if_exists="replace").complete
    bucket.invalidate_cache()
    assert sorted(bucket.find("lake/answers")) == names
    assert bucket.cat(names[1]) == before
    assert batch_server.bill()["billed"] == 10
    with get_client(sync_client=True) as client:
        names = [found.name for found in client.read_flow_runs(limit=50, sort=FlowRunSort.START_TIME_DESC)]
    assert "day=2026-11-24/*/*.parquet · gpt-5-mini · 10 rows" in names


def test_a_job_in_an_object_store_asks_it_seldom(
    batch_server: BatchServer, by_model: Path, bucket: AbstractFileSystem, tmp_path: Path, run: Run
) -> None:
    """For what stays as it is, a few times an input file: of thousands, at a real latency, it takes hours."""
    request = ChatRequest(model="{{ model }}", prompt="{{ review }}")
    assert run(by_model, request, storage="s3://lake/jobs").complete
    asked = [
        line.split('"')[1] for line in (tmp_path / "object-store.log").read_text().splitlines() if '"' in line
    ]
    plain = (re.sub(r"outcomes-\w+", "outcomes", call) for call in asked)
    calls = Counter(f"{call.split()[0]} {call.split()[1].rpartition('/')[2]}" for call in plain)
    files = 3
    assert calls["GET fetched.json"] <= 2 * files
    assert calls["GET submitted.json"] <= 2 * files
    assert calls["PUT outcomes.arrow"] == files
    assert files <= calls["GET outcomes.arrow"] <= 4 * files
    assert calls["HEAD outcomes.arrow"] == calls["HEAD input.jsonl"] == calls["GET twins.json"] == 0
    assert calls["GET refused.json"] <= 3 * files
    assert calls["GET 00000.json"] <= 4
    assert calls["GET rows.json"] <= 3
    assert calls["PUT fetched.json"] == files


def test_the_example_runs(
    batch_server: BatchServer, prefect_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """From its own little lake to a folder of answers, against the server that the environment names."""
    runpy.run_path(str(ROOT / "examples/many_files.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "12 of 12 rows answered\nfiles: _SUCCESS part-00000.parquet\n" in printed
    assert printed.count(" FR 2026-11-24 ") == 4
