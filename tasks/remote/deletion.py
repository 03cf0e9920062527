"""Delete what is left of a job at OpenAI, answers last."""

from collections.abc import Container, Iterable, Sequence

from ...batch.files.batches import Batch
from ...batch.side_by_side import side_by_side
from .connection import Connection


def delete_files(
    connection: Connection, uploads: Iterable[str], batches: Sequence[Batch], needed: Container[str] = ()
) -> tuple[list[str], list[str]]:
    """Delete these uploads and the files of these batches, but for those that are needed.

    Answers go last: as long as they are there, a start that knows nothing of this one can fetch them again.

    Returns:
        The ids of those that are gone, and of those that may not be deleted: they expire.
    """
    inputs = dict.fromkeys([*uploads, *(batch.input_file_id for batch in batches if batch.input_file_id)])
    answers = dict.fromkeys(file_id for batch in batches for file_id in batch.file_ids if file_id not in inputs)
    removed: list[str] = []
    left: list[str] = []
    for group in (inputs, answers):
        wanted = [file_id for file_id in group if file_id not in needed]
        for file_id, is_gone in side_by_side(connection.delete_file, wanted):
            (removed if is_gone else left).append(file_id)
    return removed, left
