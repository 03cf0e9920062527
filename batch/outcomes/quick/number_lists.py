"""Vectors that come as JSON's numbers, and not in base64: read apart from the lines in which they stand.

A decoder of lines makes each number a Python object; of 1,536 a line that is most of what reading it takes.
"""

from collections.abc import Sequence

import numpy as np

try:
    from simdjson import Array, Parser
except ImportError:  # where it has no wheel; the decoder of lines reads them then
    Parser = None  # type: ignore[assignment, misc]  # a class that is not there

NAME = b'"embedding":'

PLACE = b"vector00"
"""A line's answer while its list is elsewhere."""

_IN_BASE64 = b'"dmVjdG9yMDA="'


class NumberLists:
    """Takes the lists out of lines, and reads them as float32."""

    def __init__(self) -> None:
        self._parser = None if Parser is None else Parser()

    def take_out(self, chunk: bytes) -> tuple[bytes, list[memoryview]]:
        """The lines with `PLACE` for each list behind `NAME`, and those lists; none unless all are lists.

        A list ends with the first bracket that closes: whether it is one of numbers is seen when it is read.
        """
        whole = memoryview(chunk)
        kept: list[bytes | memoryview] = []
        lists: list[memoryview] = []
        begun, at = 0, -1 if self._parser is None else chunk.find(NAME)
        while at >= 0:
            opened = chunk.find(b"[", at, at + len(NAME) + 2)
            end = chunk.find(b"]", opened) + 1
            if opened < 0 or not end:
                return chunk, []
            kept += [whole[begun:opened], _IN_BASE64]
            lists.append(whole[opened:end])
            begun, at = end, chunk.find(NAME, end)
        return b"".join([*kept, whole[begun:]]) if lists else chunk, lists

    def read(self, lists: Sequence[memoryview]) -> list[bytes]:
        """JSON lists of numbers, each as float32 one after another.

        Raises:
            ValueError: one is something else.
        """
        with np.errstate(over="ignore"):  # a number beyond a float32 is infinite, as it is when read otherwise
            return [np.frombuffer(self._numbers(text), "<f8").astype("<f4").tobytes() for text in lists]

    def _numbers(self, text: memoryview) -> bytes:
        """A JSON list of numbers as doubles; its memory is the parser's until it is let go."""
        found = self._parser.parse(text) if self._parser else None
        if not isinstance(found, Array):
            raise ValueError("it is no list")
        try:
            return found.as_buffer(of_type="d")
        except TypeError as error:
            raise ValueError("not all are numbers") from error
