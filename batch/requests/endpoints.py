"""The endpoints that OpenAI batches."""

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


def embedding_inputs(body: dict[str, Any]) -> int:
    """How many inputs one embeddings body holds: a list of texts or of token lists counts each."""
    given = body.get("input")
    if isinstance(given, list) and given and not isinstance(given[0], int):
        return len(given)
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
