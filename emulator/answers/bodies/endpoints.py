"""The endpoints that batches take, and a reply in the shape of each one's body."""

import json
from collections.abc import Callable

from ...errors import error_body
from ..answerers import Reply
from ..exchange import Answer, Asked, read_usage
from .chat import chat, completions
from .embeddings import embeddings
from .media import images, videos
from .moderations import moderations
from .responses import responses
from .usage import cut_off

_SHAPES: dict[str, Callable[[Asked, Reply], Answer]] = {
    "/v1/chat/completions": chat,
    "/v1/responses": responses,
    "/v1/embeddings": embeddings,
    "/v1/completions": completions,
    "/v1/moderations": moderations,
    "/v1/images/generations": images,
    "/v1/images/edits": images,
    "/v1/videos": videos,
}

ENDPOINTS = tuple(_SHAPES)
"""The endpoints that batches take, in OpenAI's order."""


def shape(endpoint: str, asked: Asked, reply: Reply) -> Answer:
    """A reply as the endpoint sends it."""
    if reply.body is not None:
        usage = read_usage(reply.body) if reply.status == 200 else None
        return Answer(reply.status, json.dumps(reply.body), usage)
    if reply.status != 200:
        return Answer(reply.status, json.dumps(error_body(reply.text, "invalid_request_error")), None)
    return _SHAPES[endpoint](asked, cut_off(asked, reply))
