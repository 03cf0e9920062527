"""`{scheduled:%Y-%m-%d}` in a command, which stands for the day on which it is typed.

The key of its job is made of that day: so the same command goes on with the day's job, and begins another one on
the next, as a deployment's run does.
"""

from datetime import UTC, datetime

from ...batch import clock
from ...batch.tables.any_source import Source, rewritten
from ...batch.tables.sql.sql_destination import SqlDestination

SCHEDULED = "{scheduled"


def key_of_today(job_key: str | None) -> str | None:
    """A job's key as it is called today.

    Raises:
        Refused: there is no such time zone.
    """
    if job_key is None or SCHEDULED not in job_key:
        return job_key
    from ...flows.defaults import with_schedule

    return with_schedule(job_key, datetime.fromtimestamp(clock.now(), UTC))


def of_today(
    source: Source, destination: SqlDestination | str | None = None
) -> tuple[Source, SqlDestination | str | None]:
    """A table, and where it goes, as they are called today.

    Raises:
        Refused: there is no such time zone.
    """
    if SCHEDULED not in repr((source, destination)):
        return source, destination
    from ...flows.defaults import with_schedule  # and with it Prefect, which a command begins without
    from ...flows.destination import scheduled_destination

    now = datetime.fromtimestamp(clock.now(), UTC)
    return rewritten(source, lambda text: with_schedule(text, now)), scheduled_destination(destination, now)
