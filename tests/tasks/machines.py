"""Machines that share everything but the job folder."""

from pathlib import Path

from prefect_openai_batch import ChatRequest, EmbeddingRequest, Job, JobReport, open_job, plan_round
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.results import write_job_results
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.emulator import BatchServer, LineFault
from prefect_openai_batch.tasks import fetch_output
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection

BY_ID = ChatRequest(model="{{ model }}", prompt="{{ review }}", id_column="id")


class Machines:
    """Machines that share a source, a destination and a server, and no job folder."""

    def __init__(self, folder: Path, server: BatchServer, connection: Connection) -> None:
        self.folder, self.server, self.connection = folder, server, connection
        self.table = folder / "answers.csv"
        (folder / "rows.csv").write_text(
            "id,model,review,custom_id\na,gpt-5,good,1\nb,gpt-5-mini,bad,2\nc,gpt-5,so,3\n"
        )
        server.fail(LineFault(kind="error", status=400, pattern='"so"'))

    def open(self, machine: str, prompt: str = "{{ review }}", key: str = "job", replace: bool = False) -> Job:
        """The job as a machine opens it, its rows read and its first round built."""
        job = open_job(
            str(self.folder / "rows.csv"),
            self.request
            or BY_ID.model_copy(update={"prompt": prompt, "id_column": None if self.made_ids else "id"}),
            str(self.table) if self.table.suffix else f"{self.table}/",
            job_key=key,
            storage=str(self.folder / machine),
            if_exists="replace" if replace else "refuse",
            may_be_done=True,
        )
        keep_rows(job)
        for selection in plan_round(job):
            build_selection(job, selection)
        return job

    made_ids = True
    request: ChatRequest | EmbeddingRequest | None = None

    def send(self, job: Job) -> None:
        """Create the job's batches and let them end."""
        for file in job.input_files():
            find_or_create(self.connection, file, 0)
        self.server.advance(86_400)

    def fetch(self, job: Job, batches: int = 9) -> None:
        """Fetch what so many of them gave."""
        for batch in job.open_batches()[:batches]:
            ended = self.connection.batch(batch.id, batch.input_file)
            fetch_output.fn(ended, answer=job.request.answer_type)

    def write(self, job: Job) -> JobReport:
        """Write the table."""
        rows = job.rows()
        assert rows is not None
        return write_job_results(job, rows)

    def finish(self, key: str = "job") -> JobReport:
        """A job that has come as far as its table."""
        job = self.open("here", key=key)
        self.send(job)
        self.fetch(job)
        return self.write(job)

    def files(self) -> list[str]:
        """The remote files, in the order in which they are deleted."""
        batches = list(self.server.state()["batches"])
        inputs = [batch["input_file_id"] for batch in batches]
        answers = [batch[name] for batch in batches for name in ("output_file_id", "error_file_id")]
        there = {file["id"] for file in self.server.state()["files"]}
        return [file_id for file_id in [*inputs, *answers] if file_id in there]
