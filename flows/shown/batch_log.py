"""What the batch logs, which knows nothing of Prefect, in the log of the run that it belongs to."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from prefect import get_run_logger
from prefect.context import FlowRunContext

BATCH = "prefect_openai_batch.batch"


@contextmanager
def batch_log_told() -> Iterator[None]:
    """Let warnings of the batch, as of what it waits for, stand in the run's log too."""
    handler = _RunLog()
    logging.getLogger(BATCH).addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger(BATCH).removeHandler(handler)


class _RunLog(logging.Handler):
    """The log of the run in whose context this was made; of other runs in this process it hears nothing."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.run_id = _run_id()

    def emit(self, record: logging.LogRecord) -> None:
        if self.run_id is not None and self.run_id == _run_id():
            get_run_logger().log(record.levelno, "%s", record.getMessage())


def _run_id() -> UUID | None:
    context = FlowRunContext.get()
    return context.flow_run.id if context is not None and context.flow_run is not None else None
