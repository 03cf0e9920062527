"""Upload input files."""

from openai import APIError
from openai.types import FileObject

from ...batch.files.identity import remote_name
from ...batch.files.input_files import INPUT, InputFile
from ...batch.jobs.submissions import note_upload
from .connection import Connection
from .tries import PROCESSING, UPLOADING, FilePending

PENDING = frozenset({"pending", "running", "notrunning"})
"""Statuses of a file of which Azure takes no batch yet; OpenAI's is processed at once, and others have none."""


def upload(connection: Connection, file: InputFile) -> str:
    """Upload an input file, streamed, and return its id once a batch can be made of it; to repeat it is free.

    A file that stays pending is returned all the same: the server then says what it thinks of it.
    """
    sent = UPLOADING.call(_upload, connection, file)
    if is_pending(sent):
        try:
            PROCESSING.call(_check_processed, connection, sent.id)
        except (FilePending, APIError):
            return sent.id
    return sent.id


def is_pending(file: FileObject) -> bool:
    """Whether the server still works on a file, as far as it says."""
    return str(getattr(file, "status", "")).lower() in PENDING


def _upload(connection: Connection, file: InputFile) -> FileObject:
    note_upload(file)
    with file.files.open(INPUT) as content:
        return connection.upload(remote_name(file), content)


def _check_processed(connection: Connection, file_id: str) -> None:
    if is_pending(connection.file(file_id)):
        raise FilePending
