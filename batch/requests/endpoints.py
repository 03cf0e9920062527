"""The endpoints that OpenAI batches."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Endpoint(StrEnum):
    """A path whose requests OpenAI takes in batches."""

    RESPONSES = "/v1/responses"
    CHAT_COMPLETIONS = "/v1/chat/completions"
    EMBEDDINGS = "/v1/embeddings"
    COMPLETIONS = "/v1/completions"
    MODERATIONS = "/v1/moderations"
    IMAGE_GENERATIONS = "/v1/images/generations"
    IMAGE_EDITS = "/v1/images/edits"
    VIDEOS = "/v1/videos"


def endpoint_named(name: object) -> Endpoint | None:
    """The endpoint that a path or URL names, with `/v1` or without; None where it names none of these."""
    path = f"/{name.strip().strip('/').lower()}" if isinstance(name, str) else ""
    fitting = [endpoint for endpoint in Endpoint if path.endswith(endpoint.removeprefix("/v1"))]
    return max(fitting, key=len, default=None)


def embedding_inputs(body: Mapping[str, Any]) -> int:
    """How many inputs one embeddings body holds: a list of texts or of token lists counts each."""
    given = body.get("input")
    if isinstance(given, list) and given and not isinstance(given[0], int):
        return len(given)
    return 1


def answers_asked(endpoint: Endpoint, body: Mapping[str, Any]) -> int:
    """How many answers one body asks for, of which only the first has a column; 1 where all are kept in it."""
    if endpoint not in (Endpoint.CHAT_COMPLETIONS, Endpoint.COMPLETIONS):
        return 1
    prompts = body.get("prompt")
    several = isinstance(prompts, list) and prompts and not isinstance(prompts[0], int)
    return _number(body.get("n", 1)) * (len(prompts) if prompts and several else 1)


def _number(n: Any) -> int:
    """`n` as a server may take it: some read "3" and 3.0 as 3; what is no number is theirs to refuse."""
    try:
        return int(float(n))
    except (TypeError, ValueError, OverflowError):
        return 1


PROMPT_FIELD = {
    Endpoint.RESPONSES: "input",
    Endpoint.CHAT_COMPLETIONS: "messages",
    Endpoint.EMBEDDINGS: "input",
    Endpoint.COMPLETIONS: "prompt",
    Endpoint.MODERATIONS: "input",
    Endpoint.IMAGE_GENERATIONS: "prompt",
    Endpoint.IMAGE_EDITS: "prompt",
    Endpoint.VIDEOS: "prompt",
}
"""Where the prompt stands in each endpoint's bodies."""

_VECTORS, _JUDGEMENTS = frozenset({Endpoint.EMBEDDINGS}), frozenset({Endpoint.MODERATIONS})

_SERVED: tuple[tuple[str, frozenset[Endpoint]], ...] = (
    ("text-embedding-", _VECTORS),
    ("omni-moderation-", _JUDGEMENTS),
    ("text-moderation-", _JUDGEMENTS),
    *(
        (family, frozenset(Endpoint) - _VECTORS - _JUDGEMENTS)
        for family in ("gpt-3.5-", "gpt-4", "gpt-5", "gpt-6")
    ),
)
"""How names of OpenAI's models begin whose kind is certain, and the endpoints that may serve them."""


def endpoints_of(model: str) -> frozenset[Endpoint]:
    """The endpoints that may serve a model: all of them, where its name says nothing of its kind."""
    return next((served for family, served in _SERVED if model.startswith(family)), frozenset(Endpoint))
