"""A process that does the work on large files, so that neither HTTP nor the caller's program waits for it."""

import gc
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar, cast

from .answerers import find_answerer
from .execution import Execution, answer_by, execute
from .records import Progress
from .replies import Answerer

Given = ParamSpec("Given")
Result = TypeVar("Result")


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
