"""Pieces: input files made of another one's lines, and sent in its place: its cuts, or what validation left of it.

Their names begin with its name and say how they were made, so that a start that has lost the folder and finds
their batches listed can make the same ones again. A whole's own batch failed at validation, and is over.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import orjson

from ..limits import Limits
from ..storage.folders import Folder
from .batches import Batch, BatchStatus
from .identity import input_digest_of, input_name_of, round_of
from .input_files import INPUT, InputFile, InputFileWriter, items_of
from .lines import Line, Lines
from .token_sizes import item_tokens

REST = "-rest"
"""In the names of input files that hold what validation left of others."""

CUT = "-cut"
"""In the names of input files that are cuts of others; behind it stands into how many."""

_KIND = re.compile(rf"{REST}|{CUT}")


def is_piece(name: str) -> bool:
    """Whether an input file of this name is made of another one."""
    return _KIND.search(name) is not None


def whole_name(name: str) -> str:
    """The name of the input file of which this one was made in the end, over all pieces of pieces."""
    return _KIND.split(name)[0]


def in_words(file: InputFile) -> str:
    """Which input file it is, for a person: `round 1 · file 3`, of the second of that selection `file 3.2`."""
    found = re.match(r"(\d+)-(\d+)", file.name)
    if found is None or file.job_key is None:
        return "items made by hand"
    part, number = (int(digits) + 1 for digits in found.groups())
    pieces = re.findall(rf"({REST}|{CUT})(\d*)-(\d+)", file.name)
    made = (f", piece {int(index) + 1} of {into}" if kind == CUT else ", the rest" for kind, into, index in pieces)
    return f"round {file.round} · file {part}{f'.{number}' if number > 1 else ''}{''.join(made)}"


def not_in_pieces(files: Sequence[InputFile]) -> list[InputFile]:
    """The input files of which no others are made."""
    in_pieces = {(file.round, _made_of(file.name)) for file in files}
    return [file for file in files if (file.round, file.name) not in in_pieces]


def _made_of(name: str) -> str:
    """The name of the input file whose lines one of this name holds; empty where there is none."""
    return max((name.rpartition(kind)[0] for kind in (REST, CUT)), key=len)


def lines_to_send(file: InputFile) -> Iterator[Line]:
    """The lines of an input file, each with the tokens it takes."""
    with file.files.open(INPUT) as lines:
        for (row, custom_id), content in zip(items_of(file), lines, strict=True):
            tokens = item_tokens(file.endpoint, orjson.loads(content)["body"])
            yield Line(row, custom_id, file.model, content, 0, *tokens)


def write_pieces(
    file: InputFile, kind: str, lines: Iterable[Lines], limits: Limits | None = None
) -> list[InputFile]:
    """Write lines of an input file as its pieces of a kind: `REST`, or `CUT` and into how many."""
    writer = InputFileWriter(
        Folder(file.folder.rpartition("/")[0]),
        f"{file.name}{kind}",
        file.endpoint,
        job_key=file.job_key,
        round_number=file.round,
        contested=file.contested,
        limits=limits,
    )
    return writer.write(lines)


def listed_pieces(file: InputFile, listed: Iterable[Batch]) -> list[Batch]:
    """The batches of an input file's pieces, and of their own ones, that were taken; of a list of its job's."""
    return [
        batch
        for batch in listed
        if batch.status != BatchStatus.FAILED
        and round_of(batch) == file.round
        and input_name_of(batch).startswith((f"{file.name}{REST}", f"{file.name}{CUT}"))
    ]


def cuts_listed(file: InputFile, listed: Iterable[Batch]) -> int | None:
    """Into how many pieces an input file was cut, as their batches tell; None where it was not."""
    form = re.compile(rf"{re.escape(file.name)}{CUT}(\d+)-")
    found = (form.match(input_name_of(batch)) for batch in listed_pieces(file, listed))
    return next((int(match[1]) for match in found if match), None)


def wholes_listed(listed: Iterable[Batch]) -> dict[tuple[int, str], set[str]]:
    """The digests of the input files of which batches are listed, by round and name."""
    digests: dict[tuple[int, str], set[str]] = {}
    for batch in listed:
        digests.setdefault((round_of(batch), input_name_of(batch)), set()).add(input_digest_of(batch))
    return digests
