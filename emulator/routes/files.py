"""The routes of the Files API."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ..engine.identifiers import new_file_id
from ..engine.records import FileRecord
from ..errors import ApiError, invalid_value, missing
from ..faults.script import RouteFault
from .context import Context, answer, page, query_limit
from .multipart import Form, read_form

_PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
_EXPIRY = (3_600, 2_592_000)
_BLOCK = 1 << 18


def file_routes(context: Context, prefix: str) -> list[Route]:
    """Create, list, retrieve, read and delete files."""
    routes = FileRoutes(context)
    return [
        Route(f"{prefix}/files", routes.create, methods=["POST"]),
        Route(f"{prefix}/files", routes.list, methods=["GET"]),
        Route(f"{prefix}/files/{{file_id}}", routes.retrieve, methods=["GET"]),
        Route(f"{prefix}/files/{{file_id}}", routes.delete, methods=["DELETE"]),
        Route(f"{prefix}/files/{{file_id}}/content", routes.content, methods=["GET"]),
    ]


class FileRoutes:
    """The Files API over one server's parts."""

    def __init__(self, context: Context) -> None:
        self.context = context

    async def create(self, request: Request) -> Response:
        """`POST /v1/files`."""
        self.context.rates.count("uploads")
        limits = self.context.settings.limits
        target = self.context.store.incoming()
        try:
            most = max(limits.file_bytes, limits.input_bytes)
            form = await read_form(request.headers.get("content-type", ""), request.stream(), "file", target, most)
            record = admit(self.context, form)
            self.context.store.add_file(target, record)
        finally:
            target.unlink(missing_ok=True)
        return answer(self.context.view.file(record), end=b"\n")

    async def list(self, request: Request) -> Response:
        """`GET /v1/files`: the newest first unless `order` says otherwise."""
        order = request.query_params.get("order", "desc")
        if order not in ("asc", "desc"):
            raise invalid_value("order", order, ("asc", "desc"))
        limit = query_limit(request, 10_000, 10_000)
        purpose = request.query_params.get("purpose")
        files = self.context.store.live_files(self.context.clock.now())
        youngest = self.context.clock.now() - request.scope.get("lag", 0.0)
        listed = [file for file in files if purpose in (None, file.purpose) and file.created_at <= youngest]
        if order == "desc":
            listed.reverse()
        after = request.query_params.get("after")
        return answer(self.context.view.listed(page(listed, after, limit, self.context.view.file, "")))

    async def retrieve(self, request: Request) -> Response:
        """`GET /v1/files/{file_id}`."""
        shown = self.context.view.file(self._find(request))
        return answer({**shown, "bytes": None} if "no_bytes" in request.scope else shown, end=b"\n")

    async def delete(self, request: Request) -> Response:
        """`DELETE /v1/files/{file_id}`."""
        record = self._find(request)
        self.context.store.delete_file(record.id)
        return answer({"id": record.id, "object": "file", "deleted": True})

    async def content(self, request: Request) -> Response:
        """`GET /v1/files/{file_id}/content`: the bytes as they are, in blocks."""
        record = self._find(request)
        if request.method == "HEAD":
            return Response(headers=_content_headers(record))
        path = self.context.store.content_path(record.id)
        headers = _content_headers(record)
        if cut := request.scope.get("cut_stream"):
            return StreamingResponse(_cut_blocks(path, int(record.bytes * cut.share), request), headers=headers)
        if short := request.scope.get("short_body"):
            return _short_answer(path, short, headers)
        return StreamingResponse(_blocks(path), headers=headers)

    def _find(self, request: Request) -> FileRecord:
        return self.context.store.find_file(request.path_params["file_id"], self.context.clock.now())


def admit(context: Context, form: Form) -> FileRecord:
    """The record of a file that has arrived, once it has passed OpenAI's checks.

    Raises:
        ApiError: 400.
    """
    purpose = form.fields.get("purpose")
    if form.filename is None:
        raise missing("file")
    if purpose is None:
        raise missing("purpose")
    if purpose not in _PURPOSES:
        raise invalid_value("purpose", purpose, _PURPOSES)
    _check_content(context, form, purpose)
    now = context.clock.now()
    seconds = _lifetime(form, purpose)
    return FileRecord(
        id=new_file_id(context.settings.profile),
        purpose=purpose,
        filename=form.filename,
        bytes=form.size,
        created_at=now,
        expires_at=None if seconds is None else now + seconds,
        number=context.store.next_number("file"),
    )


def _check_content(context: Context, form: Form, purpose: str) -> None:
    limits = context.settings.limits
    if form.size == 0:
        raise ApiError(400, "File is empty.", param="file")
    if form.size > (limits.input_bytes if purpose == "batch" else limits.file_bytes):
        raise ApiError(400, "File is too large.")
    start = form.start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if purpose == "batch" and not start.startswith(b"{"):
        raise ApiError(400, "Invalid file format for Batch API. Must be .jsonl")
    stored = sum(file.bytes for file in context.store.live_files(context.clock.now()))
    if stored + form.size > limits.storage_bytes:
        message = "You have exceeded your file storage quota. Please delete old files to make room."
        raise ApiError(400, message, code="storage_limit_exceeded")


def _lifetime(form: Form, purpose: str) -> int | None:
    """Seconds until the file expires: as asked, else 30 days for batch files and never for others."""
    anchor, seconds = form.fields.get("expires_after[anchor]"), form.fields.get("expires_after[seconds]")
    if anchor is None and seconds is None:
        return _EXPIRY[1] if purpose == "batch" else None
    if anchor != "created_at":
        raise invalid_value("expires_after[anchor]", anchor, ("created_at",))
    return check_lifetime("expires_after[seconds]", seconds)


def check_lifetime(param: str, seconds: object) -> int:
    """Seconds of a file's life, from an hour to 30 days.

    Raises:
        ApiError: 400.
    """
    if seconds is None:
        raise missing(param)
    try:
        value = int(str(seconds))
    except ValueError:
        message = f"Invalid type for '{param}': expected an integer."
        raise ApiError(400, message, param=param, code="invalid_type") from None
    if value < _EXPIRY[0] or value > _EXPIRY[1]:
        side, bound = (
            ("below_min", f">= {_EXPIRY[0]}") if value < _EXPIRY[0] else ("above_max", f"<= {_EXPIRY[1]}")
        )
        message = f"Invalid '{param}': integer {side.replace('_', ' ')} value. Expected a value {bound}."
        raise ApiError(400, message, param=param, code=f"integer_{side}_value")
    return value


def _content_headers(record: FileRecord) -> dict[str, str]:
    ascii_name = record.filename.encode("ascii", "replace").decode().replace('"', "'")
    disposition = f'attachment; filename="{ascii_name}"'
    if ascii_name != record.filename:
        disposition += f"; filename*=utf-8''{quote(record.filename)}"
    return {"content-type": "application/octet-stream", "content-disposition": disposition}


async def _blocks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _short_answer(path: Path, fault: RouteFault, headers: dict[str, str]) -> Response:
    """The beginning of a file, as if that were all of it."""
    content = path.read_bytes()
    content = content[: int(len(content) * fault.share)]
    if fault.whole_lines:
        content = content[: content.rfind(b"\n") + 1]
    return (
        StreamingResponse(_once(content), headers=headers) if fault.chunked else Response(content, headers=headers)
    )


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _cut_blocks(path: Path, most: int, request: Request) -> AsyncIterator[bytes]:
    """The first bytes of a file; then the connection closes in the middle of the answer."""
    with path.open("rb") as file:
        while block := file.read(min(_BLOCK, most - file.tell())):
            yield block
    transport = request.scope["transport"]
    while transport.get_write_buffer_size() > 0:
        await asyncio.sleep(0.005)
    transport.close()
