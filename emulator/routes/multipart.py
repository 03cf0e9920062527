"""Multipart forms whose file goes straight to disk, however large it is.

A file without a name is a field to the parser, which holds it in memory.
"""

import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

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
    """Read a form to its end; the file's content goes to `target`, cut off a little beyond `most` bytes.

    Raises:
        ApiError: the body is not a form that can be read.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise ApiError(400, "We could not parse the multipart/form-data body of your request.")
    with TemporaryDirectory(dir=target.parent) as folder:
        try:
            fields, files = await _parse(stream, boundary, folder, most + _LONGEST_FIELD)
        except FormParserError as error:
            message = f"We could not parse the multipart/form-data body of your request: {error}"
            raise ApiError(400, message) from None
        filename = _keep(fields, files, file_field.encode(), target)
    form = Form({_text(part.field_name): _text(part.value) for part in fields}, filename)
    form.fields.pop(file_field, None)
    if too_long := next((name for name, value in form.fields.items() if len(value) > _LONGEST_FIELD), None):
        raise ApiError(400, f"The field '{too_long}' is too long.", param=too_long)
    with target.open("rb") as file:
        form.size, form.start = os.fstat(file.fileno()).st_size, file.read(512)
    return form


async def _parse(
    stream: AsyncIterator[bytes], boundary: bytes, folder: str, most: int
) -> tuple[list[Field], list[File]]:
    """The form's fields, and its files, which lie in this folder; what comes after `most` bytes is dropped."""
    fields: list[Field] = []
    files: list[File] = []
    config = {"UPLOAD_DIR": folder, "UPLOAD_DELETE_TMP": False, "MAX_MEMORY_FILE_SIZE": 0}
    parser = FormParser("multipart/form-data", fields.append, files.append, None, boundary, config=config)
    try:
        async for chunk in stream:
            if parser.bytes_received <= most:
                parser.write(chunk)
    finally:
        with suppress(FormParserError):  # the end of a form that broke off: the parser hands over its open file
            parser.write(b"\r\n--%b--\r\n" % boundary)
        for file in files:
            file.close()
    return fields, files


def _keep(fields: list[Field], files: list[File], name: bytes, target: Path) -> str | None:
    """Move the file to where it shall lie; returns its own name. A part without one is taken all the same."""
    for file in files:
        if file.field_name == name:
            if file.actual_file_name is None:  # no bytes at all
                target.touch()
            else:
                Path(os.fsdecode(file.actual_file_name)).replace(target)
            return _text(file.file_name).replace("\\", "/").rsplit("/", 1)[-1] or "upload"
    unnamed = next((part.value for part in fields if part.field_name == name), None)
    target.write_bytes(unnamed or b"")
    return None if unnamed is None else "upload"


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
