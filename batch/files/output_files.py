r"""Output and error files: unordered lines put in the order of the rows, in bounded memory.

One pass notes where each custom_id's lines lie, a second reads them in the rows' order and writes the outcomes
by row groups. Lines are split on the byte `\\n` alone: an answer may hold U+2028 and its like.
"""

import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import orjson

_CUSTOM_ID_FIRST = re.compile(rb'\{"id": ?"[^"\\]*", ?"custom_id": ?"([^"\\]*)", ?"response"')
"""How OpenAI's lines begin; any other line is parsed whole for its custom_id."""

_HALF = re.compile("[\ud800-\udfff]")
"""Half of an emoji: no custom_id that can be sent holds one, and the question mark in its place might be ours."""

_UNREADABLE = (ValueError, RecursionError)

BROKEN_LINE = "broken_line"
"""The error's code in place of a line that is no JSON."""

_Place = tuple[int, int, int]
"""Where a line lies: which file, its offset and its length in bytes."""


class OutputLines:
    """The lines of a batch's output and error files, found by custom_id."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._places: dict[str, _Place] = {}
        self._doubled: dict[str, list[_Place]] = {}
        self._closing = ExitStack()
        self._files: list[IO[bytes]] = []
        for path in paths:
            self._index(self._closing.enter_context(path.open("rb")))

    def __enter__(self) -> "OutputLines":
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _index(self, file: IO[bytes]) -> None:
        number, offset, places = len(self._files), 0, self._places
        self._files.append(file)
        for line in file:
            custom_id = custom_id_of(line)
            if custom_id is not None:
                place = (number, offset, len(line))
                first = places.setdefault(custom_id, place)
                if first is not place:
                    self._doubled.setdefault(custom_id, [first]).append(place)
            offset += len(line)

    def custom_ids(self) -> Iterator[str]:
        """Every custom_id of the files, in the order of first appearance."""
        yield from self._places

    def lines_of(self, custom_id: str) -> list[Mapping[str, Any]]:
        """Every line of an item, parsed, in the order of the files; one that is no JSON names `BROKEN_LINE`."""
        place = self._places.get(custom_id)
        if place is None:
            return []
        return [self._read(one) for one in self._doubled.get(custom_id) or (place,)]

    def _read(self, place: _Place) -> Mapping[str, Any]:
        number, offset, length = place
        content = os.pread(self._files[number].fileno(), length, offset)
        try:
            line = parse_line(content)
        except _UNREADABLE as error:
            return {"error": {"code": BROKEN_LINE, "message": f"The line is not JSON: {error}"}}
        return line if isinstance(line, dict) else {}


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
    return custom_id if isinstance(custom_id, str) and not _HALF.search(custom_id) else None
