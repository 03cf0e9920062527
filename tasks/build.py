"""Build the items of a selection of rows."""

from prefect import task

from ..batch.files.input_files import InputFile
from ..batch.jobs.building import build_selection
from ..batch.jobs.job import Selection, load_job
from ..batch.storage.awaiting import storage_awaited
from ..blocks.databases import open_store_of
from .options import KEPT_AS_JSON
from .remote.tries import pause_for_storage
from .shown.run_names import named


@task(name="build-items", task_run_name=named("build"), **KEPT_AS_JSON)
def build_items(selection: Selection) -> tuple[InputFile, ...]:
    """Build the input files of a selection, cut at OpenAI's limits, each of one model and one endpoint.

    Those that are built already are not built again: an engine may call it twice. Rows whose answers the job's
    answer store has are in none of them.

    Raises:
        Refused: a row makes no item, or one that no input file may hold; the message names the row.
        StorageNotShared: the job folder is not here.
        DatabaseError: the answer store cannot be reached, or is not here: without it all rows would be paid again.

    Example:
        ```python
        from prefect_openai_batch import build_items, open_job, plan_round, read_source

        job = open_job("reviews.csv", "label_reviews.yaml", job_key="reviews", storage="jobs")
        read_source(job)
        files = [file for selection in plan_round(job) for file in build_items(selection)]
        ```
    """
    with storage_awaited(pause_for_storage):  # an engine's process knows nothing of the flow's patience
        job = load_job(selection.job_folder)
        if job.answers is None:  # whether they are built is looked at there
            return build_selection(job, selection)
        built = job.built(selection)
        if built is not None:
            return built
        with open_store_of(job.answers) as store:
            return build_selection(job, selection, store=store)
