"""Where the work on input files is done: here for small ones, in a process of its own for large ones.

So neither HTTP nor the caller's program waits for it.
"""

import gc
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from ..answers.answerers import Answerer, find_answerer
from ..answers.exchange import Answer, Asked
from ..faults.script import Faults
from ..settings import ServerSettings
from .execution import AnswerAll, Execution, answer_by, close_unexecuted, execute
from .records import Progress
from .validation import Validation, ValidationJob, validate

if TYPE_CHECKING:
    from ..answers.upstream import Upstream

_LARGE_BYTES = 4_000_000
_LARGE_LINES = 4_000

Given = ParamSpec("Given")
Result = TypeVar("Result")


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
        self._upstream = _upstream(settings) if settings.upstream and answerer is None else None
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


def _upstream(settings: ServerSettings) -> "Upstream":
    from ..answers.upstream import Upstream  # an HTTP client, which the worker's process would load in vain

    return Upstream(settings)


class Worker:
    """A process of our own that calls functions, one at a time.

    `multiprocessing` would import the caller's main script again, and so run it twice.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """Call a function of a module with what pickle can carry.

        Raises:
            Exception: what the function raised.
            RuntimeError: the process is gone.
        """
        with self._lock:
            pipes = self._start()
            assert pipes.stdin is not None
            assert pipes.stdout is not None
            try:
                pickle.dump((function, args, kwargs), pipes.stdin)
                pipes.stdin.flush()
                done, value = pickle.load(pipes.stdout)  # noqa: S301  # from our own child
            except (EOFError, BrokenPipeError) as error:
                self._end()
                raise RuntimeError("the worker process of the batch server is gone") from error
        if not done:
            raise value
        return cast("Result", value)

    def stop(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.communicate()  # closes its input, which ends it
            self._process = None

    def _start(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            command = [sys.executable, "-c", f"from {__name__} import main; main()"]
            # numpy multiplies no matrices here: the threads it starts for them would only wait, and wait busily.
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
            # In a session of its own: a Ctrl-C is for the server, whose end this process sees by its input's end.
            self._process = subprocess.Popen(  # noqa: S603  # ourselves
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, env=environment
            )
        return self._process


def execute_by_name(job: Execution, progress: Progress, answers: str) -> Progress:
    """Execute lines with the answerer of this name."""
    return execute(job, progress, answer_by(_answerer(answers)))


_answerer: Callable[[str], Answerer] = lru_cache(find_answerer)


def main() -> None:
    """Call what comes in, and send back what comes out, until there is no more."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    gc.disable()  # nothing here refers to itself, and looking for what does takes a sixth of the time
    while True:
        try:
            function, args, kwargs = pickle.load(requests)  # noqa: S301  # from our own parent
        except (EOFError, KeyboardInterrupt):
            return
        pickle.dump(_outcome(function, args, kwargs), answers)
        answers.flush()


def _outcome(function: Callable[..., Any], args: Any, kwargs: Any) -> tuple[bool, Any]:
    try:
        return True, function(*args, **kwargs)
    except Exception as error:  # it is the caller's to handle
        return False, error
