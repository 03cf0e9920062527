"""Upload input files."""

from ...batch.files.identity import remote_name
from ...batch.files.input_files import INPUT, InputFile
from ...batch.jobs.submissions import note_upload
from .connection import Connection
from .tries import UPLOADING


def upload(connection: Connection, file: InputFile) -> str:
    """Upload an input file, streamed, and return its id; a repeated upload costs nothing."""
    return UPLOADING.call(_upload, connection, file)


def _upload(connection: Connection, file: InputFile) -> str:
    note_upload(file)
    with file.files.open(INPUT) as content:
        return connection.upload(remote_name(file), content)
