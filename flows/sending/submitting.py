"""Input files brought to OpenAI side by side."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from openai import APIStatusError, RateLimitError
from prefect import get_run_logger
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import Task

from ...batch.files.batches import Batch
from ...batch.files.input_files import InputFile
from ...batch.files.pieces import in_words
from ...batch.jobs.submissions import refusals
from ...batch.outcomes.outcome import OUT_OF_QUOTA
from ...tasks import submit_in_room
from ...tasks.remote.tries import pauses_end_with_it
from ..job_run import JobRun

UPLOADS = 4
"""Input files that are uploaded at once."""

Note = Callable[[InputFile, Batch], None]


class Held(NamedTuple):
    """Input files that wait on: there is no room for them any more, or OpenAI takes no more batches for now."""

    without_room: list[InputFile]
    too_many: list[InputFile]


def submit_files(
    job_run: JobRun, files: list[InputFile], bound: Callable[[InputFile], int | None], note: Note
) -> Held:
    """Submit these side by side, the first of them in this thread; an error is raised when all are done.

    That is no work for the flow's engine, whose processes may be busy for long.

    Args:
        job_run: The run of their job.
        files: Input files without a batch.
        bound: The most tokens of an input file's model in open batches, where it waits for room.
        note: Hears of each that has its batch.
    """
    wishes: dict[str, Any] = {
        "credentials": job_run.credentials,
        "settle_seconds": job_run.options.settle_seconds,
    }
    calls = [
        (_submission(job_run, file), {"file": file, "max_enqueued_tokens": bound(file), **wishes})
        for file in files
    ]
    threads: ThreadPoolTaskRunner[Batch | None] = ThreadPoolTaskRunner(max_workers=UPLOADS)
    with threads as side_by_side, pauses_end_with_it():
        others = [side_by_side.submit(*call).result for call in calls[1:]]
        (submit, asked), *_ = calls
        return _note_submissions(job_run, files, [partial(submit, **asked), *others], note)


def _note_submissions(
    job_run: JobRun, files: list[InputFile], results: list[Callable[[], Batch | None]], note: Note
) -> Held:
    failed: list[Exception] = []
    held = Held([], [])
    for file, result in zip(files, results, strict=True):
        try:
            batch = result()
            if batch is None:
                held.without_room.append(file)
            else:
                note(file, batch)
        except APIStatusError as error:
            if error.code in OUT_OF_QUOTA:
                job_run.job.stop("insufficient_quota", error.message)
            elif isinstance(error, RateLimitError):  # as an hour's creations are used up
                get_run_logger().warning("OpenAI takes no more for now (429): %s goes later", in_words(file))
                held.too_many.append(file)
            else:
                failed.append(error)
        except Exception as error:
            failed.append(error)
    if failed:
        raise failed[0]
    return held


def _submission(job_run: JobRun, file: InputFile) -> Task[..., Batch | None]:
    name = f"round-{file.round}/{file.name}/submitted-{len(refusals(file).batches) + 1}"
    return job_run.task(submit_in_room, name)
