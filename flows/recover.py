"""The answers of a job whose folder is lost."""

from prefect import flow

from ..batch.files.batches import Batch
from ..batch.files.identity import round_of
from ..batch.jobs.options import USUAL, RunOptions
from ..batch.jobs.recovery import write_recovered
from ..batch.storage.locations import absolute
from ..batch.tables.destinations import check_destination
from ..tasks import (
    clean_up,
    fetch_output,
    find_job_batches,
    recognise_recovered,
    sensor_options,
    wait_for_batches,
)
from ..tasks.remote.tries import pauses_end_with_it
from .defaults import begun_at, current_run, with_schedule
from .job import TASK_RUNNER
from .own_parameters import as_we_take_them
from .places import check_places
from .shown.run_names import run_name


@as_we_take_them
@flow(
    name="openai-batch-recover",
    flow_run_name=run_name,
    persist_result=True,
    result_serializer="json",
    task_runner=TASK_RUNNER,
)
def recover_job(
    job_key: str,
    destination: str,
    *,
    credentials: str | None = None,
    keep_response: bool = False,
    options: RunOptions = USUAL,
) -> int:
    """Write the answers of a job whose folder is lost, from what OpenAI still knows of it.

    The rows themselves are lost with the folder: the table holds custom_id, outcome, answer and so on, one line an
    item, in the order in which they were sent. Start the job's flow again with the same key to have its rows too.

    Args:
        job_key: The job's key.
        destination: A path or URL for the table, whose ending names the format.
        credentials: The name of a credentials block; empty: OpenAI's environment variables.
        keep_response: Whether whole bodies are written too.
        options: As in openai_batch; what counts of them is how often it looks.

    Returns:
        How many items there are.

    Raises:
        JobKeyError: OpenAI lists no batch of this key.
        DestinationError: the destination cannot be written, or another table is there. The table that an earlier
            start has written stays, and its clean-up is finished.
        Refused: the destination is a relative path, and the run is deployed.

    Example:
        ```python
        from prefect_openai_batch import recover_job

        items = recover_job("reviews", "answers.csv")
        ```
    """
    destination = with_schedule(destination, begun_at(current_run()))
    check_places(destination=destination)
    batches = find_job_batches(job_key, credentials=credentials)
    items = recognise_recovered(batches, destination, credentials=credentials)
    if items is not None:
        for batch in batches:
            clean_up(batch, credentials=credentials)
        return items
    check_destination(absolute(destination), "refuse")
    ended = _wait_for_all(batches, options, credentials)
    return _write_answers(ended, destination, credentials, keep_response=keep_response)


def _wait_for_all(batches: list[Batch], options: RunOptions, credentials: str | None) -> list[Batch]:
    """The batches as they ended, in their order."""
    ended: dict[str, Batch] = {}
    while opened := [batch for batch in batches if batch.id not in ended]:
        retries = sensor_options(
            min(batch.created_at or 0 for batch in opened),
            poll_seconds=options.poll_seconds,
            max_poll_seconds=options.max_poll_seconds,
        )
        found = wait_for_batches.with_options(**retries)(opened, credentials=credentials)
        ended |= {batch.id: batch for batch in found}
    return [ended[batch.id] for batch in batches]


def _write_answers(batches: list[Batch], destination: str, credentials: str | None, *, keep_response: bool) -> int:
    """Fetch what the batches gave, write it, and delete the files of which nothing is unread."""
    with pauses_end_with_it():
        futures = [
            fetch_output.submit(batch, keep_response=keep_response, credentials=credentials) for batch in batches
        ]
        outputs = [(round_of(batch), future.result()) for batch, future in zip(batches, futures, strict=True)]
    items = write_recovered(outputs, destination, keep_response=keep_response)
    for _, output in outputs:
        if output.all_read:
            clean_up(output.batch, credentials=credentials)
        output.files.remove()
    return items
