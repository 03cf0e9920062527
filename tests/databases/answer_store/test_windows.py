"""Which rows a job takes of a source with a watermark, and when its mark is kept."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect_openai_batch import (
    ChatRequest,
    DestinationError,
    FileSource,
    SourceError,
    SqlSource,
    Watermark,
    open_job,
    plan_round,
    read_source,
)
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.answer_store.answers import Answers, KeptAnswer
from prefect_openai_batch.batch.answer_store.digests import Digests
from prefect_openai_batch.batch.answer_store.kept_marks import KeptMarks
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.job import Job
from prefect_openai_batch.batch.jobs.only_new.mark_keys import mark_key
from prefect_openai_batch.batch.jobs.only_new.window import (
    OnlyNew,
    is_overtaken,
    least_answered,
    leaves_mark,
    move_mark,
    window_of,
)
from prefect_openai_batch.batch.jobs.results import report_open_job
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.jobs.submissions import note_submission
from prefect_openai_batch.blocks.databases import open_store

SERVER = "https://api.openai.com/v1"

REQUEST = ChatRequest(model="gpt-5-mini", prompt="{{ id }}")

Night = Callable[..., Job]


@pytest.fixture
def marks(tmp_path: Path) -> Iterator[KeptMarks]:
    with open_store(str(tmp_path / "answers.db")) as store:
        yield KeptMarks(store)


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    """Begins a job over a table of so many ids."""
    monkeypatch.setattr("prefect_openai_batch.batch.watermarks.highest.HIGHEST_KEPT_OUT", 0)

    def begin_job(key: str, ids: int, **options: Any) -> Job:
        path = tmp_path / "orders.parquet"
        pd.DataFrame({"id": range(ids)}).to_parquet(path)
        source = FileSource(path=str(path), watermark=Watermark(column="id"))
        return open_job(source, REQUEST, job_key=key, storage=str(tmp_path / "jobs"), **options)

    return begin_job


def taken(job: Job, marks: KeptMarks, *, full: bool = False) -> int:
    return keep_rows(job, only_new=OnlyNew(marks, SERVER, full)).rows


def test_a_job_that_is_not_finished_moves_nothing_and_keeps_its_rows(begin: Night, marks: KeptMarks) -> None:
    """The next takes them too; taken up again later, the first moves nothing back."""
    failed = begin("monday", 10)
    assert taken(failed, marks) == 10
    next_one = begin("tuesday", 12)
    assert taken(next_one, marks) == 12
    assert [move_mark(next_one, marks), move_mark(next_one, marks), move_mark(failed, marks)] == [
        True,
        True,
        False,
    ]
    assert (is_overtaken(failed, marks), is_overtaken(next_one, marks)) == (True, False)
    assert failed.kept_rows("test").rows == 10
    assert taken(begin("wednesday", 13), marks) == 1


def test_a_job_moves_the_mark_that_it_read_from_whatever_the_clocks_say(
    begin: Night, marks: KeptMarks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The night before ran on a machine whose clock was ahead: its rows would be taken again, and again."""
    monday, ahead = begin("monday", 10), clock.now() + 600
    with monkeypatch.context() as patched:
        patched.setattr(clock, "now", lambda: ahead)
        taken(monday, marks)
    assert move_mark(monday, marks)
    tuesday = begin("tuesday", 12)
    assert taken(tuesday, marks) == 2
    assert [move_mark(one, marks) for one in (tuesday, monday, tuesday)] == [True, False, True]
    assert taken(begin("wednesday", 13), marks) == 1


def test_a_job_that_failed_to_read_begins_from_the_mark_as_it_then_is(
    begin: Night, marks: KeptMarks, tmp_path: Path
) -> None:
    """Nothing of it was sent, so it takes nothing that another one has finished in between."""
    failed = begin("monday", 10, destination=str(tmp_path / "out" / "answers.parquet"))
    (tmp_path / "out").touch()
    with pytest.raises(DestinationError):
        taken(failed, marks)
    (tmp_path / "out").unlink()
    other = begin("tuesday", 10)
    taken(other, marks)
    move_mark(other, marks)
    assert failed.rows() is None
    assert taken(failed, marks) == 0


def test_a_job_whose_every_batch_is_refused_leaves_no_mark_whatever_the_store_had(
    begin: Night, marks: KeptMarks, tmp_path: Path
) -> None:
    """Its other rows were never answered, so a later job has to take them."""
    other, body = begin("other", 2), b'{"choices":[{"message":{"content":"yes"}}]}'
    taken(other, marks)
    (file,) = build_selection(other, plan_round(other)[0])
    with file.files.open("input.jsonl") as lines:
        (digest, _) = Digests(file.endpoint, SERVER).of_lines(lines.readlines())
    kept = KeptAnswer(digest, body, file.endpoint, file.model, "other", "row-0")
    with open_store(str(tmp_path / "answers.db")) as store:
        store.keep([kept], store.open_job("other", SERVER))
        answers = Answers(store=store.name, server=SERVER, opening=store.open_job("monday", SERVER))
        job = begin("monday", 2).with_answers(answers, deduplicate=False)
        taken(job, marks)
        (sent,) = build_selection(job, plan_round(job)[0], store=store)
    note_submission(sent, Batch(id="batch_1", status="failed"))
    ended = report_open_job(job).model_copy(update={"open_batches": ()})
    assert ([file.items for file in job.unsent()], sent.items) == ([1], 1)
    assert not job.nothing_was_taken(), "the answer from the store stands in its table"
    assert not leaves_mark(job, ended, 0.0)


def test_what_a_job_took_is_told_in_one_line(begin: Night, marks: KeptMarks) -> None:
    told = []
    for key, ids, full in [("a", 1_200, False), ("b", 1_201, False), ("c", 1_201, False), ("d", 1_201, True)]:
        job = begin(key, ids)
        taken(job, marks, full=full)
        move_mark(job, marks)
        told.append(getattr(window_of(job), "told", None))
    assert told == [
        "all rows, for id has no mark yet",
        "1 new row: 1 with id from 1,199 on; 1 taken before were left out",
        "no new rows with id from 1,200 on; 1 taken before were left out",
        "all rows, as was asked",
    ]


def test_a_mark_is_of_what_is_read_and_asked_and_who_answers() -> None:
    """The lag and a limit say only how; a name stands for the request."""
    source = SqlSource(database="lake", query="SELECT id FROM orders", watermark=Watermark(column="id"))
    key = mark_key(source, REQUEST, SERVER)
    same = source.model_copy(update={"watermark": Watermark(column="id", lag=5), "limit": 5})
    assert mark_key(same, REQUEST, SERVER) == key
    kept_otherwise = REQUEST.model_copy(update={"keep_cost": True, "keep_response": True, "id_column": "id"})
    assert mark_key(source, kept_otherwise, SERVER) == key, "it asks nothing else"
    file = FileSource(path="orders.csv", types={"id": "integer"}, watermark=Watermark(column="id"))
    read_otherwise = file.model_copy(update={"types": {"id": "integer", "paid": "date"}, "separator": ";"})
    assert mark_key(file, REQUEST, SERVER) == mark_key(read_otherwise, REQUEST, SERVER), "it holds the same rows"
    named = source.model_copy(update={"watermark": Watermark(column="id", name="nightly")})
    other = ChatRequest(model="gpt-5-nano", prompt="{{ id }}")
    assert mark_key(named, REQUEST, SERVER) == mark_key(named, other, SERVER)
    others = [
        mark_key(named, REQUEST, SERVER),
        mark_key(source, other, SERVER),
        mark_key(source, REQUEST, "https://other/v1"),
        mark_key(source.model_copy(update={"watermark": Watermark(column="at")}), REQUEST, SERVER),
        mark_key(source.model_copy(update={"query": "SELECT id FROM lost"}), REQUEST, SERVER),
    ]
    assert len({key, *others}) == 6


def test_without_an_answer_store_a_watermark_is_refused(begin: Night) -> None:
    with pytest.raises(SourceError, match="--answers answers.db"):
        read_source.fn(begin("monday", 1))


@pytest.mark.parametrize("empty", [True, False], ids=["no lines", "no rows"])
def test_a_table_of_no_rows_is_no_error(tmp_path: Path, marks: KeptMarks, empty: bool) -> None:
    path = tmp_path / ("none.jsonl" if empty else "none.csv")
    path.write_text("" if empty else "id\n")
    types: Any = None if empty else {"id": "integer"}
    source = FileSource(path=str(path), types=types, watermark=Watermark(column="id", lag=7))
    job = open_job(source, REQUEST, job_key="job", storage=str(tmp_path / "jobs"))
    assert taken(job, marks) == 0
    assert move_mark(job, marks) is not empty


def test_a_resumed_night_goes_by_the_share_that_it_began_with(begin: Night, marks: KeptMarks) -> None:
    """Unless the run that takes it up names another."""
    job = begin("monday", 10)
    keep_rows(job, only_new=OnlyNew(marks, SERVER, min_answered=0.9))
    assert (least_answered(job, 0.0), least_answered(job, 0.5)) == (0.9, 0.5)
