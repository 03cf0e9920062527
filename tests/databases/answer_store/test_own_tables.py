"""How a job with an answer store knows and reads its own table."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from prefect_openai_batch import ChatRequest, Job, open_job, plan_round
from prefect_openai_batch.batch.answer_store.answers import Answers, KeptAnswer, Opening
from prefect_openai_batch.batch.answer_store.digests import Digests
from prefect_openai_batch.batch.answer_store.store import AnswerStore
from prefect_openai_batch.batch.files.input_files import INPUT
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.own_table import read_own_results
from prefect_openai_batch.batch.jobs.results import owner_of, write_job_results
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.blocks.databases import open_store

SERVER = "https://api.openai.com/v1"
REQUEST = ChatRequest(model="gpt-5-mini", prompt="{{ text }}", id_column="id")
BODY = b'{"choices":[{"message":{"content":"yes"}}]}'

Begin = Callable[[list[str]], Job]


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """Begins the same job over these texts, each time in a folder of its own."""
    storages = (str(tmp_path / str(number)) for number in range(10))

    def begin_job(texts: list[str]) -> Job:
        path = tmp_path / "texts.parquet"
        pd.DataFrame({"id": map(str, range(len(texts))), "text": texts}).to_parquet(path)
        job = open_job(str(path), REQUEST, job_key="job", storage=next(storages))
        keep_rows(job)
        return job

    return begin_job


def keep(store: AnswerStore, job: Job) -> None:
    """Keep an answer to all that a job sends."""
    (file,) = build_selection(job, plan_round(job)[0])
    with file.files.open(INPUT) as lines:
        digests = Digests(file.endpoint, SERVER).of_lines(lines.readlines())
    answers = [KeptAnswer(digest, BODY, file.endpoint, file.model, "other", "id") for digest in digests]
    store.keep(answers, store.open_job("other", SERVER))


def test_a_table_of_before_there_was_a_store_has_no_answer_from_it(begin: Begin) -> None:
    """A team may name a store since; what stands in the table is the job's own all the same."""
    job = begin(["one", "two"])
    write_job_results(job, job.kept_rows("test"))
    answers = Answers(store="answers.db", server=SERVER, opening=Opening(number=1, opened_at=0))
    own = read_own_results(job.with_answers(answers, deduplicate=False))
    assert own["from_store"].to_pylist() == [False, False]


def test_another_answer_from_the_store_makes_another_table(begin: Begin, tmp_path: Path) -> None:
    with open_store(str(tmp_path / "answers.db")) as store:
        keep(store, begin(["one", "two", "three"]))
        answers = Answers(store=store.name, server=SERVER, opening=store.open_job("job", SERVER))
        owners = []
        for texts in (["one", "two"], ["one", "two"], ["one", "three"]):
            job = begin(texts).with_answers(answers, deduplicate=False)
            assert build_selection(job, plan_round(job)[0], store=store) == ()
            owners.append(owner_of(job))
    assert owners[0] == owners[1] != owners[2]


def test_a_copy_of_another_row_makes_another_table(begin: Begin) -> None:
    owners = []
    for texts in (["one", "two", "one"], ["one", "two", "one"], ["one", "two", "two"]):
        job = begin(texts).with_answers(None, deduplicate=True)
        (sent,) = build_selection(job, plan_round(job)[0])
        owners.append((sent.sha256, owner_of(job)))
    assert owners[0] == owners[1] != owners[2]
    assert owners[0][0] == owners[2][0], "the same is sent"
