"""Items asked at once: what is answered is paid, and kept."""

import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import openai
import orjson
import pytest
from httpx2 import Request, Response
from prefect_openai_batch import ChatRequest, Job, open_job, plan_round
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.files.items_by_hand import write_items
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.job import PLANNING
from prefect_openai_batch.batch.jobs.rounds import plan_answers, plan_rows, rounds_to_answer
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.jobs.submissions import ANSWERING, ANSWERS
from prefect_openai_batch.batch.leases import Lease
from prefect_openai_batch.batch.outcomes.outcome import read_outcome
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.tasks.answer import answer_items, ask_items
from prefect_openai_batch.tasks.remote.connection import Connection


class Unlucky(Connection):
    """A connection on which one item meets what nobody expects, once."""

    def __init__(self, client: openai.OpenAI, error: type[BaseException]) -> None:
        super().__init__(client)
        self.errors = [error]

    def answer(self, url: str, body: dict[str, Any]) -> Response:
        if "7" in str(body["messages"]) and self.errors:
            raise self.errors.pop()
        return super().answer(url, body)


@pytest.fixture
def file(tmp_path: Path) -> InputFile:
    """An input file of twenty items."""
    items = [ChatRequest(model="gpt-5-mini", prompt=f"Say {number}.").item(str(number)) for number in range(20)]
    return write_items(items, Folder(str(tmp_path / "items")))


@pytest.fixture
def answers(tmp_path: Path) -> Folder:
    """Where answers are recorded."""
    folder = Folder(str(tmp_path / "answers"))
    folder.make()
    return folder


def recorded(answers: Folder) -> list[dict[str, Any]]:
    return [orjson.loads(line) for name in answers.names() for line in answers.open(name).readlines()]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_one_unexpected_error_loses_no_answer(
    server: BatchServer, file: InputFile, answers: Folder, error: type[BaseException]
) -> None:
    """The other answers are recorded, and asked for no second time; the error is raised."""
    with openai.OpenAI(base_url=server.base_url, api_key="test") as client:
        connection = Unlucky(client, error)
        with pytest.raises(error):
            ask_items(connection, file, answers, None, 4)
        ask_items(connection, file, answers, None, 4)
    assert server.bill()["synchronous"] == 20
    assert len(recorded(answers)) == 20


class Interrupted(Connection):
    """A connection on whose first answer somebody presses Ctrl-C; the others are slow."""

    pressed = False

    def answer(self, url: str, body: dict[str, Any]) -> Response:
        response = super().answer(url, body)
        if self.pressed:
            time.sleep(0.2)
        else:
            self.pressed = True
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return response


def test_an_interrupted_wait_loses_no_answer(server: BatchServer, file: InputFile, answers: Folder) -> None:
    """What is asked already is waited for and kept; what is not begun is not asked any more."""
    with openai.OpenAI(base_url=server.base_url, api_key="test") as client, pytest.raises(KeyboardInterrupt):
        ask_items(Interrupted(client), file, answers, None, 1)
    assert len(recorded(answers)) == server.bill()["synchronous"] < 16


def built_job(folder: Path, rows: int) -> tuple[Job, InputFile]:
    """A job of so many rows in one input file."""
    (folder / "words.csv").write_text("word\n" + "".join(f"word {row}\n" for row in range(rows)))
    request = ChatRequest(model="gpt-5-mini", prompt="{{ word }}")
    job = open_job(str(folder / "words.csv"), request, job_key="job", storage=str(folder / "jobs"))
    keep_rows(job)
    (file,) = build_selection(job, plan_round(job)[0])
    return job, file


def test_of_two_runs_that_answer_at_once_one_asks(
    server: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other takes what it was answered; and so it does where the first is broken off, or taken over."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    job, file = built_job(tmp_path, rows=40)
    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(answer_items.fn, job, file, concurrency=1) for _ in range(2))
    assert first.result() == second.result()
    assert first.result().outcomes == {"succeeded": 40}
    assert server.bill()["synchronous"] == 40
    assert server.bill()["billed_more_than_once"] == []
    assert not file.files.exists(ANSWERING)


def test_of_two_runs_that_plan_what_is_answered_at_once_one_has_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other waits while it plans: in a round of each they would be paid twice."""
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    job, _ = built_job(tmp_path, rows=3)
    lease = Lease(job.files, PLANNING, "plans")
    assert lease.take(lambda: None) is None
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(plan_answers, job, 3)
        time.sleep(1)
        assert not other.done()
        (mine,) = plan_rows(job, 2, np.arange(3))
        lease.give_back()
        assert other.result(timeout=60) == ()
    assert plan_answers(job, 2) == ()
    assert (job.rounds(), rounds_to_answer(job)) == ([1, 2], [2])
    (file,) = build_selection(job, mine)
    answer_items.fn(job, file, deadline=datetime(1970, 1, 1, tzinfo=UTC))
    assert rounds_to_answer(job) == []


def test_who_was_taken_over_asks_no_more(server: BatchServer, file: InputFile, answers: Folder) -> None:
    """What it was answered until then is kept."""
    with openai.OpenAI(base_url=server.base_url, api_key="test") as client:
        turns = iter([True, False])
        assert not ask_items(Connection(client), file, answers, None, 1, lambda: next(turns))
        assert len(recorded(answers)) == server.bill()["synchronous"] == 16
        assert ask_items(Connection(client), file, answers, None, 1)
    assert server.bill()["synchronous"] == 20


def test_a_job_that_was_answered_without_any_batch_has_sent(
    server: BatchServer, connection: Connection, tmp_path: Path
) -> None:
    """So a later refusal leaves its folder, where the only copy of its paid answers may stand."""
    job, file = built_job(tmp_path, rows=1)
    answers = file.files / ANSWERS
    answers.make()
    assert not job.has_sent()
    ask_items(connection, file, answers, None, 1)
    assert (job.has_sent(), server.bill()["synchronous"]) == (True, 1)


class Spoken(Connection):
    """A connection whose answers are given."""

    def __init__(self, client: openai.OpenAI, content: bytes, status: int = 200) -> None:
        super().__init__(client)
        self.content, self.status = content, status

    def answer(self, url: str, body: dict[str, Any]) -> Response:
        response = Response(self.status, content=self.content, request=Request("POST", "https://example.com"))
        if self.status != 200:
            raise openai.APIStatusError("Refused.", response=response, body=json.loads(self.content))
        return response


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        (b'{"choices": [{"message": {"content": "fine \\ud83d"}}], "x": NaN}', 200, ("succeeded", "fine ?", None)),
        (b"<html>", 200, ("failed", None, "unreadable_response")),
        (b"", 200, ("failed", None, "unreadable_response")),
        (b'{"error": {"code": "odd \\ud83d", "message": "Sorry."}}', 400, ("failed", None, "odd ?")),
    ],
    ids=["half an emoji", "no JSON", "nothing", "half an emoji in an error"],
)
def test_an_answer_that_json_does_not_know_is_kept(
    file: InputFile, answers: Folder, content: bytes, status: int, told: tuple[str, str | None, str | None]
) -> None:
    """It is paid for like any other."""
    with openai.OpenAI(api_key="test") as client:
        ask_items(Spoken(client, content, status), file, answers, None, 4)
    (first, *others) = recorded(answers)
    outcome = read_outcome(Endpoint.CHAT_COMPLETIONS, first)
    assert (outcome.outcome, outcome.answer, outcome.error_code) == told
    assert len(others) == 19
