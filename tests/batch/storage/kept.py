"""What is kept in a storage."""

from pathlib import Path

from prefect_openai_batch import ChatRequest, open_job
from prefect_openai_batch.batch.storage.records import Record


class Note(Record):
    text: str


def begin(folder: Path, storage: str) -> None:
    """Begin a job whose table lies in a folder, in this storage."""
    (folder / "reviews.csv").write_text("review\nGood.\n")
    request = ChatRequest(model="gpt-5-mini", prompt="{{ review }}")
    open_job(str(folder / "reviews.csv"), request, job_key="job", storage=storage)
