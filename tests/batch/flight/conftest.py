"""Input files and batches of a job, as departures know them."""

from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.files.identity import with_tokens
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.files.token_sizes import FileTokens
from prefect_openai_batch.batch.flight.departures import Departures
from prefect_openai_batch.batch.flight.enqueued import Enqueued
from prefect_openai_batch.batch.requests.endpoints import Endpoint

BOUND = 100


def file(number: int, tokens: int | None = 10, job: str = "job", items: int = 4) -> InputFile:
    name = f"{number:05d}-0"
    return InputFile(
        folder=f"{job}/{name}",
        job_key=job,
        name=name,
        endpoint=Endpoint.CHAT_COMPLETIONS,
        model="gpt-5-mini",
        items=items,
        bytes=400,
        sha256=name,
        first_row=0,
        last_row=0,
        tokens=FileTokens(input=tokens),
    )


def batch_of(sent: InputFile, status: str = "in_progress", created_at: float = 1) -> Batch:
    metadata = with_tokens({"job_key": sent.job_key or ""}, sent)
    return Batch(id=sent.folder, status=status, metadata=metadata, input_file=sent, created_at=int(created_at))


def leave(departures: Departures, enqueued: Enqueued | None = None, now: float = 0.0) -> list[InputFile]:
    gone = departures.leave(99, lambda _: True, now, enqueued)
    departures.flying += [batch_of(one, created_at=now) for one in gone]
    return gone
