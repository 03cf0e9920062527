"""What is left of a job where an error ends its run: open batches, which the error names, or nothing at all."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from prefect import get_run_logger

from ..batch.errors import AccessError, DatabaseError, Refused
from ..batch.forgetting.forgotten_folders import make_way
from ..batch.jobs.job import Job
from ..batch.jobs.only_new.reading import READING
from ..batch.jobs.report import REPORT, command_for
from ..batch.leases import is_held
from ..batch.words import counted
from .defaults import current_run, default_job_key
from .sending.kept_answers import forget_opening

NAMED = 10
"""Open batches that an error names."""


@contextmanager
def open_batches_named(job: Job) -> Iterator[None]:
    """Let an error say which batches it leaves open; a job that has sent nothing leaves nothing at all."""
    try:
        yield
    except Exception as error:
        if not job.has_sent():
            if _ends_the_job(job, error):
                forget_opening(job.folder)
                with suppress(OSError):  # the folder is noted as being forgotten, and the error says more
                    make_way(job)
            raise
        opened = [batch.id for batch in job.open_batches()]
        if opened:
            error.add_note(
                f"The job {job.key!r} leaves {counted(len(opened), 'batch', 'batches')} open at OpenAI, "
                f"already paid for: {', '.join(opened[:NAMED])}{', …' if len(opened) > NAMED else ''}. A retry "
                f"of the run goes on with it, and so does {command_for('resume', job.folder)}."
            )
            get_run_logger().error(error.__notes__[-1])
        raise


def _ends_the_job(job: Job, error: Exception) -> bool:
    """Whether an error refuses the job, so that its folder goes: a corrected one may use the key.

    What another run has begun stays: that one may be at work on it, whatever this one cannot read, reach or pay.
    So does what another has taken up since, as far as it is seen to read, build or upload.
    """
    if job.files.exists(REPORT) or job.begun_files() or not isinstance(error, Refused | AccessError):
        return False
    if job.begun_by != default_job_key(current_run()) or _is_taken_up(job):
        return False
    is_unreached = isinstance(error, AccessError | DatabaseError)
    return not (is_unreached and "rows" in job.files.names())


def _is_taken_up(job: Job) -> bool:
    """Whether another run reads the job's rows, or builds its items."""
    first = job.round_folder(1)
    return is_held(job.files, READING) or any(is_held(first, name) for name in first.names("building-*.json"))
