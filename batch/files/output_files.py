r"""Output and error files: lines in no order, read tolerantly.

Lines are split on the byte `\\n` alone: an answer may hold U+2028 and its like.
"""

import json
import math
import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import orjson

Integers = npt.NDArray[np.int64]

_CUSTOM_ID_FIRST = re.compile(rb'\{"id": ?"[^"\\]*", ?"custom_id": ?"([^"\\]*)", ?"response"')
"""How OpenAI's lines begin; any other line is parsed whole for its custom_id."""

_HALF = re.compile("[\ud800-\udfff]")
"""Half of an emoji: no custom_id that can be sent holds one, and the question mark in its place might be ours."""

_UNREADABLE = (ValueError, RecursionError)

BROKEN_LINE = "broken_line"
"""The error's code in place of a line that is no JSON."""

CHUNK_BYTES = 1_000_000
"""About how much is read at once: fifty vectors that come as numbers, and what they become stays in the cache."""


class OutputLines:
    """The lines of a batch's output and error files, as they lie there, one file behind the other.

    A line's position is the byte at which its chunk begins, counted from the beginning of the first file, and its
    number in the chunk added to that. At which byte it begins itself is seldom asked, and found out then.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._closing = ExitStack()
        self._files = [self._closing.enter_context(path.open("rb")) for path in paths]
        sizes = (os.fstat(file.fileno()).st_size for file in self._files)
        self._starts = list(accumulate(sizes, initial=0))
        self._chunks: list[int] = []
        self._offsets: dict[int, Integers] = {}

    def __enter__(self) -> "OutputLines":
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Each line with its position."""
        for position, chunk in self.chunks():
            yield from enumerate(lines_of(chunk), position)

    def chunks(self) -> Iterator[tuple[int, bytes]]:
        """Some whole lines at a time, and the position of the first."""
        self._chunks.clear()
        for start, file in zip(self._starts, self._files, strict=False):
            begin = 0
            while chunk := _chunk_at(file, begin):
                self._chunks.append(start + begin)
                yield start + begin, chunk
                begin += len(chunk)

    def read(self, position: int) -> Mapping[str, Any]:
        """The line at a position, parsed; one that is no JSON names `BROKEN_LINE`."""
        chunk = self._chunks[bisect_right(self._chunks, position) - 1]
        number = bisect_right(self._starts, chunk) - 1
        file, begin = self._files[number], chunk - self._starts[number]
        if chunk not in self._offsets:
            self._offsets[chunk] = _offsets_in(_chunk_at(file, begin))
        file.seek(begin + int(self._offsets[chunk][position - chunk]))
        try:
            line = parse_line(file.readline())
        except _UNREADABLE as error:
            return {"error": {"code": BROKEN_LINE, "message": f"The line is not JSON: {error}"}}
        return line if isinstance(line, dict) else {}


def _chunk_at(file: BinaryIO, begin: int) -> bytes:
    """Whole lines from a byte on, at which one begins."""
    file.seek(begin + CHUNK_BYTES)
    rest = len(file.readline())
    file.seek(begin)
    return file.read(CHUNK_BYTES + rest)


def _offsets_in(chunk: bytes) -> Integers:
    """At which byte of a chunk each line begins."""
    return np.concatenate([[0], np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n")) + 1])


def lines_of(chunk: bytes) -> list[bytes]:
    """The lines of a chunk, each with its end."""
    return BytesIO(chunk).readlines()


def parse_line(line: bytes) -> Any:
    """A line's JSON, also where it holds what Python writes and JSON does not know.

    That is half of an emoji that an answer was cut in, which becomes a question mark, and NaN, infinities and
    numbers too large for a float, which become null.

    Raises:
        ValueError, RecursionError: it is no JSON of either kind, or nested a thousand deep.
    """
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        text = json.dumps(_parse_leniently(line), ensure_ascii=False)
        return orjson.loads(text.encode("utf-8", "replace"))


def opened(value: Any) -> Any:
    """The object that a JSON text holds; any other value as it is."""
    if not isinstance(value, str):
        return value
    try:
        held = parse_line(value.encode("utf-8", "replace"))
    except _UNREADABLE:
        return value
    return held if isinstance(held, dict) else value


def _parse(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return _parse_leniently(line)


def _parse_leniently(line: bytes) -> Any:
    """A line's JSON as Python reads it, halves of emojis and all."""
    return json.loads(
        line,
        parse_constant=lambda _: None,
        parse_float=lambda digits: _finite(digits, float),
        parse_int=lambda digits: _finite(digits, int),
    )


def _finite(digits: str, kind: Callable[[str], float]) -> float | None:
    return kind(digits) if math.isfinite(float(digits)) else None


def custom_id_of(line: bytes) -> str | None:
    """The custom_id of a line; None where the line is not JSON or has none."""
    match = _CUSTOM_ID_FIRST.match(line)
    if match:
        try:
            return match.group(1).decode()
        except UnicodeDecodeError:
            return None
    try:
        parsed = _parse(line)
    except _UNREADABLE:
        return None
    custom_id = parsed.get("custom_id") if isinstance(parsed, dict) else None
    if type(custom_id) is int:  # some servers make a number of what looks like one
        return str(custom_id)
    return custom_id if isinstance(custom_id, str) and not _HALF.search(custom_id) else None
