"""The endpoints that OpenAI batches, and the limits of an input file."""

from enum import StrEnum
from typing import Any

MAX_ITEMS = 50_000
"""Items in one batch, by OpenAI's Batch guide."""

MAX_BYTES = 200_000_000
"""Bytes in one input file, by OpenAI's Batch guide (200 MB)."""

MAX_EMBEDDING_INPUTS = 50_000
"""Embedding inputs over all the items of one batch, by OpenAI's Batch guide."""

MAX_CUSTOM_ID_BYTES = 512
"""Our own bound: OpenAI documents none."""


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
