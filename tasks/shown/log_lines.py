"""The lines that Prefect logs of our flows and tasks, as a person wants to read them.

Of each look of a sensor that finds nothing Prefect logs "Task run failed with exception: …", though nothing has
failed, and of each task "Finished in state Completed()". Words and levels are its own. To return AwaitingRetry in
place of an exception would log nothing, but such a wait knows no end of its looks, and loses its result where that
is kept under a key. So a filter on the logger of task runs, whose lines go to the console and to the server alike,
rewrites the line of a look, told by our own exception in it; in the runs of the flows that tell a job's story
themselves it lowers both lines to DEBUG. Failures, and the lines of other tasks, stay as they are.

But an error of ours says what is wrong and the way out, and is no fault of the code: in a flow of ours nothing is
logged of where it was raised, and what the run's last line says of it is not said twice before.
"""

import logging
from collections.abc import Collection

from ...batch.errors import BatchNotFinished, OpenAIBatchError

TASK_RUNS = "prefect.task_runs"
"""The logger of Prefect's task runs."""

FLOW_RUNS = "prefect.flow_runs"
"""The logger of its flow runs."""

OURS = "openai-batch"
"""How the names of our flows begin."""

UNKNOWN = "<unknown>"
"""The flow's name where a deployed run's process logs its error once more, after the flow has."""

FINISHED = "Finished in state "
"""How Prefect's last line of a task run begins."""

_telling = {f"openai-batch{does}" for does in ("", "-form", "-resume", "-collect", "-trial")}
"""The names of the flows that tell a job's story; an engine's processes know them too."""


def calm_lines() -> None:
    """Let the lines of runs in this process read so from now on."""
    for name in (TASK_RUNS, FLOW_RUNS):
        logging.getLogger(name).addFilter(_FILTER)


def lower_lines_of(flow_name: str) -> None:
    """Let a flow tell its own story under whichever name somebody has given it."""
    _telling.add(flow_name)


class _OurLines(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if _is_failure_of_ours(record):
            record.exc_info = record.exc_text = None
            return _lowered(record, {*_telling, UNKNOWN})
        if _is_look(record):
            _rewrite(record)
            return _lowered(record)
        is_end = record.name == TASK_RUNS and record.levelno == logging.INFO
        return _lowered(record) if is_end and str(record.msg).startswith(FINISHED) else True


def _lowered(record: logging.LogRecord, telling: Collection[str] = _telling) -> bool:
    """Lower a line to DEBUG in the flows that tell their own story; whether it is logged."""
    if getattr(record, "flow_name", None) not in telling:
        return True
    record.levelno, record.levelname = logging.DEBUG, logging.getLevelName(logging.DEBUG)
    return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


def _is_failure_of_ours(record: logging.LogRecord) -> bool:
    """Whether a line of Prefect's says that a flow of ours, or a task in it, ended with an error of ours."""
    flow_name = str(getattr(record, "flow_name", None))
    raised = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    is_ours = flow_name in (*_telling, UNKNOWN) or flow_name.startswith(OURS)
    return is_ours and isinstance(raised, OpenAIBatchError)


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
