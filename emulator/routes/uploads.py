"""The routes of the Uploads API: a large file in parts, put together at the end."""

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..engine.identifiers import new_part_id, new_upload_id
from ..engine.records import FileRecord
from ..errors import ApiError, invalid_type, missing, no_such_upload
from .context import Context, answer, json_body
from .files import admit
from .multipart import Form, read_form

_LIFETIME = 3_600


@dataclass
class Upload:
    """A file that arrives in parts; it is forgotten when the server ends."""

    id: str
    filename: str
    purpose: str
    size: int
    created_at: float
    expiry: dict[str, str]
    status: Literal["pending", "completed", "cancelled", "expired"] = "pending"
    parts: dict[str, Path] = field(default_factory=dict)
    file: FileRecord | None = None

    @property
    def expires_at(self) -> float:
        """An hour after its creation."""
        return self.created_at + _LIFETIME


def upload_routes(context: Context, prefix: str) -> list[Route]:
    """Create, add parts, complete and cancel."""
    routes = UploadRoutes(context)
    return [
        Route(f"{prefix}/uploads", routes.create, methods=["POST"]),
        Route(f"{prefix}/uploads/{{upload_id}}/parts", routes.add_part, methods=["POST"]),
        Route(f"{prefix}/uploads/{{upload_id}}/complete", routes.complete, methods=["POST"]),
        Route(f"{prefix}/uploads/{{upload_id}}/cancel", routes.cancel, methods=["POST"]),
    ]


class UploadRoutes:
    """The Uploads API over one server's parts."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._uploads: dict[str, Upload] = {}

    async def create(self, request: Request) -> Response:
        """`POST /v1/uploads`."""
        asked = await json_body(request)
        for name, kind, expected in (
            ("filename", str, "a string"),
            ("purpose", str, "a string"),
            ("bytes", int, "an integer"),
            ("mime_type", str, "a string"),
        ):
            if asked.get(name) is None:
                raise missing(name)
            if not isinstance(asked[name], kind):
                raise invalid_type(name, expected, asked[name])
        if asked["bytes"] > self.context.settings.limits.upload_bytes:
            raise ApiError(400, "Upload is too large.", param="bytes")
        upload = Upload(
            id=new_upload_id(),
            filename=asked["filename"].replace("\\", "/").rsplit("/", 1)[-1] or "upload",
            purpose=asked["purpose"],
            size=asked["bytes"],
            created_at=self.context.clock.now(),
            expiry=_expiry(asked.get("expires_after")),
        )
        self._uploads[upload.id] = upload
        return answer(self._shown(upload))

    async def add_part(self, request: Request) -> Response:
        """`POST /v1/uploads/{upload_id}/parts`."""
        upload = self._pending(request)
        target, most = self.context.store.incoming(), self.context.settings.limits.part_bytes
        form = await read_form(request.headers.get("content-type", ""), request.stream(), "data", target, most)
        problem = _part_problem(form, most)
        if problem is not None:
            target.unlink()
            raise problem
        self._pending(request)
        part_id = new_part_id()
        upload.parts[part_id] = target
        created_at = int(self.context.clock.now())
        return answer({"id": part_id, "object": "upload.part", "created_at": created_at, "upload_id": upload.id})

    async def complete(self, request: Request) -> Response:
        """`POST /v1/uploads/{upload_id}/complete`: the parts in the order asked for become one file."""
        upload = self._pending(request)
        asked = await json_body(request)
        paths = _ordered(upload, asked.get("part_ids"))
        target = self.context.store.incoming()
        try:
            md5 = await run_in_threadpool(_join, paths, target)
            _check_whole(upload, target, asked.get("md5"), md5)
            fields = {"purpose": upload.purpose, **upload.expiry}
            with target.open("rb") as file:
                form = Form(fields, upload.filename, upload.size, file.read(512))
            upload.file = admit(self.context, form)
            self.context.store.add_file(target, upload.file)
        finally:
            target.unlink(missing_ok=True)
        upload.status = "completed"
        _forget_parts(upload)
        return answer(self._shown(upload))

    async def cancel(self, request: Request) -> Response:
        """`POST /v1/uploads/{upload_id}/cancel`."""
        upload = self._pending(request)
        upload.status = "cancelled"
        _forget_parts(upload)
        return answer(self._shown(upload))

    def _pending(self, request: Request) -> Upload:
        upload = self._uploads.get(request.path_params["upload_id"])
        if upload is None:
            raise no_such_upload(request.path_params["upload_id"])
        if upload.status == "pending" and self.context.clock.now() >= upload.expires_at:
            upload.status = "expired"
            _forget_parts(upload)
        if upload.status != "pending":
            raise ApiError(400, f"Upload {upload.id} has status '{upload.status}' and can no longer be changed.")
        return upload

    def _shown(self, upload: Upload) -> dict[str, Any]:
        return {
            "id": upload.id,
            "object": "upload",
            "bytes": upload.size,
            "created_at": int(upload.created_at),
            "filename": upload.filename,
            "purpose": upload.purpose,
            "status": upload.status,
            "expires_at": int(upload.expires_at),
            "file": None if upload.file is None else self.context.view.file(upload.file),
        }


def _expiry(asked: object) -> dict[str, str]:
    """`expires_after` as the fields of a form, which the Files API checks."""
    if asked is None:
        return {}
    if not isinstance(asked, dict):
        raise invalid_type("expires_after", "an object", asked)
    return {f"expires_after[{name}]": str(asked[name]) for name in ("anchor", "seconds") if name in asked}


def _part_problem(form: Form, most: int) -> ApiError | None:
    if form.filename is None:
        return missing("data")
    if form.size > most:
        return ApiError(400, "Part is too large.", param="data")
    return None


def _ordered(upload: Upload, part_ids: object) -> list[Path]:
    if part_ids is None:
        raise missing("part_ids")
    if not isinstance(part_ids, list):
        raise invalid_type("part_ids", "an array", part_ids)
    for part_id in part_ids:
        if part_id not in upload.parts:
            raise ApiError(400, f"No such Part object: {part_id}", param="part_ids")
    return [upload.parts[part_id] for part_id in part_ids]


def _join(paths: list[Path], target: Path) -> str:
    """Write the parts one after another; returns the MD5 of the whole."""
    with target.open("wb") as whole:
        for path in paths:
            with path.open("rb") as part:
                shutil.copyfileobj(part, whole, 1 << 20)
    with target.open("rb") as whole:
        return hashlib.file_digest(whole, "md5").hexdigest()


def _check_whole(upload: Upload, target: Path, wanted: object, md5: str) -> None:
    size = target.stat().st_size
    if size != upload.size:
        message = f"The total size of the parts ({size}) does not match the declared size ({upload.size})."
        raise ApiError(400, message, param="bytes")
    if wanted is not None and wanted != md5:
        raise ApiError(400, "The MD5 checksum of the file does not match the declared one.", param="md5")


def _forget_parts(upload: Upload) -> None:
    for path in upload.parts.values():
        path.unlink(missing_ok=True)
    upload.parts.clear()
