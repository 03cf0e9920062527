"""The server's routes in one ASGI application."""

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import ApiError
from .admission import Admission
from .batches import batch_routes
from .context import Context, answer, answer_error
from .control import control_routes
from .files import file_routes
from .gate import Gate
from .synchronous import synchronous_routes
from .tokens import Tokens, token_routes
from .uploads import upload_routes

_PREFIXES = ("/v1", "/openai/v1", "/openai")
"""OpenAI's own, and the two that Azure's clients use."""

_DEPLOYMENT = "/openai/deployments/{deployment}"
"""Under it Azure answers at once."""


def make_app(context: Context) -> Gate:
    """The application of one server."""

    def log() -> list[dict[str, Any]]:
        return list(gate.log)

    tokens = Tokens(context.settings)
    routes = [*control_routes(context, log), Route("/health", _health), *token_routes(tokens)]
    for prefix in _PREFIXES:
        for make in (file_routes, batch_routes, upload_routes, _model_routes, synchronous_routes):
            routes += make(context, prefix)
    routes += synchronous_routes(context, _DEPLOYMENT)
    handlers: Any = {ApiError: _refused, HTTPException: _unknown_route}
    web = Starlette(routes=routes, exception_handlers=handlers)
    gate = Gate(web, Admission(context.settings, tokens), context.rates, context.faults)
    return gate


async def _health(_: Request) -> Response:
    return answer({"status": "ok"})


def _model_routes(context: Context, prefix: str) -> list[Route]:
    async def show_all(_: Request) -> Response:
        return answer(context.models.list())

    async def show(request: Request) -> Response:
        return answer(context.models.find(request.path_params["model"]))

    return [
        Route(f"{prefix}/models", show_all, methods=["GET"]),
        Route(f"{prefix}/models/{{model:path}}", show, methods=["GET"]),
    ]


async def _refused(_: Request, error: ApiError) -> Response:
    return answer_error(error)


async def _unknown_route(request: Request, error: HTTPException) -> Response:
    where = f"{request.method} {request.url.path}"
    if error.status_code == 405:
        message, code = f"Not allowed to {request.method} on {request.url.path}.", "method_not_supported"
        return answer_error(ApiError(405, message, code=code))
    return answer_error(ApiError(error.status_code, f"Invalid URL ({where})", code="unknown_url"))
