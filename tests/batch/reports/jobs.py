"""Jobs that are done, made by no server: their rows and what became of them."""

from pathlib import Path

from prefect_openai_batch.batch.files.batches import read_batch
from prefect_openai_batch.batch.jobs.job import Job
from prefect_openai_batch.batch.jobs.opening import open_job
from prefect_openai_batch.batch.jobs.report import JobReport
from prefect_openai_batch.batch.jobs.results import write_job_results
from prefect_openai_batch.batch.outcomes.outcome import Outcome, OutcomeKind
from prefect_openai_batch.batch.outcomes.outcome_files import write_found
from prefect_openai_batch.batch.requests.chat_request import ChatRequest
from prefect_openai_batch.batch.requests.request import Request

from ..conftest import built

ATTACK = "<script>alert(1)</script> [x](javascript:y) | `z` ![](http://elsewhere/p.png)"
ANSWERED = Outcome(OutcomeKind.SUCCEEDED, answer=ATTACK, input_tokens=40, output_tokens=9, model="gpt-5-mini")
REFUSED = Outcome(OutcomeKind.SUCCEEDED, error_code="refusal", error_message=ATTACK, input_tokens=40)

REQUEST = ChatRequest(model="gpt-5-mini", prompt="{{ text }}")
TIMES = {"created_at": 1_790_000_000, "in_progress_at": 1_790_000_040, "completed_at": 1_790_003_000}


def done_job(
    folder: Path, outcomes: list[Outcome], rows: int, request: Request = REQUEST, key: str = "job"
) -> tuple[Job, JobReport]:
    """A job of so many rows, which have these outcomes in turns, and how it ended."""
    source = folder / "rows.csv"
    source.write_text("text\n" + "".join(f'"{ATTACK} {number}"\n' for number in range(rows)))
    job = open_job(str(source), request, str(folder / "answers.csv"), job_key=key, storage=str(folder / "jobs"))
    for file in built(job):
        batch = read_batch({"id": f"batch_{file.name}", "status": "completed", **TIMES}, file)
        items = file.read_items()
        pairs = zip(items["row"].to_pylist(), items["custom_id"].to_pylist(), strict=True)
        found = [(row, name, outcomes[row % len(outcomes)]) for row, name in pairs]
        told = write_found(batch, file.endpoint, found, file.files, request.answer_type)
        file.files.write("fetched.json", told)
    return job, write_job_results(job, job.kept_rows("done_job"))
