"""Answer items at once, by the synchronous API, where no time is left for a batch."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from httpx2 import Response
from openai import APIConnectionError, APIStatusError
from prefect import task

from ..batch import clock
from ..batch.answer_store.answers import Answers
from ..batch.files.batches import SYNCHRONOUS, Batch
from ..batch.files.input_files import INPUT, InputFile
from ..batch.files.output_files import custom_id_of, parse_line
from ..batch.files.pieces import in_words
from ..batch.jobs.job import Job
from ..batch.jobs.submissions import ANSWERING, ANSWERS, fetched, note_fetched
from ..batch.leases import Lease
from ..batch.outcomes.kept.kept_outcomes import name_of_try
from ..batch.outcomes.outcome_files import FetchedOutput, write_outcomes
from ..batch.progress import report
from ..batch.storage.folders import Folder
from ..batch.storage.scratch import scratch_folder
from ..blocks.databases import keep_answers
from .options import KEPT_AS_JSON
from .remote.connection import Connection, connect
from .remote.tries import pauses_end_with_it
from .shown.run_names import named

CONCURRENCY = 8
"""Items asked at once; OpenAI's rate limits are kept by waiting as long as it says."""

KEPT_AT_ONCE = 16
"""Answers that are recorded together: after a kill so many may be asked, and paid, again."""


@task(name="answer-items", task_run_name=named("answer at once"), **KEPT_AS_JSON)
def answer_items(
    job: Job,
    file: InputFile,
    *,
    deadline: datetime | None = None,
    concurrency: int = CONCURRENCY,
    kept_in: Answers | None = None,
    credentials: str | None = None,
) -> FetchedOutput:
    """Ask the items of an input file one by one, at the price of synchronous calls, and note what became of each.

    Answers are recorded as they come: an item that is answered is not asked again. Of two runs that would ask an
    input file's items at once, one does, and the other takes its answers.

    Args:
        job: The job.
        file: An input file of it that no batch holds.
        deadline: From then on nothing more is asked.
        concurrency: How many items are asked at once.
        kept_in: The answer store where answers are kept for other jobs.
        credentials: The name of a credentials block; None uses OpenAI's environment variables.
    """
    while True:
        lease = Lease(file.files, ANSWERING, f"answers {in_words(file)} of the job {job.key}")
        done = lease.take(partial(fetched, file))
        if done is not None:
            return done
        try:
            answers = file.files / ANSWERS
            answers.make()
            with connect(credentials) as connection:
                is_mine = ask_items(connection, file, answers, deadline, concurrency, lease.is_held)
                kept_in = kept_in and kept_in.at(connection.server)
            if is_mine:
                output = _read_answers(job, file, answers, kept_in)
                output = note_fetched(file.files, output)
                file.files.remove_file(INPUT)
                return output
        finally:
            lease.give_back()


def ask_items(
    connection: Connection,
    file: InputFile,
    answers: Folder,
    deadline: datetime | None,
    concurrency: int,
    goes_on: Callable[[], bool] = lambda: True,
) -> bool:
    """Ask what is not answered yet, and record the answers, a few at a time.

    Returns:
        Whether it was done as far as there was time, and not broken off because `goes_on` said no.
    """
    names = answers.names("*.jsonl")
    known = set(_answered(answers, names))
    report("answer", advance=len(known))
    with ThreadPoolExecutor(concurrency) as pool, pauses_end_with_it():
        items = (item for item in _items(file) if item["custom_id"] not in known)
        for number in range(len(names), len(names) + file.items):
            group = list(islice(items, KEPT_AT_ONCE))
            if not group or (deadline is not None and clock.now() >= deadline.timestamp()):
                break
            if not goes_on():
                return False
            came: list[bytes] = []
            try:
                asked = [pool.submit(copy_context().run, _ask, connection, item, came) for item in group]
                wait(asked)
            except BaseException:
                pool.shutdown(cancel_futures=True)  # what is asked comes, in hand here or not
                raise
            finally:
                _record(came, answers, f"{number:06d}.jsonl")
            for one in asked:
                one.result()
            report("answer", advance=len(group))
    return True


def _record(came: Iterable[bytes], answers: Folder, name: str) -> None:
    """Keep what is answered: it is paid, whatever befell the others or this process."""
    with answers.create(name) as record:
        record.writelines(came)


def _items(file: InputFile) -> Iterator[dict[str, Any]]:
    with file.files.open(INPUT) as lines:
        for line in lines:
            yield orjson.loads(line)


def _answered(answers: Folder, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        with answers.open(name) as lines:
            yield from (custom_id for line in lines if (custom_id := custom_id_of(line)) is not None)


def _ask(connection: Connection, item: dict[str, Any], came: list[bytes]) -> None:
    """Ask one item, and note its answer."""
    came.append(_answer(connection, item))


def _answer(connection: Connection, item: dict[str, Any]) -> bytes:
    """One item's answer, as the line that a batch's output or error file would hold."""
    try:
        answer = connection.answer(item["url"], item["body"])
        response = {"status_code": 200, "body": _body(answer), "request_id": answer.headers.get("x-request-id")}
    except APIStatusError as error:
        response = {"status_code": error.status_code, "body": _body(error.response)}
    except APIConnectionError as error:
        response = {"status_code": 0, "body": {"error": {"message": str(error)}}}
    return orjson.dumps({"id": "", "custom_id": item["custom_id"], "response": response, "error": None}) + b"\n"


def _body(answer: Response) -> Any:
    """An answer's JSON, halves of emojis and all; its text where it is none."""
    try:
        return parse_line(answer.content)
    except (ValueError, RecursionError):
        return answer.content.decode("utf-8", "replace")


def _read_answers(job: Job, file: InputFile, answers: Folder, kept_in: Answers | None) -> FetchedOutput:
    """The outcomes of all items; those that were not asked any more have the job's reason."""
    stop, answer = job.stopped(), job.request.answer_type
    batch = Batch(id=SYNCHRONOUS, status="completed", input_file=file)
    with scratch_folder() as scratch:
        paths = [_copied(answers, Path(scratch))]
        output = write_outcomes(
            batch,
            file.endpoint,
            file.read_items(),
            paths,
            file.files,
            keep_response=job.request.keep_response,
            answer=answer,
            otherwise=stop.outcome if stop else None,
            name=name_of_try(),
        )
        if kept_in is not None:
            keep_answers(kept_in, file, output, paths)
    return output.model_copy(update={"untold": 0, "unread": 0})  # what was not asked is not unread


def _copied(answers: Folder, scratch: Path) -> Path:
    target = scratch / "answers.jsonl"
    with target.open("wb") as whole:
        for name in answers.names("*.jsonl"):
            with answers.open(name) as part:
                whole.write(part.read())
    return target
