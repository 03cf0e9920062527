"""Delete what is left of a job at OpenAI, answers last."""

from collections.abc import Container, Iterable, Sequence

from ...batch.files.batches import Batch
from .connection import Connection


def delete_files(
    connection: Connection, uploads: Iterable[str], batches: Sequence[Batch], needed: Container[str] = ()
) -> tuple[list[str], list[str]]:
    """Delete these uploads and the files of these batches, but for those that are needed.

    Answers go last: as long as they are there, a start that knows nothing of this one can fetch them again.

    Returns:
        The ids of those that are gone, and of those that may not be deleted: they expire.
    """
    inputs = [batch.input_file_id for batch in batches if batch.input_file_id]
    everything = [file_id for batch in batches for file_id in batch.file_ids]
    removed: list[str] = []
    left: list[str] = []
    for file_id in dict.fromkeys([*uploads, *inputs, *everything]):
        if file_id not in needed:
            (removed if connection.delete_file(file_id) else left).append(file_id)
    return removed, left
