"""The key of a job that a command begins, where nobody gives it one."""

from hashlib import sha256

from ..batch.errors import JobKeyError
from ..batch.jobs.only_new.window import window_of
from ..batch.jobs.opening import describe_job, find_known, storage_folder
from ..batch.jobs.report import CLEANED
from ..batch.requests.request import Request
from ..batch.storage.locations import absolute
from ..batch.tables.any_source import CONTENT, Source, path_of, source_digest
from ..batch.tables.sql.sql_destination import SqlDestination
from ..batch.urls import named_server
from ..batch.watermarks.mark import Mark
from .destinations.destination_options import identity


def command_key(
    content: str,
    table: Source,
    request: Request,
    destination: SqlDestination | str,
    credentials: str | None,
) -> str:
    """A key that the same command gives again, and a changed file, request, destination or server does not."""
    server = named_server()  # what another server has answered is not OpenAI's answer
    place = absolute(path) if (path := path_of(table)) else table.name
    parts = [content.removeprefix(CONTENT), place, request.model_dump_json(), identity(destination), server]
    if credentials:
        parts.append(credentials)
    if read_as := table.model_dump(exclude={"path"}, exclude_none=True):
        parts.append(str(read_as))
    return f"run-{sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"


def content_of(table: Source) -> str | None:
    """A digest of what a table holds; None of one with a watermark, which grows while its job is the same.

    Raises:
        SourceError: a file is missing or cannot be read, or its kind is unknown.
    """
    return None if table.watermark is not None else source_digest(table)


def next_key(
    content: str | None,
    mark: Mark | None,
    table: Source,
    request: Request,
    destination: SqlDestination | str,
    credentials: str | None,
    storage: str,
    *,
    full: bool = False,
) -> str:
    """The key of a command's job; of a table with a watermark another one, where the last job has ended.

    Where that has left a mark, the mark says so. Where it has not, its rows are taken again, with those that have
    come since: by a new job, for one that has ended reads no row any more. One that has left its mark and was cut
    off before its end goes on.
    """
    if mark is not None and _was_cut_off(mark, table, request, destination, storage, full=full):
        return mark.job_key
    told_by = content or f"{'' if mark is None else mark.read_at.isoformat()}{' all' if full else ''}"
    key = command_key(told_by, table, request, destination, credentials)
    while table.watermark is not None and (storage_folder(storage) / key).exists(CLEANED):
        told_by += key
        key = command_key(told_by, table, request, destination, credentials)
    return key


def _was_cut_off(
    mark: Mark,
    table: Source,
    request: Request,
    destination: SqlDestination | str,
    storage: str,
    *,
    full: bool,
) -> bool:
    """Whether the job that has left a mark is this command's, and did not come to its end."""
    try:
        known = find_known(describe_job(table, request, destination, job_key=mark.job_key, storage=storage))
    except JobKeyError:
        return False
    window = None if known is None or known.files.exists(CLEANED) else window_of(known)
    return window is not None and window.full == full and window.after == mark
