"""Opening a job: begun now, or as it was begun before; what can be refused without reading all rows is refused."""

from datetime import UTC, datetime
from pathlib import Path

from .. import clock
from ..errors import DestinationError, JobKeyError, refusals_of
from ..requests.request import Request
from ..requests.request_files import load_request
from ..storage import Folder, open_url
from ..tables.destinations import check_destination
from ..tables.sources import FileSource, check_source
from .deadlines import Deadline, check_deadline
from .job import JOB_KEY, IfExists, Job


def open_job(
    source: FileSource | str,
    request: Request | str,
    destination: str | None = None,
    *,
    job_key: str,
    storage: str,
    if_exists: IfExists = "refuse",
    source_digest: str | None = None,
    key_given: bool = True,
    deadline: Deadline | None = None,
) -> Job:
    """The job of this key: begun now, or as it was begun before.

    Everything that can be refused without reading all rows is refused here, before anything is written.

    Args:
        source: The table, or its path or URL.
        request: How a row becomes an item, or the path or URL of a request file.
        destination: Where the results go; None keeps them in the job folder.
        job_key: The job's name, `[a-z0-9][a-z0-9._-]{0,63}`.
        storage: The folder or URL that holds the job folders.
        if_exists: What to do with a destination that is there already.
        source_digest: A digest of the source's content, where one was made.
        key_given: Whether the key may have been used before elsewhere, so that OpenAI's list is looked at once.
        deadline: When the job has to be done.

    Raises:
        Refused: the key, the source, the request or the destination cannot be used; the message says why.

    Example:
        ```python
        from prefect_openai_batch import open_job

        job = open_job("reviews.csv", "label_reviews.yaml", "labelled.csv", job_key="reviews", storage="jobs")
        print(job.folder)
        ```
    """
    check_job_key(job_key)
    wanted = _describe(source, request, destination, job_key, storage).model_copy(
        update={"source_digest": source_digest, "key_given": key_given, "deadline": deadline}
    )
    known = wanted.files.read("job.json", Job)
    if known is not None:
        _refuse_other_job(known, wanted)
        return known
    _refuse_foreign_folder(wanted)
    if deadline is not None:
        check_deadline(deadline, wanted.opened_at)
    if destination is not None:
        check_destination(wanted.destination, if_exists)
        if wanted.destination == wanted.source.path:
            raise DestinationError(
                f"The destination {wanted.destination} is the source itself; choose another.",
                path=wanted.destination,
            )
    columns = check_source(wanted.source)
    if columns is not None:
        with refusals_of(wanted.source.path):
            wanted.request.compile(columns)
    wanted.files.make()
    wanted.files.write("job.json", wanted)
    return wanted


OWN_NAMES = frozenset(
    {
        *("frame.parquet", "job.json", "rows", "rows.json", "rounds", "stopped.json"),
        *("report.json", "results.parquet", "cleaned.json"),
    }
)
"""What stands in a job folder; see `job.py`."""


def _refuse_foreign_folder(job: Job) -> None:
    """A folder that is not a job's is never taken for one: a job that is refused removes its folder."""
    strangers = [name for name in job.files.names() if name not in OWN_NAMES]
    if strangers:
        raise JobKeyError(
            f"The folder {job.folder} is there already and holds {strangers[0]}, which is no job's. Choose "
            "another job key or another storage.",
            job_key=job.key,
        )


def check_job_key(job_key: str) -> None:
    """Refuse a key that cannot name a job.

    Raises:
        JobKeyError: it has other characters than a job key may have, or too many.
    """
    if not JOB_KEY.fullmatch(job_key):
        raise JobKeyError(
            f"The job key {job_key!r} cannot be used: it is up to 64 lower-case letters, digits, '.', '_' and "
            "'-', and begins with a letter or a digit.",
            job_key=job_key,
        )


def _describe(
    source: FileSource | str,
    request: Request | str,
    destination: str | None,
    job_key: str,
    storage: str,
) -> Job:
    if isinstance(source, str):
        source = FileSource(path=source)
    folder = Folder(absolute(storage)) / job_key
    return Job(
        key=job_key,
        folder=folder.url,
        source=source.model_copy(update={"path": absolute(source.path)}),
        request=load_request(request) if isinstance(request, str) else request,
        destination=absolute(destination) if destination else folder.path("results.parquet"),
        opened_at=datetime.fromtimestamp(clock.now(), UTC),
    )


def absolute(url: str) -> str:
    """A URL as it is, a local path from the root: another process may stand in another folder."""
    filesystem, path = open_url(url)
    return str(Path(path)) if "file" in filesystem.protocol else url


def _refuse_other_job(known: Job, wanted: Job) -> None:
    same_content = None in (known.source_digest, wanted.source_digest) or (
        known.source_digest == wanted.source_digest
    )
    differs = [
        name
        for name, same in {
            "source": known.source == wanted.source,
            "source's content": same_content,
            "request": known.request == wanted.request,
            "destination": known.destination == wanted.destination,
        }.items()
        if not same
    ]
    if differs:
        raise JobKeyError(
            f"The job key {known.key!r} was used before with another {differs[0]} (folder {known.folder}). "
            "Choose another key, or remove that folder if its results are no longer needed.",
            job_key=known.key,
        )
