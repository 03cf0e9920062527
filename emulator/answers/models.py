"""The models the server knows, what each is for, and the dated snapshots behind their names."""

from datetime import date
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

from ..errors import ApiError
from ..settings import ServerSettings

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
    "gpt-5-pro": "gpt-5-pro-2025-10-06",
    "gpt-5.1": "gpt-5.1-2025-11-13",
    "gpt-5.2": "gpt-5.2-2025-12-11",
    "gpt-5.2-pro": "gpt-5.2-pro-2025-12-11",
    "gpt-5.4": "gpt-5.4-2026-03-05",
    "gpt-5.4-mini": "gpt-5.4-mini-2026-03-17",
    "gpt-5.4-nano": "gpt-5.4-nano-2026-03-17",
    "gpt-5.5": "gpt-5.5-2026-04-23",
    "gpt-5.5-pro": "gpt-5.5-pro-2026-04-23",
    "o1": "o1-2024-12-17",
    "o1-pro": "o1-pro-2025-03-19",
    "o3": "o3-2025-04-16",
    "o3-pro": "o3-pro-2025-06-10",
    "o3-mini": "o3-mini-2025-01-31",
    "o3-deep-research": "o3-deep-research-2025-06-26",
    "o4-mini": "o4-mini-2025-04-16",
    "o4-mini-deep-research": "o4-mini-deep-research-2025-06-26",
    "computer-use-preview": "computer-use-preview-2025-03-11",
}
"""The dated name that a request for the undated one is answered by."""

_CHAT = """
    gpt-3.5-turbo gpt-3.5-turbo-1106 gpt-3.5-turbo-16k gpt-4 gpt-4-1106-preview gpt-4-0125-preview gpt-4-turbo
    gpt-4-turbo-preview gpt-4o gpt-4o-2024-05-13 gpt-4o-2024-11-20 gpt-4o-mini chatgpt-4o-latest
    gpt-4.1 gpt-4.1-mini gpt-4.1-nano o1 o3 o3-mini o4-mini
    gpt-5 gpt-5-mini gpt-5-nano gpt-5-chat-latest gpt-5.1 gpt-5.1-chat-latest gpt-5.2 gpt-5.2-chat-latest
    gpt-5.3-chat-latest gpt-5.4 gpt-5.4-mini gpt-5.4-nano gpt-5.5 gpt-5.6-sol gpt-5.6-terra gpt-5.6-luna
    gpt-6-astra gpt-6-sol gpt-6-luna gpt-6.1-sol gpt-6.1-terra gpt-6.2-astra gpt-6.2-sol
    gpt-4o-search-preview gpt-4o-mini-search-preview gpt-audio gpt-audio-mini
"""
_RESPONSES_ALONE = """
    o1-pro o3-pro o3-deep-research o4-mini-deep-research computer-use-preview codex-mini-latest
    gpt-5-codex gpt-5-pro gpt-5.1-codex gpt-5.1-codex-mini gpt-5.1-codex-max gpt-5.2-codex gpt-5.2-pro
    gpt-5.3-codex gpt-5.5-pro gpt-5.6-cyber gpt-6-cyber gpt-6-rosalind gpt-6.2-astra-law
"""
_IMAGES = "dall-e-2 dall-e-3 gpt-image-1 gpt-image-1-mini gpt-image-1.5 chatgpt-image-latest"

_SERVED: dict[str, frozenset[str]] = {
    endpoint: frozenset(names.split())
    for endpoint, names in {
        "/v1/chat/completions": _CHAT,
        "/v1/responses": _CHAT + _RESPONSES_ALONE,
        "/v1/embeddings": "text-embedding-3-small text-embedding-3-large text-embedding-ada-002",
        "/v1/completions": "gpt-3.5-turbo-instruct gpt-3.5-turbo-instruct-0914 babbage-002 davinci-002",
        "/v1/moderations": "omni-moderation-latest text-moderation-latest text-moderation-stable",
        "/v1/images/generations": _IMAGES,
        "/v1/images/edits": _IMAGES,
        "/v1/videos": "sora-2 sora-2-pro",
    }.items()
}
"""OpenAI's names, without those of dated snapshots, by the endpoints that serve them."""

_OTHERS = frozenset(
    {"whisper-1", "tts-1", "tts-1-hd", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-mini-tts"}
)
"""Those that no endpoint here serves."""

_UNDATED = _OTHERS.union(*_SERVED.values())
_DATED = {dated: name for name, dated in _SNAPSHOTS.items()}


class Models(NamedTuple):
    """The models that a server knows: OpenAI's, unless others are named.

    Attributes:
        named: the only names that are known; None means OpenAI's.
        every: whether every name is known.
    """

    named: tuple[str, ...] | None = None
    every: bool = False

    def know(self, model: str) -> bool:
        """Whether a model is known by this very name."""
        if self.every or self.named is not None:
            return self.every or model in (self.named or ())
        return _undated(model) in _UNDATED

    def serve(self, model: str, endpoint: str) -> bool:
        """Whether a known model is of the kind that an endpoint serves; of others than OpenAI's nobody knows."""
        name = _undated(model)
        return self.every or name in _SERVED[endpoint] or name not in _UNDATED

    def list(self) -> dict[str, object]:
        """The body of `GET /v1/models`."""
        names = sorted({*_UNDATED, *_DATED}) if self.every or self.named is None else self.named
        return {"object": "list", "data": [_model(name) for name in names]}

    def find(self, model: str) -> dict[str, object]:
        """The body of `GET /v1/models/{model}`.

        Raises:
            ApiError: 404 with code `model_not_found`.
        """
        if not self.know(model):
            message = f"The model '{model}' does not exist or you do not have access to it."
            raise ApiError(404, message, param="model", code="model_not_found")
        return _model(model)

    def check(self, model: str, endpoint: str) -> None:
        """Refuse what a synchronous endpoint refuses.

        Raises:
            ApiError: 404 with code `model_not_found`; another where the model is of another kind.
        """
        if not self.know(model):
            message = f"The model `{model}` does not exist or you do not have access to it."
            raise ApiError(404, message, code="model_not_found")
        if not self.serve(model, endpoint):
            raise _other_kind(model, endpoint)


def models_of(settings: ServerSettings) -> Models:
    """The models that a server of these settings knows."""
    return Models(settings.models, settings.any_model)


def snapshot(model: str) -> str:
    """The dated name that answers bear: `gpt-5-nano` becomes `gpt-5-nano-2025-08-07`."""
    return _SNAPSHOTS.get(model, model)


def reasons(model: str) -> bool:
    """Whether a model thinks before it answers, so that its output begins with a reasoning item."""
    return model.startswith(("gpt-5", "gpt-6", "o1", "o3", "o4"))


@lru_cache(maxsize=1024)
def fingerprint(model: str) -> str:
    """What chat completions call the system that has answered, as JSON; null of the models that bear none."""
    return f'"fp_{crc32(model.encode()):010x}"' if model.startswith(("gpt-4", "ft:gpt-4")) else "null"


def _undated(model: str) -> str:
    """The name without its date; of a fine-tuned model, that of the one it was made of.

    Where a model's dated names are listed, another date is none of them.
    """
    if model.startswith("ft:") and model.count(":") >= 3:
        model = model.split(":")[1]
    if model in _DATED:
        return _DATED[model]
    name, day = model[:-11], model[-10:]
    if model[-11:-10] == "-" and name not in _SNAPSHOTS and _is_day(day):
        return name
    return model


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _other_kind(model: str, endpoint: str) -> ApiError:
    """What a model of another kind is refused with."""
    route = endpoint.removeprefix("/")
    if endpoint == "/v1/embeddings":
        return ApiError(403, "You are not allowed to generate embeddings from this model")
    if endpoint == "/v1/chat/completions":
        message = f"This is not a chat model and thus not supported in the {route} endpoint. Did you mean to use "
        return ApiError(404, f"{message}v1/completions?", param="model")
    if endpoint == "/v1/completions":
        message = f"This is a chat model and not supported in the {route} endpoint. Did you mean to use "
        return ApiError(404, f"{message}v1/chat/completions?", param="model")
    return ApiError(400, f"The model '{model}' is not supported in the {route} endpoint.", param="model")


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 1_686_935_002, "owned_by": "openai"}
