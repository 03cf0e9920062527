"""Input files brought to OpenAI side by side."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from openai import APIStatusError
from prefect import get_run_logger
from prefect.task_runners import ThreadPoolTaskRunner

from ...batch import clock
from ...batch.files.batches import Batch
from ...batch.files.input_files import InputFile
from ...batch.files.pieces import in_words
from ...batch.jobs.submissions import Refusals, begun, put_off
from ...batch.outcomes.outcome import OUT_OF_QUOTA
from ...tasks import submit_in_room
from ...tasks.cancel import find_claimed
from ...tasks.remote.tries import kind_of, may_pass, pauses_end_with_it
from ..job_run import JobRun

UPLOADS = 4
"""Input files that are uploaded at once."""

AWAY_SECONDS = 120.0
"""So long a suspended run sends nothing to an OpenAI that took nothing from it."""

Note = Callable[[InputFile, Batch], None]


class Held(NamedTuple):
    """Input files that wait on: there is no room for them any more, or OpenAI takes none for now."""

    without_room: list[InputFile]
    for_now: list[InputFile]


def submit_files(
    job_run: JobRun,
    files: list[InputFile],
    bound: Callable[[InputFile], int | None],
    note: Note,
    refused: Mapping[str, Refusals],
    *,
    patient: bool = False,
) -> Held:
    """Submit these side by side, the first of them in this thread; an error is raised when all are done.

    That is no work for the flow's engine, whose processes may be busy for long.

    Args:
        job_run: The run of their job.
        files: Input files without a batch.
        bound: The most tokens of an input file's model in open batches, where it waits for room.
        note: Hears of each that has its batch.
        refused: What was refused of each before, by its folder: its result is called by it.
        patient: Whether what may pass is no error: an hour's batches are used up, or OpenAI is away.
    """
    wishes: dict[str, Any] = {
        "credentials": job_run.credentials,
        "settle_seconds": job_run.options.settle_seconds,
    }
    names = [_name(file, refused[file.folder]) for file in files]
    calls = [
        (job_run.task(submit_in_room, name), {"file": file, "max_enqueued_tokens": bound(file), **wishes})
        for name, file in zip(names, files, strict=True)
    ]
    threads: ThreadPoolTaskRunner[Batch | None] = ThreadPoolTaskRunner(max_workers=UPLOADS)
    with threads as side_by_side, pauses_end_with_it():
        others = [side_by_side.submit(*call).result for call in calls[1:]]
        (submit, asked), *_ = calls
        results: list[Callable[[], Batch | None]] = [partial(submit, **asked), *others]
        failed: list[Exception] = []
        held = Held([], [])
        for file, result in zip(files, results, strict=True):
            try:
                _take_up(job_run, file, result, note, held, patient=patient)
            except Exception as error:
                failed.append(error)
    if failed:
        raise failed[0]
    return held


def note_claimed(job_run: JobRun, files: list[InputFile], note: Note) -> None:
    """Look for the batches of input files that are sent no more: the creation of some may have got no answer."""
    sent, options = begun(job_run.job.files / "rounds", files), job_run.options
    for batch in find_claimed(sent, settle_seconds=options.settle_seconds, credentials=job_run.credentials):
        if batch.input_file is not None:
            note(batch.input_file, batch)


def _take_up(
    job_run: JobRun,
    file: InputFile,
    result: Callable[[], Batch | None],
    note: Note,
    held: Held,
    *,
    patient: bool,
) -> None:
    """Note the batch of one of them, or why it waits on.

    Raises:
        Exception: it failed, and that is no reason to wait.
    """
    try:
        batch = result()
    except Exception as error:
        if isinstance(error, APIStatusError) and error.code in OUT_OF_QUOTA:
            job_run.job.stop("insufficient_quota", error.message)
        elif patient and may_pass(error):
            get_run_logger().warning("%s goes later: %s", in_words(file).capitalize(), kind_of(error))
            held.for_now.append(file)
            if job_run.options.wait == "suspend":  # `wake` sees by it that there is something to send
                put_off(file, clock.now() + AWAY_SECONDS)
        else:
            raise
        return
    if batch is None:
        held.without_room.append(file)
    else:
        note(file, batch)


def _name(file: InputFile, refused: Refusals) -> str:
    return f"round-{file.round}/{file.name}/submitted-{len(refused.batches) + 1}"
