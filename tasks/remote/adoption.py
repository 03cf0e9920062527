"""Adopt listed batches: a start that has lost its job's folder records what an earlier one has created."""

from collections.abc import Iterable, Sequence

from ...batch.errors import JobKeyError
from ...batch.files.batches import Batch
from ...batch.files.identity import identity_of, with_identity
from ...batch.files.input_files import InputFile
from ...batch.files.pieces import cuts_listed, listed_pieces
from ...batch.jobs.job import Job
from ...batch.jobs.submissions import note_submission
from ...batch.outcomes.validation import Reason, why_refused
from .connection import Connection
from .twins import keep_one


def adopt_listed(
    connection: Connection, job: Job, listed: Sequence[Batch], files: Iterable[InputFile]
) -> list[str]:
    """Record the batches of these input files that are listed, none of which has a record or a claim here.

    A batch that failed at validation is adopted only where pieces of its input file are listed: they are made
    again then, and adopted too, for to send the whole once more would be to pay for them twice.

    Returns:
        The ids of the adopted batches.

    Raises:
        JobKeyError: a batch has ended, and its output is deleted.
    """
    found = [(file, batches) for file in files if (batches := _batches_of(file, listed))]
    for _, batches in found:
        _refuse_deleted(connection, job, batches[0])
    return [
        note_submission(file, keep_one(connection, file, batches) if len(batches) > 1 else batches[0]).id
        for file, batches in found
    ]


def _batches_of(file: InputFile, listed: Sequence[Batch]) -> list[Batch]:
    """The batches of an input file, the one that stays first; or the refused one that gave way to pieces."""
    found = with_identity(listed, identity_of(file))
    if found or not listed_pieces(file, listed):
        return found
    reason = Reason.LINES if cuts_listed(file, listed) is None else Reason.NO_ROOM
    refused = (batch for batch in listed if identity_of(file).items() <= batch.metadata.items())
    return [batch for batch in refused if why_refused(batch.errors) == reason][:1]


def _refuse_deleted(connection: Connection, job: Job, batch: Batch) -> None:
    """A batch whose output was deleted was paid for and fetched: to send its items again would be to pay twice."""
    for file_id in (batch.output_file_id, batch.error_file_id):
        if file_id is not None and not connection.has_file(file_id):
            raise JobKeyError(
                f"The job {job.key!r} was done before: its batch {batch.id} has ended and its output is deleted. "
                "Its results went to the destination of the run that did it, perhaps with another `storage`. "
                "Choose another job key to pay for the answers again.",
                job_key=job.key,
            )
