"""The answers of a job whose folder is lost."""

from prefect import flow

from ..batch.errors import JobKeyError
from ..batch.files.batches import Batch
from ..batch.files.identity import round_of
from ..batch.jobs.options import USUAL, RunOptions
from ..batch.jobs.recovery import write_recovered
from ..tasks import clean_up, fetch_output, find_job_batches, sensor_options, wait_for_batches
from .job import TASK_RUNNER
from .places import check_places


@flow(name="openai-batch-recover", persist_result=True, result_serializer="json", task_runner=TASK_RUNNER)
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
        Refused: the destination is a relative path, and the run is deployed.

    Example:
        ```python
        from prefect_openai_batch import recover_job

        items = recover_job("reviews", "answers.csv")
        ```
    """
    check_places(destination=destination)
    batches = find_job_batches(job_key, credentials=credentials)
    if not batches:
        raise JobKeyError(f"OpenAI lists no batch of a job {job_key!r}.", job_key=job_key)
    ended: dict[str, Batch] = {}
    while opened := [batch for batch in batches if batch.id not in ended]:
        retries = sensor_options(
            min(batch.created_at or 0 for batch in opened),
            poll_seconds=options.poll_seconds,
            max_poll_seconds=options.max_poll_seconds,
        )
        found = wait_for_batches.with_options(**retries)(opened, credentials=credentials)
        ended |= {batch.id: batch for batch in found}
    futures = [
        fetch_output.submit(ended[batch.id], keep_response=keep_response, credentials=credentials)
        for batch in batches
    ]
    outputs = [(round_of(batch), future.result()) for batch, future in zip(batches, futures, strict=True)]
    items = write_recovered(outputs, destination, keep_response=keep_response)
    for batch in ended.values():
        clean_up(batch, credentials=credentials)
    for _, output in outputs:
        output.files.remove()
    return items
