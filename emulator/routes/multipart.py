"""Multipart forms whose file goes straight to disk, however large it is."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from io import BufferedWriter
from pathlib import Path

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from ..errors import ApiError

_LONGEST_FIELD = 1_000_000


@dataclass
class Form:
    """What a form held: its plain fields, and the file's name, size and first bytes."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    """None where the form held no file at all."""
    size: int = 0
    start: bytes = b""


async def read_form(
    content_type: str, stream: AsyncIterator[bytes], file_field: str, target: Path, most: int
) -> Form:
    """Read a form to its end; the file's content goes to `target`, but not beyond `most` bytes.

    Raises:
        ApiError: the body is not a form that can be read.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise ApiError(400, "We could not parse the multipart/form-data body of your request.")
    with target.open("wb") as file:
        reader = _Reader(file_field, file, most)
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]  # a plain dict of them
        try:
            async for chunk in stream:
                parser.write(chunk)
            parser.finalize()
        except MultipartParseError as error:
            raise ApiError(
                400, f"We could not parse the multipart/form-data body of your request: {error}"
            ) from None
    return reader.form


class _Reader:
    """Takes the parser's calls for one form."""

    def __init__(self, file_field: str, file: BufferedWriter, most: int) -> None:
        self.form = Form()
        self._file_field = file_field
        self._file = file
        self._most = most
        self._header = b""
        self._value = b""
        self._disposition = b""
        self._name = ""
        self._is_file = False
        self._text = bytearray()

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._part_begins,
            "on_part_data": self._part_data,
            "on_part_end": self._part_ends,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_finished,
        }

    def _part_begins(self) -> None:
        self._header = self._value = self._disposition = b""
        self._text.clear()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = self._name == self._file_field
        if self._is_file:
            filename = options.get(b"filename", b"").decode("utf-8", "replace")
            self.form.filename = filename.replace("\\", "/").rsplit("/", 1)[-1] or "upload"

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._is_file:
            if len(self._text) + end - start > _LONGEST_FIELD:
                raise ApiError(400, f"The field '{self._name}' is too long.", param=self._name)
            self._text += data[start:end]
            return
        if len(self.form.start) < 512:
            self.form.start += data[start : min(end, start + 512)]
        self.form.size += end - start
        if self.form.size <= self._most:
            self._file.write(data[start:end])

    def _part_ends(self) -> None:
        if not self._is_file:
            self.form.fields[self._name] = self._text.decode("utf-8", "replace")
