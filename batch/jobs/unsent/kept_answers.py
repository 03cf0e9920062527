"""The answers that a build takes from an answer store, laid down as a batch's output file would tell them."""

from collections.abc import Sequence
from hashlib import sha256
from typing import IO, TYPE_CHECKING

import orjson

from ...answer_store.answers import Opening
from ...files.input_files import Item
from ...files.lines import Lines

if TYPE_CHECKING:
    from ...answer_store.store import AnswerStore

_LINE = b'{"id":"","custom_id":%b,"response":{"status_code":200,"body":%b},"error":null}\n'


class KeptAnswers:
    """Takes the answers of lines that are known.

    Attributes:
        items: The items whose answers were found, in the order of the rows.
        models: The models that they ask.
        asked: A digest of what they would have sent.
    """

    def __init__(self, store: "AnswerStore", opening: Opening, output: IO[bytes]) -> None:
        self.items: list[Item] = []
        self.models: set[str] = set()
        self.asked = sha256()
        self._store = store
        self._opening = opening
        self._output = output

    def take(self, lines: Lines, digests: Sequence[bytes]) -> list[int]:
        """The places of the lines that are not known; the answers of the others are taken."""
        found = self._store.find(digests, self._opening)
        if not found:
            return [*range(len(digests))]
        left = []
        for place, digest in enumerate(digests):
            if digest in found:
                self._write(lines, place, found[digest])
                self.asked.update(digest)
            else:
                left.append(place)
        return left

    def _write(self, lines: Lines, place: int, body: bytes) -> None:
        custom_id = lines.custom_ids[place]
        self.items.append((lines.rows[place], custom_id))
        self.models.add(lines.models[place])
        self._output.write(_LINE % (orjson.dumps(custom_id), body))
