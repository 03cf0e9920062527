"""The models the server knows, and the dated snapshots behind their names."""

import re

from ..errors import ApiError

_KNOWN = re.compile(
    r"(ft:)?(gpt-|chatgpt-|codex-|computer-use-|o[1-9]|text-embedding-|omni-moderation-|text-moderation-|sora-"
    r"|dall-e-|davinci-|babbage-|whisper-|tts-)[\w.:-]*\Z"
)

_SNAPSHOTS = {
    "gpt-3.5-turbo": "gpt-3.5-turbo-0125",
    "gpt-4": "gpt-4-0613",
    "gpt-4-turbo": "gpt-4-turbo-2024-04-09",
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-4.1-nano": "gpt-4.1-nano-2025-04-14",
    "gpt-5": "gpt-5-2025-08-07",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
    "gpt-5-nano": "gpt-5-nano-2025-08-07",
    "o1": "o1-2024-12-17",
    "o3": "o3-2025-04-16",
    "o3-mini": "o3-mini-2025-01-31",
    "o4-mini": "o4-mini-2025-04-16",
}

_LISTED = (
    *_SNAPSHOTS,
    *_SNAPSHOTS.values(),
    "text-embedding-3-small",
    "text-embedding-3-large",
    "text-embedding-ada-002",
    "gpt-3.5-turbo-instruct",
    "omni-moderation-latest",
    "gpt-image-1",
    "gpt-image-1-mini",
    "dall-e-2",
    "dall-e-3",
    "sora-2",
    "sora-2-pro",
)


def is_known(model: str) -> bool:
    """Whether a name is one of OpenAI's, by its family: newer members of a family pass too."""
    return _KNOWN.match(model) is not None


def snapshot(model: str) -> str:
    """The dated name that answers bear: `gpt-5-nano` becomes `gpt-5-nano-2025-08-07`."""
    return _SNAPSHOTS.get(model, model)


def reasons(model: str) -> bool:
    """Whether a model thinks before it answers, so that its output begins with a reasoning item."""
    return model.startswith(("gpt-5", "gpt-6", "o1", "o3", "o4"))


def list_models() -> dict[str, object]:
    """The body of `GET /v1/models`."""
    return {"object": "list", "data": [_model(name) for name in _LISTED]}


def find_model(model: str, any_model: bool = False) -> dict[str, object]:
    """The body of `GET /v1/models/{model}`; with `any_model` every name is known.

    Raises:
        ApiError: 404 with code `model_not_found`.
    """
    if not (any_model or is_known(model)):
        message = f"The model '{model}' does not exist or you do not have access to it."
        raise ApiError(404, message, param="model", code="model_not_found")
    return _model(model)


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 1_686_935_002, "owned_by": "openai"}
