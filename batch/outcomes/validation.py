"""Why OpenAI's validation refused a batch, told apart by what is to be done about it.

| codes | reason | what is done |
|---|---|---|
| `token_limit_exceeded` | no room | its pieces, or itself, when there may be room again: `batch/flight/cuts.py` |
| "Cannot find file" | no file | the next attempt, with a new upload; after the third its rows go again |
| `model_not_found` and its like | model | the job stops: nothing more is sent |
| `insufficient_quota`, `billing_hard_limit_reached` | quota | the job stops |
| lines are named | lines | those are taken out and named, the rest goes on |
| anything else | other | its rows have failed; without any error they go again |
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from ..files.batches import Batch, BatchError
from ..files.input_files import InputFile, items_of
from ..files.lines import together
from ..files.pieces import REST, lines_to_send, write_pieces
from .by_row.without_lines import NOT_FOUND, validation_failed
from .outcome import Outcome
from .outcome_files import FetchedOutput, write_found


class Reason(StrEnum):
    """What is to be done about a batch that failed at validation."""

    NO_ROOM = "no room"
    NO_FILE = "no file"
    MODEL = "model"
    QUOTA = "quota"
    LINES = "lines"
    OTHER = "other"


_BY_CODE = {
    "token_limit_exceeded": Reason.NO_ROOM,
    "model_not_found": Reason.MODEL,
    "model_not_supported": Reason.MODEL,
    "insufficient_quota": Reason.QUOTA,
    "billing_hard_limit_reached": Reason.QUOTA,
}


def why_refused(errors: Sequence[BatchError]) -> Reason:
    """The reason that the first telling error gives."""
    for error in errors:
        if error.code in _BY_CODE:
            return _BY_CODE[error.code]
    if any(NOT_FOUND in (error.message or "") for error in errors):
        return Reason.NO_FILE
    return Reason.LINES if any(error.line is not None for error in errors) else Reason.OTHER


def kept_lines(file: InputFile, refused: Mapping[int, Outcome]) -> list[InputFile]:
    """The lines that validation did not refuse, as input files of the same round; none where it refused all.

    Args:
        file: What was sent.
        refused: The outcomes of the lines that were refused, by their place, counted from 0.
    """
    kept = (line for place, line in enumerate(lines_to_send(file)) if place not in refused)
    return write_pieces(file, REST, together(kept))


def refused_lines(errors: Iterable[BatchError]) -> dict[int, Outcome]:
    """The outcomes of the lines that a batch's errors name, by their place, counted from 0."""
    return {error.line - 1: validation_failed(error.code, error.message) for error in errors if error.line}


def note_refused(file: InputFile, batch: Batch, refused: Mapping[int, Outcome]) -> FetchedOutput:
    """Write the outcomes of the refused lines of an input file; what becomes of the others, other files tell."""
    named = (
        (row, custom_id, refused[place])
        for place, (row, custom_id) in enumerate(items_of(file))
        if place in refused
    )
    return write_found(batch, file.endpoint, named, file.files)
