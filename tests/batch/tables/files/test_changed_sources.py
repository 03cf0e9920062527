"""A table that changes between the digest by which its job is named and its reading makes no job of that name."""

from collections.abc import Callable
from pathlib import Path

import pytest
from prefect_openai_batch import ChatRequest, SourceError, open_job
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.tables.any_source import source_digest
from prefect_openai_batch.batch.tables.sources import FileSource

Change = Callable[[Path], object]


def appended(folder: Path) -> None:
    with (folder / "a.csv").open("a") as file:
        file.write("two\n")


CHANGES: dict[str, tuple[str, Change]] = {
    "a file more": ("", lambda folder: (folder / "b.csv").write_text("word\ntwo\n")),
    "a file less": ("", lambda folder: (folder / "c.csv").unlink()),
    "a longer file of many": ("*.csv", appended),
    "a longer file": ("a.csv", appended),
}


@pytest.mark.parametrize(("path", "change"), CHANGES.values(), ids=CHANGES)
def test_a_table_that_changed_since_its_digest_was_made_is_refused(
    tmp_path: Path, path: str, change: Change
) -> None:
    """A job's key would tell of other rows than it has; unchanged it is read, also by somebody's own digest."""
    folder = tmp_path / "words"
    folder.mkdir()
    for name in ("a.csv", "c.csv"):
        (folder / name).write_text("word\none\n")
    source = FileSource(path=f"{folder}/{path}")
    request = ChatRequest(model="gpt-5-mini", prompt="{{ word }}")

    def rows_read(key: str, digest: str) -> int:
        place = str(tmp_path / "jobs")
        return keep_rows(open_job(source, request, job_key=key, storage=place, source_digest=digest)).rows

    digest = source_digest(source)
    before = rows_read("before", digest)
    change(folder)
    with pytest.raises(SourceError, match="changed since this job was begun"):
        rows_read("after", digest)
    assert rows_read("own", "of-my-own") != before
