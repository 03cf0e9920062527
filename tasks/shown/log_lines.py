"""The lines that Prefect logs of our tasks, as a person wants to read them.

Of each look of a sensor that finds nothing Prefect logs "Task run failed with exception: …", though nothing has
failed, and of each task "Finished in state Completed()". Words and levels are its own. To return AwaitingRetry in
place of an exception would log nothing, but such a wait knows no end of its looks, and loses its result where that
is kept under a key. So a filter on the logger of task runs, whose lines go to the console and to the server alike,
rewrites the line of a look, told by our own exception in it; in the runs of the flows that tell a job's story
themselves it lowers both lines to DEBUG. Failures, and the lines of other tasks, stay as they are.
"""

import logging

from ...batch.errors import BatchNotFinished

TASK_RUNS = "prefect.task_runs"
"""The logger of Prefect's task runs."""

FINISHED = "Finished in state "
"""How Prefect's last line of a task run begins."""

_telling = {"openai-batch", "openai-batch-form", "openai-batch-resume", "openai-batch-collect"}
"""The names of the flows that tell a job's story; an engine's processes know them too."""


def calm_lines() -> None:
    """Let the lines of task runs in this process read so from now on."""
    logging.getLogger(TASK_RUNS).addFilter(_FILTER)


def lower_lines_of(flow_name: str) -> None:
    """Let a flow tell its own story under whichever name somebody has given it."""
    _telling.add(flow_name)


class _OurLines(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        look = _is_look(record)
        if not (look or (record.levelno == logging.INFO and str(record.msg).startswith(FINISHED))):
            return True
        if look:
            _rewrite(record)
        if getattr(record, "flow_name", None) not in _telling:
            return True
        record.levelno, record.levelname = logging.DEBUG, logging.getLevelName(logging.DEBUG)
        return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


def _is_look(record: logging.LogRecord) -> bool:
    """Whether a line says that a sensor's look has found nothing, and when the next one comes."""
    return (
        record.levelno == logging.INFO
        and isinstance(record.args, tuple)
        and len(record.args) == 5
        and isinstance(record.args[1], BatchNotFinished)
    )


def _rewrite(record: logging.LogRecord) -> None:
    assert isinstance(record.args, tuple), "as it is of a look"
    pause = str(record.args[4]).replace(" second(s) from now", " s")
    record.msg, record.args = "Waiting: %s; next look in %s", (str(record.args[1]), pause)


_FILTER = _OurLines()
