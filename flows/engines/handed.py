"""A task on the flow's engine: what the engine loses is done in the flow's own process.

A task runs in any process of any machine: it is given references, finds all else in the job folder, and may run
twice. Dask and Ray begin a task again whose process has died; a pool of processes that has lost one takes no more.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from concurrent.futures import Future as ConcurrentFuture
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from threading import Lock
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from httpx import HTTPError
from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import CrashedRun, PrefectException
from prefect.futures import PrefectFuture
from prefect.states import Crashed
from prefect.task_runners import TaskRunner
from prefect.tasks import Task

from ...batch.progress import Step, report
from .silence import told_where_silent

P = ParamSpec("P")
R = TypeVar("R")

ENGINES = ("distributed", "ray")
"""The packages whose errors say that an engine has lost a task."""

OF_THE_TASK = ("RayTaskError", "TaskCancelledError")
"""Ray's names for what a task itself has raised, or could not import, and for a task that somebody cancelled."""

UNREACHABLE = (OSError, ValueError)
"""What Dask's client raises, which connects when it is given its first task: nobody answers, or it is no address.

Nothing of a task is run meanwhile, so it is never what the task itself has raised.
"""

_taking_none: WeakValueDictionary[int, TaskRunner[Any]] = WeakValueDictionary()
"""The runners that take no task, by their ids, for not all can be hashed: each try takes Dask's client 30 s."""


class Handed(Generic[R]):
    """A call of a task that an engine is given."""

    def __init__(self, task: Task[P, R], /, *args: P.args, **kwargs: P.kwargs) -> None:
        self._name = task.name
        self._here: Callable[[], R] = partial(task, *args, **kwargs)
        self._tell: Callable[[], None] | None = None
        self._at_its_end: list[_Once] = []
        self._owed: Callable[[], None] | None = None
        self._is_over = False
        self._result: R
        self._future = _taken(task, *args, **kwargs)
        self._is_lost = self._future is None
        if self._future is not None:
            self._future.add_done_callback(self._note_end)

    def telling(self, step: Step, rows: int) -> "Handed[R]":
        """Report so many rows of a step as done when it is over, for nobody observes the engine's processes."""
        if self._future is None:
            self._owed = partial(report, step, advance=rows)
        else:
            self._call_at_its_end(partial(report, step, advance=rows))
        return self

    def then(self, tell: Callable[[], None]) -> "Handed[R]":
        """Call `tell` when its work is over, in whichever thread, and again where it was done anew in this one."""
        self._tell = tell
        self._call_at_its_end(tell)
        return self

    def result(self) -> R:
        """Its result; where its process was lost, that of the same call in this one."""
        if self._future is not None and not self._is_lost:
            try:
                self._result = self._awaited(self._future)
            except Exception as error:
                if not is_lost(error):
                    raise
                get_run_logger().warning("A task's process is gone (%s): it is run here", _said(error))
                self._is_lost = True
        if self._is_lost:
            self._do_here()
        self._future = None  # Dask keeps the results that are referred to, and makes lost ones again
        return self._result

    def failure(self) -> Exception | None:
        """What it has raised, as far as is known: nothing is waited for, and what is lost is not done here."""
        if self._is_over and self._future is not None and not self._is_lost:
            try:
                self._result = self._awaited(self._future)
            except Exception as error:
                return None if is_lost(error) else error
            self._future = None
        return None

    def drop(self) -> None:
        """Let it not begin any more, where its engine tells that it has not; else wait for its end."""
        waiting = getattr(self._future, "wrapped_future", None)
        if self._future is not None and not (isinstance(waiting, ConcurrentFuture) and waiting.cancel()):
            with suppress(Exception):
                self._future.result()

    def settle(self) -> None:
        """Wait for its end; what is lost is done in this process, and what it raises, `result` raises."""
        with suppress(Exception):
            self.result()

    def _note_end(self, _: object) -> None:
        self._is_over = True

    def _call_at_its_end(self, tell: Callable[[], None]) -> None:
        if self._future is not None:
            once = _Once(tell)
            self._at_its_end.append(once)
            self._future.add_done_callback(once)

    def _awaited(self, future: PrefectFuture[R]) -> R:
        """What a future gives, when all is told of its end: its engine may call back only later."""
        try:
            with told_where_silent(future, self._name):
                result = future.result()
        except Exception:
            self._tell_its_end()
            raise
        self._tell_its_end()
        return result

    def _tell_its_end(self) -> None:
        for once in self._at_its_end:
            once()

    def _do_here(self) -> None:
        if self._future is not None:
            _mark_lost(self._future)
        self._result = self._here()
        self._is_lost = False
        for tell in filter(None, (self._owed, self._tell)):
            tell()


class _Once:
    """A call that is made once, by the first who comes to it; who comes later waits for its end."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = partial(copy_context().run, call)
        self._lock = Lock()

    def __call__(self, _: object = None) -> None:
        with self._lock:
            call, self._call = self._call, None
            if call is not None:
                call()


def await_all(handed: Sequence[Handed[R]]) -> None:
    """Wait until none is at work any more, also where one fails: what it leaves behind is not written to then.

    Raises:
        Exception: what the first one that failed has raised; none begins after that.
    """
    for number, one in enumerate(handed):
        try:
            one.result()
        except Exception:
            for other in handed[number + 1 :]:
                other.drop()
            raise


def is_lost(error: Exception) -> bool:
    """Whether an error says that a task's process is gone, and nothing of the task itself."""
    kinds = type(error).__mro__
    if any(kind.__name__ in OF_THE_TASK for kind in kinds):
        return False
    return isinstance(error, CrashedRun | BrokenExecutor) or any(
        kind.__module__.partition(".")[0] in ENGINES for kind in kinds
    )


def _taken(task: Task[P, R], /, *args: P.args, **kwargs: P.kwargs) -> PrefectFuture[R] | None:
    """The future of a task that the flow's engine takes; None where it takes none, and is not tried again."""
    context = FlowRunContext.get()
    runner = None if context is None else context.task_runner
    if id(runner) in _taking_none:
        return None
    try:
        return task.submit(*args, **kwargs)
    except Exception as error:
        if not (is_lost(error) or isinstance(error, UNREACHABLE)):
            raise
        address = getattr(runner, "address", None)
        get_run_logger().warning(
            "The flow's %s%s takes no task (%s): from now on they are run here, in the flow's own process",
            type(runner).__name__,
            f" at {address}" if address else "",
            _said(error),
        )
        if runner is not None:
            _taking_none[id(runner)] = runner
        return None


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


def _mark_lost(future: PrefectFuture[R]) -> None:
    """Mark the task's run as crashed, which else would be Running for ever; one that never began is not known."""
    with suppress(PrefectException, HTTPError), get_client(sync_client=True) as client:
        lost: State[None] = Crashed(message="Its process is gone; another run of the task has done its work.")
        client.set_task_run_state(future.task_run_id, lost, force=True)
