"""Calls that are answered with status 200 and no object of OpenAI's: a proxy's page, or an error under it."""

from typing import Literal

import pytest
from openai.pagination import SyncCursorPage
from openai.types import FileObject
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.jobs.options import SETTLE_SECONDS
from prefect_openai_batch.emulator import BatchServer, RouteFault
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection
from prefect_openai_batch.tasks.remote.listing import created_since, enqueued
from prefect_openai_batch.tasks.remote.looking import look_at
from prefect_openai_batch.tasks.remote.tries import LOOKING, AnswerUnreadable, may_pass, readable
from prefect_openai_batch.tasks.remote.uploads import upload

Kind = Literal["html", "http_error"]
When = Literal["before", "after"]

answered = pytest.mark.parametrize("kind", ["html", "http_error"], ids=["a page", "an error"])


def instead(kind: Kind, route: str, times: int | None = None, when: When = "before") -> RouteFault:
    return RouteFault(kind=kind, route=route, status=200, times=times, when=when)


@answered
def test_what_only_reads_is_asked_again(
    server: BatchServer, connection: Connection, file: InputFile, kind: Kind
) -> None:
    """As after a lost connection: for a batch, for the list, and for an upload."""
    server.fail(instead(kind, "POST */files", times=2))
    batch = connection.create(upload(connection, file), file.endpoint, {})
    server.fail(instead(kind, "GET *", times=2))
    assert connection.batch(batch.id).id == batch.id
    server.fail(instead(kind, "GET *", times=2))
    assert [one.id for one in next(connection.batch_pages())] == [batch.id]
    server.fail(instead(kind, "POST */cancel", times=2))
    assert connection.cancel(batch.id).status == "cancelling"


@answered
def test_it_proves_nothing(server: BatchServer, connection: Connection, file: InputFile, kind: Kind) -> None:
    """Neither that nothing was created, nor that there is room."""
    server.fail(instead(kind, "GET */batches"))
    for ask in (lambda: created_since(connection, {"job_key": "job"}, 0), lambda: enqueued(connection)):
        with pytest.raises(AnswerUnreadable) as told:
            ask()
        assert may_pass(told.value)


@answered
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_creation_that_is_answered_so_is_looked_for(
    server: BatchServer, connection: Connection, file: InputFile, kind: Kind, when: When
) -> None:
    """Whether it was created or not, there is one batch."""
    server.fail(instead(kind, "POST */batches", times=1, when=when))
    batch = find_or_create(connection, file, 0)
    assert [one["id"] for one in server.state()["batches"]] == [batch.id]


def test_an_empty_list_may_be_null() -> None:
    """As servers written in Go send it; a list that is not there is none."""
    page = SyncCursorPage[FileObject]
    assert readable(page.construct, object="list", data=None).data is None
    with pytest.raises(AnswerUnreadable):
        readable(page.construct, error={"message": "no"})


@answered
def test_a_batch_that_is_told_so_stands_as_it_was(
    server: BatchServer, connection: Connection, file: InputFile, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long: it is given up when it is long overdue, as one that is lost."""
    batch = find_or_create(connection, file, 0)
    server.fail(instead(kind, "GET */batches/*"))
    true_now = clock.now
    monkeypatch.setattr(clock, "now", lambda: true_now() + 2 * SETTLE_SECONDS)
    (seen,) = look_at(connection, [batch], LOOKING)
    assert (seen.id, seen.status, seen.created_at) == (batch.id, batch.status, batch.created_at)
