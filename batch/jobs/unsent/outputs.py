"""What became of the items of a job, and of its rows for which nothing was sent."""

from ...files.unpaid import COPY
from ...outcomes.outcome_files import FetchedOutput
from ..job import Job
from ..submissions import fetched, note_fetched
from .copies import FIRSTS, spread


def fetched_outputs(job: Job) -> list[FetchedOutput]:
    """What was fetched of a job, in the order of rounds and selections; before it what was known already."""
    files = [*job.unsent(), *job.input_files()]
    return [output for file in files if (output := fetched(file)) is not None]


def all_outputs(job: Job) -> list[FetchedOutput]:
    """The same, once the rows that were not sent have the answers of those that were sent for them."""
    sent = [output for output in fetched_outputs(job) if output.batch.id != COPY]
    for file in job.unsent():
        if file.files.exists(FIRSTS) and (output := spread(file, sent, job.request.answer_type)) is not None:
            note_fetched(file.files, output)
    return fetched_outputs(job)
