"""Opening a job: begun now, or as it was begun before; what can be refused without reading all rows is refused."""

import re
from datetime import UTC, datetime
from os import PathLike

from .. import clock
from ..errors import DeadlineError, JobKeyError, refusals_of
from ..requests.request import Request
from ..requests.request_files import given_request
from ..storage.folders import Folder
from ..storage.locations import absolute
from ..storage.rights import check_claims, check_exclusive, usable
from ..tables.any_source import CONTENT, Source, columns_of, path_of, rewritten
from ..tables.destinations import check_apart, check_destination
from ..tables.new_rows.column_values import check_watermark
from ..tables.sql.sql_destination import SqlDestination
from ..tables.sql.sql_reading import Connect
from ..tables.sql.sql_source import SqlSource
from ..urls import as_text
from .deadlines import Deadline, check_deadline
from .job import JOB, LOADED, PLANNING, RESULTS, IfExists, Job
from .only_new.appending import check_keeps_earlier_rows
from .only_new.reading import READING
from .only_new.window import SEEN, WINDOW
from .own_table import may_be_own
from .report import CLEANED, REFUSED_TABLE, REPORT, RefusedTable, command_for
from .stops import CANCELLING, RESUMED, STOPPED

JOB_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def open_job(
    source: Source | str | PathLike[str],
    request: Request | str | PathLike[str],
    destination: SqlDestination | str | PathLike[str] | None = None,
    *,
    job_key: str,
    storage: str | PathLike[str],
    if_exists: IfExists = "refuse",
    source_digest: str | None = None,
    key_given: bool = True,
    deadline: Deadline | None = None,
    may_be_done: bool = False,
    connect: Connect | None = None,
    begun_by: str | None = None,
) -> Job:
    """The job of this key: begun now, or as it was begun before.

    Everything that can be refused without reading all rows is refused here, before anything is written.

    Args:
        source: The table: a file's path or URL, a `FileSource` or a `SqlSource`.
        request: How a row becomes an item, or the path or URL of a request file.
        destination: Where the results go: a path, a URL or a database's table; None keeps them in the job folder.
        job_key: The job's name, `[a-z0-9][a-z0-9._-]{0,63}`.
        storage: The folder or URL that holds the job folders.
        if_exists: What to do with a destination that is there already; a database's table has its own.
        source_digest: A digest of the source's content, where one was made.
        key_given: Whether the key may have been used before elsewhere, so that OpenAI's list is looked at once.
        deadline: When the job has to be done; of a job that was begun before, from now on.
        may_be_done: Whether a table at the destination that may be the job's own is left to be looked into, as
            `recognise_table` does: the job's `found` says that there is one.
        connect: Makes an engine for a database by its name, as `blocks.databases.database_engine` does; without
            one a source in a database is looked at when it is read.
        begun_by: The run that begins it, if it does: that one alone removes its folder where the job is refused.

    Raises:
        Refused: the key, source, request, destination or deadline cannot be used; the message says why.

    Example:
        ```python
        from prefect_openai_batch import open_job

        job = open_job("reviews.csv", "label_reviews.yaml", "labelled.csv", job_key="reviews", storage="jobs")
        print(job.folder)
        ```
    """
    wanted = describe_job(
        source,
        request,
        destination,
        job_key=job_key,
        storage=storage,
        source_digest=source_digest,
        key_given=key_given,
        deadline=deadline,
    )
    known = find_known(wanted)
    if known is None:
        if may_be_done:
            wanted = with_table_found(wanted, if_exists, connect)
        check_new_job(wanted, if_exists, connect)
        known = _begin(wanted.model_copy(update={"begun_by": begun_by}))
    return known if deadline is None else keep_deadline(known, deadline)


def _begin(wanted: Job) -> Job:
    """Begin a job; where another start has begun one of its key meanwhile, that one."""
    with usable(wanted.folder):
        wanted.files.make()
        known = wanted.files.write_first(JOB, wanted)
        if known is wanted:
            check_exclusive(wanted.files, JOB, wanted)
            return wanted
    _refuse_other_job(known, wanted)
    return known


def keep_deadline(job: Job, deadline: Deadline | None) -> Job:
    """A job that was begun before, to be done by another time, or whenever; one that is done stays as it is.

    Raises:
        DeadlineError: the time leaves none for a batch, or the job was stopped at an earlier one.
    """
    if deadline == job.deadline or job.report() is not None:
        return job
    check_other_deadline(job, deadline)
    return job.with_deadline(deadline)


def check_other_deadline(job: Job, deadline: Deadline | None) -> None:
    """Refuse another time for a job that was begun before; nothing is written.

    Raises:
        DeadlineError: the time leaves none for a batch, or the job was stopped at an earlier one.
    """
    if deadline is None or deadline == job.deadline:
        return
    stopped = job.stopped()
    if stopped is not None and stopped.code == "finish_by":
        raise DeadlineError(
            f"{stopped.message} Another time does not let it go on: {command_for('resume', job.folder)} does, "
            "and with --collect-only it fetches what is open.",
            finish_by=deadline.finish_by,
        )
    check_deadline(deadline, datetime.fromtimestamp(clock.now(), UTC))


def find_known(wanted: Job) -> Job | None:
    """The job of the same key and storage, where it was begun before.

    Raises:
        JobKeyError: the key was used with another source, request or destination, or its folder is no job's.
        StorageError: the storage cannot be read.
    """
    with usable(wanted.folder):
        known = wanted.files.read(JOB, Job)
        if known is None:
            _refuse_foreign_folder(wanted)
            return None
    _refuse_other_job(known, wanted)
    return known


def with_table_found(wanted: Job, if_exists: IfExists, connect: Connect | None = None) -> Job:
    """The job that is to be begun; `found` in it, where a table at its destination may be its own.

    An earlier start has written it then, and the folder is lost.

    Raises:
        Refused: the source cannot be read, or its first row makes no item.
    """
    refused = wanted.files.read(REFUSED_TABLE, RefusedTable)
    if refused is not None and refused.destination == wanted.destination:
        return wanted
    if wanted.destination in (wanted.own_destination, path_of(wanted.source)) or not may_be_own(wanted, connect):
        return wanted
    return wanted.model_copy(update={"found": if_exists, "key_given": True})


def check_new_job(wanted: Job, if_exists: IfExists, connect: Connect | None = None) -> None:
    """Refuse what cannot be begun; nothing is written. A table that may be the job's own is not in the way.

    Raises:
        Refused: the source, the request, the destination or the deadline cannot be used; the message says why.
    """
    if wanted.deadline is not None:
        check_deadline(wanted.deadline, wanted.opened_at)
    wanted.request.check_model()
    refused = wanted.files.read(REFUSED_TABLE, RefusedTable)
    own = refused is not None and refused.destination == wanted.destination
    check_place(wanted, "replace" if own or wanted.found else if_exists)
    columns = columns_of(wanted.source, connect)
    if columns is not None:
        with refusals_of(wanted.source.name):
            wanted.request.compile(columns)
        check_watermark(wanted.source.watermark, columns, wanted.source.name)


def check_place(job: Job, if_exists: IfExists) -> None:
    """Refuse a destination that the job's table cannot be written to.

    Raises:
        DestinationError: it exists already, cannot be written, is the source, or would lose earlier nights' rows.
    """
    check_keeps_earlier_rows(job.source, job.into)
    if job.destination != job.own_destination:  # a database is asked by a task: batches know no blocks
        check_destination(job.destination, if_exists)
    if (path := path_of(job.source)) is not None:
        check_apart(path, job.destination, job.folder)


OWN_NAMES = frozenset(
    {
        *("frame.parquet", JOB, "rows", "rows.json", "rounds", "progress.json"),
        *(REPORT, RESULTS, LOADED, REFUSED_TABLE, CLEANED, "keep_days.json", "forgotten.json"),
        *(WINDOW, SEEN, READING, PLANNING, STOPPED, CANCELLING, RESUMED),
    }
)
"""What stands in a job folder; see `job.py`."""


def _refuse_foreign_folder(job: Job) -> None:
    """A folder that is not a job's is never taken for one: a job that is refused removes its folder."""
    if strangers := [name for name in job.files.names() if name not in OWN_NAMES]:
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


def describe_job(
    source: Source | str | PathLike[str],
    request: Request | str | PathLike[str],
    destination: SqlDestination | str | PathLike[str] | None,
    *,
    job_key: str,
    storage: str | PathLike[str],
    source_digest: str | None = None,
    key_given: bool = True,
    deadline: Deadline | None = None,
) -> Job:
    """The job as it would be begun now, with the arguments of `open_job`; nothing is written.

    Raises:
        Refused: the key, the storage or the request file cannot be used.
    """
    check_job_key(job_key)
    folder = storage_folder(storage) / job_key
    return Job(
        key=job_key,
        folder=folder.url,
        source=source if isinstance(source, SqlSource) else rewritten(source, absolute),
        request=given_request(request),
        destination=absolute(to) if isinstance(to := as_text(destination), str) and to else folder.path(RESULTS),
        into=destination if isinstance(destination, SqlDestination) else None,
        source_digest=source_digest,
        key_given=key_given,
        deadline=deadline,
        opened_at=datetime.fromtimestamp(clock.now(), UTC),
    )


def storage_folder(storage: str | PathLike[str]) -> Folder:
    """The folder that holds the job folders.

    Raises:
        StorageError: a claim is not exclusive there.
    """
    check_claims(place := as_text(storage))
    return Folder(absolute(place))


def _refuse_other_job(known: Job, wanted: Job) -> None:
    contents = [digest and digest.removeprefix(CONTENT) for digest in (known.source_digest, wanted.source_digest)]
    same = {
        "source": known.source == wanted.source,
        "source's content": None in contents or contents[0] == contents[1],
        "request": known.request == wanted.request,
        "destination": (known.destination, known.into) == (wanted.destination, wanted.into),
    }
    differs = [name for name, is_same in same.items() if not is_same]
    if differs:
        resumed = {
            "destination": f" {command_for('resume', known.folder, '--to DEST')} writes its table elsewhere.",
            "request": f" {command_for('resume', known.folder)} goes on with the request that it began with.",
        }
        raise JobKeyError(
            f"The job key {known.key!r} was used before with another {differs[0]} (folder {known.folder}). "
            f"Choose another key.{resumed.get(differs[0], '') if len(differs) == 1 else ''}",
            job_key=known.key,
        )
