"""Who reads the rows of a job: of a source that may give other rows the next time, one run at a time.

Answers stand beside rows by their numbers. Two runs that read a database at once may see it in other states, or in
another order, and would keep a mixture. A run that reads says so every few seconds; when it is not heard of for
long it was killed, and another takes the reading over from the beginning: at once where it was a process of this
machine, which tells that it has ended.
"""

import logging
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Self
from uuid import uuid4

from ...clock import every
from ...errors import ReadElsewhere
from ...progress import noted_wait
from ...storage import Record
from ...tables.sql.sql_source import SqlSource
from ..job import Job, Rows
from .processes import has_ended, this_process

log = logging.getLogger(__name__)

READING = "reading.json"

ROWS = "rows.json"

RENEWED_SECONDS = 5.0
"""How often who reads says so."""

GONE_SECONDS = 30.0
"""Who was not heard of for so long reads no more."""

LOOK_SECONDS = 0.5

AWAITED = f"another run, which reads the rows; if it is not heard of for {GONE_SECONDS:.0f} s they are read anew"


class Reader(Record):
    """Who reads, in which process, and how often that was said."""

    name: str
    said: int = 0
    process: str | None = None


class Reading:
    """The reading of a job's rows, by this run where `of_another` is None, else done by another."""

    def __init__(self, job: Job) -> None:
        """`job`, of which no rows are recorded yet."""
        self.job, self.me = job, Reader(name=uuid4().hex, process=this_process())
        self.of_another: Rows | None = None
        self._stack = ExitStack()
        self._alone = not (isinstance(job.source, SqlSource) or job.source.watermark)

    def __enter__(self) -> Self:
        if self._alone:  # what it gives is the same each time, and so are its parts, byte for byte
            return self
        self.of_another = self._begin()
        if self.of_another is None:
            self._stack.callback(self._end)
            self._stack.enter_context(every(RENEWED_SECONDS, self._say_so))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def record(self, rows: Rows) -> Rows:
        """Record that the rows are read; who has recorded theirs before has the last word."""
        if self._alone:
            self.job.files.write(ROWS, rows)
            return rows
        self.check()
        if self.job.files.claim(ROWS, rows):
            return rows
        return self.job.rows() or rows

    def check(self) -> None:
        """Go on reading only while nobody else does.

        Raises:
            ReadElsewhere: somebody has taken the reading over.
        """
        if not (self._alone or self._is_mine()):
            raise ReadElsewhere(
                f"The rows of the job {self.job.key!r} are read by another run meanwhile, for this one was not "
                f"heard of for {GONE_SECONDS:.0f} s (folder {self.job.folder}). The same run again goes on.",
                job_key=self.job.key,
            )

    def _begin(self) -> Rows | None:
        """Wait until nobody else reads; the rows, where somebody else has read them."""
        heard, since, is_told = None, time.monotonic(), False
        with ExitStack() as told:
            while not self.job.files.claim(READING, self.me):
                if (rows := self.job.rows()) is not None:
                    return rows
                known = self.job.files.read(READING, Reader)
                is_over = known is not None and has_ended(known.process)
                if known != heard and not is_over:
                    if not is_told:
                        is_told = True
                        told.enter_context(noted_wait(AWAITED))
                        log.warning("Waiting for %s (job %s)", AWAITED, self.job.key)
                    heard, since = known, time.monotonic()
                elif is_over or time.monotonic() - since > GONE_SECONDS:
                    log.warning("The run that read the rows of the job %s is gone: reading anew", self.job.key)
                    self.job.files.remove(READING)
                    continue
                time.sleep(LOOK_SECONDS)
        return self._rows_or_none()

    def _rows_or_none(self) -> Rows | None:
        rows = self.job.rows()
        if rows is not None:
            self._end()
        return rows

    def _is_mine(self) -> bool:
        known = self.job.files.read(READING, Reader)
        return known is not None and known.name == self.me.name

    def _say_so(self) -> None:
        if self._is_mine():
            self.me = self.me.model_copy(update={"said": self.me.said + 1})
            self.job.files.write(READING, self.me)

    def _end(self) -> None:
        if self._is_mine():
            self.job.files.remove(READING)
