"""Where the work on input files is done: here for small ones, in a process of its own for large ones."""

from dataclasses import replace

from .answerers import find_answerer
from .bodies import Answer, Asked
from .execution import AnswerAll, Execution, answer_by, close_unexecuted, execute
from .faults import Faults
from .records import Progress
from .replies import Answerer
from .settings import ServerSettings
from .upstream import Upstream
from .validation import Validation, ValidationJob, validate
from .worker import Worker, execute_by_name

_LARGE_BYTES = 4_000_000
_LARGE_LINES = 4_000


class Workshop:
    """Validates input files and answers their lines.

    Args:
        settings: say where answers come from.
        answerer: a function of the caller's, instead of what the settings name.
        faults: what goes wrong with lines.
    """

    def __init__(self, settings: ServerSettings, answerer: Answerer | None, faults: Faults) -> None:
        self._worker = Worker()
        self._faults = faults
        self._answers = settings.answers
        self._upstream = Upstream(settings) if settings.upstream and answerer is None else None
        self._answer_all: AnswerAll = (
            self._upstream.answer_all if self._upstream else answer_by(answerer or find_answerer(settings.answers))
        )
        # A function of the caller's, and one that is found by the caller's import path, works only here.
        self._elsewhere = answerer is None and self._upstream is None and ":" not in settings.answers
        self.step = settings.upstream_concurrency * 8 if self._upstream else 20_000
        """Lines executed in one go: between two goes a batch can be cancelled."""

    def validate(self, job: ValidationJob) -> Validation:
        """Check an input file."""
        large = job.path.stat().st_size > _LARGE_BYTES
        return self._worker.call(validate, job) if large else validate(job)

    def answer(self, endpoint: str, asked: list[Asked]) -> list[Answer]:
        """Answer some requests to one endpoint, in their order."""
        return self._answer_all(endpoint, asked)

    def execute(self, job: Execution, progress: Progress) -> Progress:
        """Answer some lines."""
        faults = None if self._faults.leave_lines_alone else self._faults
        if self._elsewhere and faults is None and job.plan.total > _LARGE_LINES:
            return self._worker.call(execute_by_name, job, progress, self._answers)
        if self._upstream:  # which is asked about many lines at once
            job = replace(job, block=self.step)
        return execute(job, progress, self._answer_all, faults)

    def close_unexecuted(self, job: Execution, progress: Progress, reason: tuple[str, str]) -> Progress:
        """Write the lines that were not executed."""
        if job.plan.total > _LARGE_LINES:
            return self._worker.call(close_unexecuted, job, progress, reason)
        return close_unexecuted(job, progress, reason)

    def interrupt(self) -> None:
        """Drop what waits for another server; whoever asked for it gets an exception."""
        if self._upstream:
            self._upstream.close()

    def stop(self) -> None:
        """End the process, when it has done what it is at."""
        self._worker.stop()
