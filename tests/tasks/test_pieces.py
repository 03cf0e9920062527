"""Pieces of a refused file: a start that has lost the job's folder finds them again, and pays for none twice."""

import json
from pathlib import Path

import pytest
from prefect_openai_batch import Job, RawRequest, open_job, plan_round
from prefect_openai_batch.batch.errors import JobKeyError
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.files.pieces import lines_to_send
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.results import owner_of
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.jobs.submissions import fetched, note_refusal, submitted
from prefect_openai_batch.batch.outcomes.outcome_files import read_outcomes
from prefect_openai_batch.emulator import BatchFault, BatchServer, RouteFault
from prefect_openai_batch.tasks.adopt import adopt
from prefect_openai_batch.tasks.reconsider import reconsider
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection

NO_ROOM = BatchFault(kind="fail_validation", batches=(1,), message="Limit: 80 enqueued tokens")


def built_job(folder: Path, bad: int | None, text: str = "text", count: int = 12) -> tuple[Job, InputFile]:
    """A job of one input file, of whose lines validation refuses one or none, in a folder of its own."""
    rows = [{"text": f"{text} {number}", "stream": "yes" if number == bad else ""} for number in range(count)]
    source = folder.parent / f"{text}.jsonl"
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    messages = [{"role": "user", "content": "{{ text }}"}]
    body = {"model": "gpt-5-mini", "messages": messages, "stream": "{{ stream }}"}
    request = RawRequest(endpoint="/v1/chat/completions", body=body)  # type: ignore[call-arg]
    job = open_job(str(source), request, job_key="job", storage=str(folder))
    keep_rows(job)
    (file,) = build_selection(job, plan_round(job)[0])
    return job, file


def refused(server: BatchServer, connection: Connection, file: InputFile) -> Batch:
    sent = find_or_create(connection, file, 0)
    server.advance(5)
    return connection.batch(sent.id, file)


def in_pieces(server: BatchServer, connection: Connection, folder: Path, bad: int | None) -> list[Batch]:
    """A refused batch, and those of the pieces that went in its place."""
    server.fail(*([NO_ROOM] if bad is None else []))
    job, whole = built_job(folder, bad)
    failed = refused(server, connection, whole)
    return [failed, *(find_or_create(connection, piece, 0) for piece in reconsider(connection, job, failed, 0))]


@pytest.mark.parametrize("bad", [pytest.param(None, id="cut"), pytest.param(3, id="rest")])
def test_pieces_are_found_again(
    server: BatchServer, connection: Connection, tmp_path: Path, bad: int | None
) -> None:
    """The whole is not sent once more: its refused batch is adopted, and those of its pieces."""
    failed, *sent = in_pieces(server, connection, tmp_path / "here", bad)
    job, whole = built_job(tmp_path / "elsewhere", bad)
    assert adopt(connection, job, [whole]) == [failed.id]
    pieces = reconsider(connection, job, connection.batch(failed.id, whole), 0)
    assert [batch and batch.id for batch in map(submitted, pieces)] == [batch.id for batch in sent]
    assert all(piece.contested for piece in pieces)


@pytest.mark.parametrize("bad", [pytest.param(None, id="cut"), pytest.param(3, id="rest")])
def test_pieces_change_no_tables_owner(
    server: BatchServer, connection: Connection, tmp_path: Path, bad: int | None
) -> None:
    """So a job knows its own table by its first round as it was built."""
    server.fail(*([NO_ROOM] if bad is None else []))
    job, whole = built_job(tmp_path / "here", bad)
    owner = owner_of(job)
    assert reconsider(connection, job, refused(server, connection, whole), 0)
    assert len(job.input_files()) > 1
    assert owner_of(job) == owner


def test_pieces_of_another_source_are_not_ours(
    server: BatchServer, connection: Connection, tmp_path: Path
) -> None:
    """The key is refused, as it is where the other source's file went as a whole."""
    in_pieces(server, connection, tmp_path / "here", None)
    job, whole = built_job(tmp_path / "elsewhere", None, text="other")
    with pytest.raises(JobKeyError, match="used before with another"):
        adopt(connection, job, [whole])


def test_a_stopped_job_is_cut_all_the_same(server: BatchServer, connection: Connection, tmp_path: Path) -> None:
    """So that what was refused is not sent again as it is once the job is resumed; none of its pieces has gone."""
    server.fail(NO_ROOM)
    job, whole = built_job(tmp_path / "here", None)
    failed = refused(server, connection, whole)
    job.stop("cancelled", "by hand")
    pieces = reconsider(connection, job, failed, 0)
    assert [piece for piece in job.input_files() if submitted(piece) is None] == pieces
    assert len(pieces) > 1
    assert not job.nothing_was_taken()


def test_a_file_in_pieces_is_not_refused(server: BatchServer, connection: Connection, tmp_path: Path) -> None:
    """What becomes of the job, its pieces tell; none of them has gone."""
    server.fail(NO_ROOM)
    job, whole = built_job(tmp_path / "here", None)
    failed = refused(server, connection, whole)
    assert reconsider(connection, job, failed, 0)
    assert not job.nothing_was_taken()


def test_want_of_room_is_no_want_of_the_file(server: BatchServer, connection: Connection, tmp_path: Path) -> None:
    """A file that is not found goes again as often, however often it lacked room before."""
    job, whole = built_job(tmp_path / "here", None)
    for number in range(3):
        room = {"code": "token_limit_exceeded", "message": "No room"}
        note_refusal(whole, Batch(id=f"b{number}", status="failed", errors=[room]), 0)
    server.fail(BatchFault(kind="fail_validation", code="invalid_request", message="Cannot find file"))
    assert reconsider(connection, job, refused(server, connection, whole), 0) == [whole]


def test_without_a_list_others_may_hold_the_room(
    server: BatchServer, connection: Connection, tmp_path: Path
) -> None:
    """A key that may not list cuts what was refused, and does not fail."""
    server.fail(NO_ROOM)
    job, whole = built_job(tmp_path / "here", None)
    failed = refused(server, connection, whole)
    server.fail(RouteFault(kind="http_error", route="GET */batches", status=403))
    assert len(reconsider(connection, job.model_copy(update={"key_given": False}), failed, 0)) > 1


def test_the_rest_enqueues_what_its_own_lines_take(
    server: BatchServer, connection: Connection, tmp_path: Path
) -> None:
    """Not what the whole would have: others are to have that room."""
    job, whole = built_job(tmp_path, 3)
    (rest,) = reconsider(connection, job, refused(server, connection, whole), 0)
    tokens = [line.input_tokens or 0 for line in lines_to_send(whole)]
    assert rest.items == 11
    assert rest.tokens.input == sum(tokens) - tokens[3] > 0


def test_an_item_that_is_over_the_limit_is_given_up(
    server: BatchServer, connection: Connection, tmp_path: Path
) -> None:
    """Though it was told to be under it: a third refusal with nothing beside it says that it never fits."""
    job, item = built_job(tmp_path, None, count=1)
    assert item.tokens.input is not None
    told = f"Limit: {item.tokens.input + 1} enqueued tokens"
    server.fail(BatchFault(kind="fail_validation", code="token_limit_exceeded", message=told))
    gone_on = []
    for attempt in range(3):
        sent = find_or_create(connection, item, attempt)
        server.advance(5)
        gone_on.append(reconsider(connection, job, connection.batch(sent.id, item), 0))
    assert gone_on == [[item], [item], []]
    output = fetched(item)
    assert output is not None
    (row,) = read_outcomes(output).to_pylist()
    assert (row["outcome"], row["error_code"], row["again"]) == ("failed", "token_limit_exceeded", False)
