"""Who reads the rows of a job: of a source that may give other rows the next time, one run at a time.

Answers stand beside rows by their numbers. Two runs that read a database at once may see it in other states, or in
another order, and would keep a mixture. One that takes the reading over begins at the beginning.
"""

from types import TracebackType
from typing import Self

from ...errors import ReadElsewhere
from ...leases import GONE_SECONDS, Lease
from ...tables.sql.sql_source import SqlSource
from ..job import Job, Rows

READING = "reading.json"

ROWS = "rows.json"


class Reading:
    """The reading of a job's rows, by this run where `of_another` is None, else done by another."""

    def __init__(self, job: Job) -> None:
        """`job`, of which no rows are recorded yet."""
        self.job = job
        self.of_another: Rows | None = None
        self._lease = Lease(job.files, READING, f"reads the rows of the job {job.key}")
        self._alone = not (isinstance(job.source, SqlSource) or job.source.watermark)

    def __enter__(self) -> Self:
        if not self._alone:  # else what it gives is the same each time, and so are its parts, byte for byte
            self.of_another = self._lease.take(self.job.rows)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lease.give_back()

    def record(self, rows: Rows) -> Rows:
        """Record that the rows are read; who has recorded theirs before has the last word."""
        if self._alone:
            self.job.files.write(ROWS, rows)
            return rows
        self.check()
        return self.job.files.write_first(ROWS, rows)

    def check(self) -> None:
        """Go on reading only while nobody else does.

        Raises:
            ReadElsewhere: somebody has taken the reading over.
        """
        if not (self._alone or self._lease.is_held()):
            raise ReadElsewhere(
                f"The rows of the job {self.job.key!r} are read by another run meanwhile, for this one was not "
                f"heard of for {GONE_SECONDS:.0f} s (folder {self.job.folder}). The same run again goes on.",
                job_key=self.job.key,
            )
