"""At a run's end: rows and answers of finished jobs go from their folders when their days are over."""

from prefect import get_run_logger

from ...batch.forgetting.kept_days import empty_folders, note_leaving, storage_of
from ...batch.jobs.job import Job

NAMED = 10
"""Jobs that the log names."""


def keep_no_longer(job: Job) -> None:
    """Note when this job's rows may go, and remove those whose time has come; no reason for a run to fail."""
    try:
        note_leaving(job)
        emptied = empty_folders(storage_of(job), in_use=job.key)
    except Exception:
        get_run_logger().debug("Rows whose days are over could not be looked for", exc_info=True)
        return
    if emptied:
        named = f"{', '.join(emptied[:NAMED])}{', …' if len(emptied) > NAMED else ''}"
        get_run_logger().info("Rows and answers whose days are over are removed from job folders: %s", named)
