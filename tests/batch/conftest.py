"""Jobs and downloaded files for the tests of the pure parts."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.jobs.job import Job, Rows
from prefect_openai_batch.batch.jobs.opening import open_job
from prefect_openai_batch.batch.jobs.rounds import plan_round
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.requests.chat_request import ChatRequest
from prefect_openai_batch.batch.requests.request import Request

MakeJob = Callable[..., Job]


@pytest.fixture
def make_job(tmp_path: Path) -> MakeJob:
    """Open a job over rows given as mappings, by way of a JSONL file."""

    def make(
        rows: Iterable[Mapping[str, Any]],
        request: Request | None = None,
        destination: str | None = "answers.parquet",
        key: str = "job",
    ) -> Job:
        source = tmp_path / f"{key}.jsonl"
        source.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
        return open_job(
            str(source),
            request or ChatRequest(model="m", prompt="{{ text }}"),
            str(tmp_path / destination) if destination else None,
            job_key=key,
            storage=str(tmp_path / "jobs"),
        )

    return make


def kept(job: Job) -> Rows:
    """The rows of a job, read now if they were not yet."""
    return job.rows() or keep_rows(job)


def built(job: Job, **limits: Any) -> list[InputFile]:
    """The input files of a job's first round."""
    from prefect_openai_batch.batch.jobs.building import build_selection
    from prefect_openai_batch.batch.limits import Limits

    kept(job)
    return [file for one in plan_round(job) for file in build_selection(job, one, Limits(**limits))]


def answered(custom_id: str, text: str, status: int = 200) -> bytes:
    """A line of an output or error file."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    body = {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2}, "model": "m-1"}
    if status != 200:
        body = {"error": {"code": "some_code", "message": text}}
    response = {"status_code": status, "request_id": "r", "body": body}
    return orjson.dumps({"id": "b", "custom_id": custom_id, "response": response, "error": None}) + b"\n"
