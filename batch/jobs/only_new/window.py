"""Which rows a job took of its source, and the mark that it leaves when it is finished."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ... import clock
from ...answer_store.answers import Answers
from ...errors import SourceError
from ...storage.records import Record
from ...tables.any_source import Source, opened
from ...tables.new_rows.opening import opened_new
from ...tables.sources import SourceReader
from ...tables.sql.sql_reading import Connect
from ...watermarks.mark import KeptMark, Mark
from ...watermarks.reading import Counts
from ...words import counted
from ..job import Job
from ..report import JobReport
from ..unsent.job_keepers import asked_by
from .mark_keys import mark_key

if TYPE_CHECKING:
    from ...answer_store.kept_marks import KeptMarks  # SQLAlchemy is imported where a store is opened

WINDOW = "window.json"
"""Which rows were taken."""

SEEN = "window.seen"
"""The digests of the rows that are remembered with the mark that the job leaves."""


@dataclass(frozen=True)
class OnlyNew:
    """How a source with a watermark is read: from the marks that a store keeps, or whole all the same.

    `server` is the address that the job's items are sent to: what another one has answered is not answered by it.
    `min_answered` is the share of rows below which the job leaves no mark.
    """

    marks: "KeptMarks"
    server: str
    full: bool = False
    min_answered: float = 0.0


class Window(Record):
    """Which rows of its source a job took: from which mark on, and how many; and the mark that it leaves."""

    key: str
    column: str
    full: bool
    before: Mark | None
    counts: Counts
    after: Mark | None
    min_answered: float = 0.0

    @property
    def told(self) -> str:
        """The same in one line."""
        counts, before = self.counts, self.before
        known = f"; {counts.known:,} taken before were left out" if counts.known else ""
        if self.full or before is None:
            return f"all rows, {'as was asked' if self.full else f'for {self.column} has no mark yet'}{known}"
        start = f" with {self.column} from {before.shown} on" if before.value is not None else ""
        if not counts.new:
            return f"no new rows{start}{known}"
        above = counts.new - counts.late - counts.without_value
        parts = [
            f"{above:,}{start}" if start else "",
            f"{counts.late:,} late" if counts.late else "",
            f"{counts.without_value:,} without {self.column}" if counts.without_value else "",
        ]
        rows, told = counted(counts.new, "new row"), ", ".join(filter(None, parts))
        return f"{rows}{told and f': {told}'}{known}"


@contextmanager
def opened_rows(
    job: Job, connect: Connect | None = None, only_new: OnlyNew | None = None
) -> Iterator[SourceReader]:
    """The rows that a job takes, ready to be read in the block; then which they were is recorded.

    Without `only_new` it takes all, also of a source with a watermark, and no mark comes of it.

    Raises:
        SourceError: the source cannot be read, or its watermark column cannot be one; the message says why.
        DatabaseError: there is no such database, or it cannot be reached.
    """
    if job.source.watermark is None or only_new is None:
        with opened(job.source, connect) as reader:
            yield reader
        return
    key = mark_key(job.source, job.request, only_new.server)
    kept, now = only_new.marks.find(key), datetime.fromtimestamp(clock.now(), UTC)
    with opened_new(job.source, kept, now=now, job_key=job.key, full=only_new.full, connect=connect) as rows:
        yield SourceReader(rows, None)
        after = rows.next_mark()
        with job.files.create(SEEN) as seen:
            seen.write(after.seen if after else b"")
        job.files.write(
            WINDOW,
            Window(
                key=key,
                column=job.source.watermark.column,
                full=only_new.full,
                before=None if kept is None else kept.mark,
                counts=rows.counts,
                after=None if after is None else after.mark.model_copy(update={"asks": asked_by(job)}),
                min_answered=only_new.min_answered,
            ),
        )


def window_of(job: Job) -> Window | None:
    """Which rows a job took, where its source has a watermark and they are read."""
    return None if job.source.watermark is None else job.files.read(WINDOW, Window)


def store_of(job: Job) -> Answers:
    """The answer store of a job whose source has a watermark: its mark is kept there.

    Raises:
        SourceError: there is none.
    """
    if job.answers is None:
        raise no_store(job.source)
    return job.answers


def no_store(source: Source) -> SourceError:
    """The refusal of a source with a watermark where there is no answer store."""
    return SourceError(
        f"{source.name} has a watermark, and marks are kept in an answer store: name one, as --answers answers.db "
        "(`answers` in the options) does, or take the watermark away to have all rows.",
        path=source.name,
    )


def least_answered(job: Job, wished: float) -> float:
    """The share of rows that is to be answered: as a run wishes, or, where it wishes none, as the job began."""
    window = window_of(job)
    return wished or (0.0 if window is None else window.min_answered)


def leaves_mark(job: Job, report: JobReport, min_answered: float) -> bool:
    """Whether a job's new rows are done with, so that no later job need take them: all sent, and enough answered.

    A job that was stopped leaves none, for rows of it were never sent; nor does one whose every batch was refused.
    """
    if window_of(job) is None:
        return False
    sent = report.stopped is None and not report.open_batches and not job.every_batch_was_refused()
    return sent and report.answered >= min_answered * report.rows


def is_overtaken(job: Job, marks: "KeptMarks") -> bool:
    """Whether another job has moved the mark since this one read its rows: it may have taken them too."""
    window = window_of(job)
    kept = None if window is None else marks.find(window.key)
    return window is not None and kept is not None and kept.mark not in (window.before, window.after)


def move_mark(job: Job, marks: "KeptMarks") -> bool:
    """Move the mark of a job's source to where the job has left it; again is as good as once.

    Returns:
        Whether it stands there now: a job that read the table later may have moved it.
    """
    window = window_of(job)
    if window is None or window.after is None:
        return False
    with job.files.open(SEEN) as seen:
        moved = KeptMark(window.after, seen.read())
    return marks.move(window.key, moved, name=job.source.name, column=window.column, read_from=window.before)
