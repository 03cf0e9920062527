"""What can go wrong, one exception a cause.

    OpenAIBatchError
    ├── Refused                  our own checks said no: nothing was sent, nothing was paid
    │   ├── SourceError          the table cannot be read: file, row and column are named
    │   ├── RequestError         the request does not fit the table, or is not a request
    │   ├── AnswerSchemaError    strict mode cannot take the answer's schema: the place is named
    │   ├── CustomIdError        a custom_id is missing, too long, or stands twice
    │   ├── ItemTooLarge         one row's item alone exceeds an input file's limit
    │   ├── DestinationError     the destination exists, cannot be written, or is of no known kind
    │   ├── DeadlineError        the time to finish by is no time, or too early
    │   ├── BudgetError          the budget cannot hold: the input alone costs more, or nobody can tell
    │   ├── WaitError            the run cannot wait as it is asked to
    │   ├── JobKeyError          the job key is malformed, belongs to another job, or to none
    │   ├── JobAtWork            the job cannot be forgotten yet, or not be begun while it is
    │   ├── StorageError         the storage cannot hold job folders, or may not be used
    │   ├── DatabaseError        there is no database of that name, or it cannot be used
    │   │   ├── DatabaseUnreachable  it cannot be reached, or ended the connection; another time it may not
    │   │   └── DatabaseLocked   another process has locked what is needed there, for longer than is waited
    │   └── ModelNotFound        OpenAI does not know the model
    ├── AccessError              there is no key, OpenAI refuses it, or cannot be reached
    ├── BatchUnknown             OpenAI does not know a batch: the wrong account or server?
    ├── BatchNotFinished         no batch has ended yet; its text is the progress
    ├── BatchFailed              OpenAI's validation refused every batch of the job
    ├── DownloadBroken           a downloaded file is not whole
    ├── ReadElsewhere            another run has taken the reading of the rows over, or the building of items
    ├── TableNotWritten          the answers are there, and their table cannot be written
    └── StorageNotShared         a started job's folder is not where this worker looks for it

Each takes its message as the one positional argument, so that it survives pickling on its way through
Prefect's states; what the message names stands in `details` too. Neither holds what a URL is opened with: both
travel into logs, states and results.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .urls import text_without_secrets, without_secrets


class OpenAIBatchError(Exception):
    """The base of every exception this package raises; `details` holds what the message names."""

    def __init__(self, message: str = "", **details: Any) -> None:
        super().__init__(text_without_secrets(message))
        self.details = {name: _shown(detail) for name, detail in details.items()}


def _shown(detail: Any) -> Any:
    return text_without_secrets(detail) if isinstance(detail, str) else detail


class Refused(OpenAIBatchError):
    """Our own checks said no before anything was sent or paid for."""


class SourceError(Refused):
    """The source cannot be read as a table; details: `path`, and where known `row` and `column`."""


class RequestError(Refused):
    """The request does not fit the table, or is not a request; details: `column` or `field`."""


class AnswerSchemaError(Refused):
    """The answer's schema is none, or one that strict structured output does not take; details: `place`."""


class CustomIdError(Refused):
    """A custom_id is missing, too long, or stands twice; details: `custom_id`, `rows`."""


class ItemTooLarge(Refused):
    """One row's item alone exceeds what an input file may hold; details: `row`, `bytes`, `limit`."""


class DestinationError(Refused):
    """The destination exists, cannot be written, is the source, or of no known kind; details: `path`."""


class BudgetError(Refused):
    """The budget cannot hold; details: `budget_usd` and `input_usd`, or the `model` whose cost nobody can tell."""


class WaitError(Refused):
    """The flow run cannot wait as it is asked to, for nothing would wake it."""


class DeadlineError(Refused):
    """The time to finish by is no time, or leaves none for a batch; details: `finish_by`."""


class JobKeyError(Refused):
    """The job key is malformed, was used before with something else, or names no job; details: `job_key`."""


class JobAtWork(Refused):
    """The job is at work, so that it cannot be forgotten, or it is being forgotten; details: `job_key`.

    And what of it is at work: `batches`, or `flow_runs`.
    """


class StorageError(Refused):
    """The storage cannot hold job folders: a claim is not exclusive there, or it may not be used.

    Details: `protocol`, or `storage`, the job folder.
    """


class DatabaseError(Refused):
    """There is no database of that name, or it cannot be used; details: `database`, its name."""


class DatabaseUnreachable(DatabaseError):
    """A database cannot be reached, or ended the connection; another time it may not. Details: `database`."""


class DatabaseLocked(DatabaseError):
    """Another process has locked what is needed of a database, for longer than is waited. Details: `database`."""


class ModelNotFound(Refused):
    """OpenAI does not know the model; details: `model`."""


class AccessError(OpenAIBatchError):
    """There is no key or no such block, OpenAI refuses the key, or its server cannot be reached.

    Details: one of `variable` (of the environment), `credentials` (the block's name) and `base_url`.
    """


class BatchUnknown(OpenAIBatchError):
    """OpenAI does not know some batches: another account or server than they were sent with?

    Details: `batch_ids`; who asked, as `credentials` (the block's name, or None) and `base_url`.
    """


class BatchNotFinished(OpenAIBatchError):
    """No batch has ended yet; the message is the progress line.

    Details: of a sensor's look `looked_at`, when it was made, in Unix seconds.
    """


class BatchFailed(OpenAIBatchError):
    """OpenAI's validation refused every batch of the job; details: `batches`, `path` of the table."""


class DownloadBroken(OpenAIBatchError):
    """A downloaded output or error file is not whole; details: `file_id`."""


class ReadElsewhere(OpenAIBatchError):
    """Another run reads the job's rows, for this one was not heard of for long; details: `job_key`."""


class TableNotWritten(OpenAIBatchError):
    """The answers are in the job folder, and their table cannot be written; details: `job_key`, `path`."""


class StorageNotShared(OpenAIBatchError):
    """A started job's folder is not where this worker looks for it; details: `folder`."""


@contextmanager
def refusals_of(path: str) -> Iterator[None]:
    """Let every refusal of the block begin with the file it is about, where it does not name it yet."""
    try:
        yield
    except Refused as error:
        if without_secrets(path) in str(error):
            raise
        raise type(error)(f"{path}: {error}", **error.details) from error
