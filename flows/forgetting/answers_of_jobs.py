"""What an answer store keeps of a job."""

from ...batch.errors import DatabaseError
from ...batch.jobs.job import Job
from ...batch.words import counted
from ...blocks.databases import open_store_of


def check_store(job: Job, *, without_store: bool) -> None:
    """Refuse to forget a job whose answer store cannot be asked, unless it is to be forgotten all the same.

    Raises:
        DatabaseError: the store cannot be reached, is not here, or is another one by now.
    """
    if job.answers is None or without_store:
        return
    try:
        open_store_of(job.answers).engine.dispose()
    except DatabaseError as error:
        raise type(error)(
            f"The job {job.key!r} is not forgotten, for its answers are in a store that cannot be asked. {error} "
            f"Where that is gone for good, `forget {job.key} --without-store` (`without_store=True`) forgets "
            "the rest.",
            **error.details,
        ) from None


def forget_answers(job: Job, *, without_store: bool) -> list[str]:
    """Remove what a job has kept in its answer store; what is removed, or stays, in words, a line each.

    Raises:
        DatabaseError: the store cannot be asked, and the job is not to be forgotten without it.
    """
    if job.answers is None:
        return []
    name = job.answers.keeper_of(job.key).name
    try:
        with open_store_of(job.answers) as store:
            from ...batch.answer_store.housekeeping import forget_keeper

            removed = forget_keeper(store, name)
    except DatabaseError:
        if not without_store:
            raise
        return [
            f"stays: what the answer store {job.answers.store} has of it, which could not be asked; should that "
            f"come back, `prefect-openai-batch answers forget --job {name} --answers {job.answers.store}` removes "
            "it"
        ]
    return [f"removed: {counted(removed, 'answer')} in the answer store"] if removed else []
