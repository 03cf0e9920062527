"""Read what a batch gave, until its files tell of every item that it says it finished."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
from openai import APIError

from ...batch.errors import BatchUnknown, DownloadBroken, RequestError
from ...batch.files.batches import Batch
from ...batch.files.output_files import OutputLines
from ...batch.outcomes.answers import endpoint_of
from ...batch.outcomes.kept.kept_outcomes import name_of_try
from ...batch.outcomes.outcome import response_of
from ...batch.outcomes.outcome_files import FetchedOutput, write_outcomes
from ...batch.requests.endpoints import Endpoint
from ...batch.schemas.answer_types import AnswerType
from ...batch.storage.folders import Folder
from ...batch.storage.scratch import scratch_folder
from .connection import Connection
from .downloads import download_lines
from .tries import REREADING, pause

log = logging.getLogger(__name__)

Keep = Callable[[FetchedOutput, Sequence[Path]], object]
"""Keeps answers for other jobs: of what became of a batch's items, and its files."""


@dataclass(frozen=True)
class Sent:
    """What a batch was sent, as far as that is known: where to, and the items anew at each call."""

    endpoint: Endpoint | None
    items: Callable[[], pa.Table] | None


def read_output(
    connection: Connection,
    batch: Batch,
    sent: Sent,
    folder: Folder,
    *,
    keep_response: bool,
    answer: AnswerType | None = None,
    keep: Keep | None = None,
) -> FetchedOutput:
    """Download a batch's files, and write what became of its items to a folder.

    Where the files tell of fewer items than the batch says it finished, all is read again; what is untold then
    stays so, and the output says how many are `unread`. What keeps answers for other jobs hears of each reading.
    They have a name of their own there: another process, which may have read more, loses nothing.
    A whole line whose response cannot be read is not read again.

    Raises:
        DownloadBroken: a file came cut off, again and again, and not every item is told of.
        RequestError: there is no telling where the items were sent.
    """
    name = name_of_try()
    try:
        read = partial(_read, connection, sent, folder, name, keep_response, answer, keep)
        output = _read_whole(connection, batch, read)
    except BaseException:
        with suppress(Exception):  # why it broke off is what is told
            folder.remove_file(name)
        raise
    if not output.all_read and _has_files(batch):
        log.warning("%s Its files are kept until they expire", _unread(output))
    return output


def _read_whole(connection: Connection, batch: Batch, read: Callable[[Batch], FetchedOutput]) -> FetchedOutput:
    """Read everything until the files tell of what the batch says, as often as is worth it."""
    for seconds in REREADING.pauses:
        output = read(batch)
        if not (output.unread and _has_files(batch)):  # for files that do not come it was waited before its end
            return output
        log.warning("%s Read again in %.0f s", _unread(output), seconds)
        pause(seconds)
        with suppress(APIError, BatchUnknown):  # its files and counts may have come late
            batch = connection.batch(batch.id, batch.input_file)
    return read(batch)


def _has_files(batch: Batch) -> bool:
    return bool(batch.output_file_id or batch.error_file_id)


def _unread(output: FetchedOutput) -> str:
    told = f"nothing of {output.unread:,} items that it says it finished" if output.unread else ""
    shapeless = f"{output.shapeless:,} responses that cannot be read" if output.shapeless else ""
    return f"The files of {output.batch.id} tell {' and '.join(filter(None, (told, shapeless)))}."


def _read(
    connection: Connection,
    sent: Sent,
    folder: Folder,
    name: str,
    keep_response: bool,
    answer: AnswerType | None,
    keep: Keep | None,
    batch: Batch,
) -> FetchedOutput:
    """Read everything once; a file that stays cut off is good enough where every item sent is told of."""
    cut_off: DownloadBroken | None = None
    with scratch_folder() as scratch:
        paths = {Path(scratch) / "output": batch.output_file_id, Path(scratch) / "error": batch.error_file_id}
        for path, file_id in paths.items():
            try:
                if file_id is not None:
                    download_lines(connection, file_id, path, batch.id)
            except DownloadBroken as error:
                cut_off = error
        came = [path for path in paths if path.exists()]
        if cut_off and not (came and sent.items):
            raise cut_off
        endpoint = sent.endpoint or _told_endpoint(batch, came)
        items = sent.items() if sent.items else None
        output = write_outcomes(
            *(batch, endpoint, items, came, folder),
            keep_response=keep_response,
            answer=answer,
            hide=connection.hide,
            name=name,
        )
        if keep is not None:
            keep(output, came)
    if cut_off and output.untold:
        raise cut_off
    return output


def _told_endpoint(batch: Batch, paths: list[Path]) -> Endpoint:
    """The endpoint that the answers show."""
    with OutputLines(paths) as lines:
        responses = (response for position, _ in lines if (response := response_of(lines.read(position))))
        shown = next((found for response in responses if (found := endpoint_of(response[1]))), None)
    if shown is None:
        raise RequestError(
            f"The batch {batch.id} is of no endpoint that is known here: it names {batch.endpoint!r}, and neither "
            "its input file nor its answers show another."
        )
    return shown
