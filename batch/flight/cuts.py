"""What goes on of an input file that found no room among its model's enqueued tokens: itself, or its pieces.

The pieces are recorded before any of them is sent, so that every start finds the same ones.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

from ..files.batches import Batch, BatchError
from ..files.identity import enqueued_tokens
from ..files.input_files import InputFile
from ..files.lines import together
from ..files.pieces import CUT, lines_to_send, write_pieces
from ..jobs.job import Built, Job
from ..jobs.submissions import note_fetched
from ..limits import FILES_IN_A_BOUND, Limits
from ..outcomes.validation import note_refused

MOST_CUTS = 4
"""How often a file is cut to fit beside others' batches: where they take all the room, no piece would.

Where the limit is known, once: what is a tenth of it finds room as soon as there is any."""

MOST_REFUSALS = 3
"""How often a single item that may be over the limit is refused, in the end with nothing of ours beside it."""

_LIMIT = re.compile(r"[Ll]imit: ([\d,]+) enqueued tokens|configured limit of (\d[\d,]*(?:\.\d+)?)([KMB]?)\b")
"""In OpenAI's words, and in Azure's."""

_TIMES = {"": 1, "K": 1_000, "M": 1_000_000, "B": 1_000_000_000}


def told_limit(errors: Sequence[BatchError]) -> int | None:
    """The limit on enqueued tokens that a refusal names; None where it names none, or 0."""
    found = filter(None, (_LIMIT.search(error.message or "") for error in errors))
    return next((_number(match[1] or match[2], match[3] or "") for match in found), 0) or None


def _number(text: str, unit: str) -> int:
    return int(Decimal(text.replace(",", "") or 0) * _TIMES[unit])


def pieces_of(file: InputFile, limit: int | None, *, alone: bool, refusals: int = 1) -> int:
    """Into how many pieces a file is cut that found no room.

    Where the limit is known each takes such a part of it as files that are built under a bound: a larger one would
    wait for as long as others, whose batches free less at once, have more to send.

    Args:
        file: What was refused.
        limit: The limit on enqueued tokens, where it is known.
        alone: Whether no other batch of ours can have taken the room; one that we do not see still can.
        refusals: How often it found none, this time too.

    Returns:
        1: it goes again as it is, for others may hold the room; 0: it never fits, and is a single item.
    """
    tokens, most = enqueued_tokens(file), file.tokens.most_input
    may_be_over = limit is None or most is None or most > limit
    if file.items == 1:
        surely_over = limit is not None and file.tokens.least_input > limit
        return 0 if surely_over or (alone and may_be_over and refusals >= MOST_REFUSALS) else 1
    if limit is not None and tokens * FILES_IN_A_BOUND > limit:
        return min(file.items, -(-tokens * FILES_IN_A_BOUND // limit))
    most_cuts = MOST_CUTS if limit is None else 1
    return 2 if (alone and may_be_over) or cuts_of(file) < most_cuts else 1


def cuts_of(file: InputFile) -> int:
    """How often what an input file is a piece of was cut."""
    return file.name.count(CUT)


def recorded_pieces(job: Job, file: InputFile, kind: str) -> list[InputFile]:
    """The pieces of a kind of an input file, once they are recorded."""
    built = job.round_folder(file.round).read_settled(f"{file.name}{kind}.json", Built)
    return [] if built is None else list(built.input_files)


def record_pieces(job: Job, file: InputFile, kind: str, made: Sequence[InputFile]) -> list[InputFile]:
    """Record the pieces of an input file, all at once; what is sent from now on: who was first made it."""
    built = job.round_folder(file.round).write_first(f"{file.name}{kind}.json", Built(input_files=tuple(made)))
    return list(built.input_files)


def cut(file: InputFile, pieces: int) -> list[InputFile]:
    """Cut an input file into so many pieces, of which none is sent before all are recorded."""
    limits = Limits(items=-(-file.items // pieces))
    return write_pieces(file, f"{CUT}{pieces}", together(lines_to_send(file)), limits)


def note_cut(file: InputFile, batch: Batch) -> None:
    """Record that nothing more comes of an input file: what becomes of its items, its pieces tell."""
    note_fetched(file.files, note_refused(file, batch, {}))
