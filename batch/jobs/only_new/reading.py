"""Who reads the rows of a job: one run at a time.

Answers stand beside rows by their numbers. Two runs that read at once may see other rows, or another order: of a
database, of a folder that files come into, of a file that is written anew. They would keep a mixture. Who takes
the reading over begins at the beginning.
"""

from types import TracebackType
from typing import Self

from ...errors import ReadElsewhere
from ...leases import GONE_SECONDS, Lease
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

    def __enter__(self) -> Self:
        self.of_another = self._lease.take(self.job.rows)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lease.give_back()

    def record(self, rows: Rows) -> Rows:
        """Record that the rows are read; who has recorded theirs before has the last word."""
        self.check()
        return self.job.files.write_first(ROWS, rows)

    def check(self) -> None:
        """Go on reading only while nobody else does.

        Raises:
            ReadElsewhere: somebody has taken the reading over.
        """
        if not self._lease.is_held():
            raise ReadElsewhere(
                f"The rows of the job {self.job.key!r} are read by another run meanwhile, for this one was not "
                f"heard of for {GONE_SECONDS:.0f} s (folder {self.job.folder}). The same run again goes on.",
                job_key=self.job.key,
            )
