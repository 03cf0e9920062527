"""The routes of the Batch API."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..answers.bodies.endpoints import ENDPOINTS
from ..engine.identifiers import new_batch_id
from ..engine.records import BatchRecord
from ..errors import ApiError, invalid_type, invalid_value, missing
from ..settings import Profile
from .context import Context, answer, json_body, page, query_limit
from .files import check_lifetime

_WINDOW = 86_400


def batch_routes(context: Context, prefix: str) -> list[Route]:
    """Create, list, retrieve and cancel batches."""
    routes = BatchRoutes(context)
    return [
        Route(f"{prefix}/batches", routes.create, methods=["POST"]),
        Route(f"{prefix}/batches", routes.list, methods=["GET"]),
        Route(f"{prefix}/batches/{{batch_id}}", routes.retrieve, methods=["GET"]),
        Route(f"{prefix}/batches/{{batch_id}}/cancel", routes.cancel, methods=["POST"]),
    ]


class BatchRoutes:
    """The Batch API over one server's parts."""

    def __init__(self, context: Context) -> None:
        self.context = context

    async def create(self, request: Request) -> Response:
        """`POST /v1/batches`: what the file holds is looked at later, while the batch validates."""
        asked = await json_body(request)
        _check(asked, self.context.settings.profile)
        self._check_processed(asked["input_file_id"])
        self.context.rates.count("batches")
        now = self.context.clock.now()
        expiry = asked.get("output_expires_after")
        batch = BatchRecord(
            id=new_batch_id(now, self.context.settings.profile),
            number=self.context.store.next_number("batch"),
            endpoint=_full_endpoint(asked["endpoint"]),
            input_file_id=asked["input_file_id"],
            completion_window=asked["completion_window"],
            created_at=now,
            expires_at=now + _WINDOW,
            metadata=asked.get("metadata"),
            due=now + self.context.settings.timing.validating / 2,
            output_seconds=expiry["seconds"] if expiry else None,
        )
        self.context.store.save_batch(batch)
        self.context.engine.notify()
        return answer(self.context.view.batch(batch))

    async def list(self, request: Request) -> Response:
        """`GET /v1/batches`: the newest first."""
        limit = query_limit(request, 20, 100)
        with self.context.store.lock:
            batches = sorted(self.context.store.batches.values(), key=lambda batch: -batch.number)
        youngest = self.context.clock.now() - request.scope.get("lag", 0.0)
        listed = [batch for batch in batches if batch.created_at <= youngest]
        after = request.query_params.get("after")
        return answer(self.context.view.listed(page(listed, after, limit, self.context.view.batch)))

    async def retrieve(self, request: Request) -> Response:
        """`GET /v1/batches/{batch_id}`."""
        return answer(self.context.view.batch(self._find(request)))

    async def cancel(self, request: Request) -> Response:
        """`POST /v1/batches/{batch_id}/cancel`; the one answer that OpenAI does not indent."""
        batch = self._find(request)
        self.context.engine.cancel(batch)
        return Response(orjson.dumps(self.context.view.batch(batch)), media_type="application/json")

    def _check_processed(self, file_id: str) -> None:
        """Azure refuses at once what it still works on; what is no file at all, it tells later."""
        file = self.context.store.files.get(file_id)
        if file is not None and self.context.view.is_pending(file):
            raise ApiError(400, f"The file {file_id} is not processed yet.", code="invalidPayload")

    def _find(self, request: Request) -> BatchRecord:
        return self.context.store.find_batch(request.path_params["batch_id"])


def _full_endpoint(endpoint: str) -> str:
    """Azure's clients leave `/v1` out."""
    return endpoint if endpoint.startswith("/v1/") else f"/v1{endpoint}"


def _check(asked: dict[str, Any], profile: Profile) -> None:
    for name in ("input_file_id", "endpoint", "completion_window"):
        if asked.get(name) is None:
            raise missing(name)
        if not isinstance(asked[name], str):
            raise invalid_type(name, "a string", asked[name])
    endpoint = _full_endpoint(asked["endpoint"]) if profile == "azure" else asked["endpoint"]
    if endpoint not in ENDPOINTS:
        raise invalid_value("endpoint", asked["endpoint"], ENDPOINTS)
    if asked["completion_window"] != "24h":
        raise invalid_value("completion_window", asked["completion_window"], ("24h",))
    _check_metadata(asked.get("metadata"))
    _check_expiry(asked.get("output_expires_after"))


def _check_metadata(metadata: object) -> None:
    if metadata is None:
        return
    if not isinstance(metadata, dict):
        raise invalid_type("metadata", "an object", metadata)
    if len(metadata) > 16:
        message = (
            "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, "
            f"but got an object with {len(metadata)} properties instead."
        )
        raise ApiError(400, message, param="metadata", code="object_above_max_properties")
    for key, value in metadata.items():
        if not isinstance(value, str):
            raise invalid_type(f"metadata.{key}", "a string", value)
        for text, most, what in ((key, 64, "key"), (value, 512, "value")):
            if len(text) > most:
                message = (
                    f"Invalid 'metadata': {what} too long. Expected a string with maximum length {most}, "
                    f"but got a string with length {len(text)} instead."
                )
                raise ApiError(400, message, param="metadata", code="string_above_max_length")


def _check_expiry(expiry: object) -> None:
    if expiry is None:
        return
    if not isinstance(expiry, dict):
        raise invalid_type("output_expires_after", "an object", expiry)
    if expiry.get("anchor") != "created_at":
        raise invalid_value("output_expires_after.anchor", expiry.get("anchor"), ("created_at",))
    if isinstance(expiry.get("seconds"), str):
        raise invalid_type("output_expires_after.seconds", "an integer", expiry["seconds"])
    check_lifetime("output_expires_after.seconds", expiry.get("seconds"))
