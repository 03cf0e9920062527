"""What a text answer uses, and where it is cut off: a request may limit its answer, thinking included."""

from functools import lru_cache

from ..answerers import Reply
from ..exchange import Asked, Body, Usage
from ..models import reasons
from ..prompts import input_tokens, text_tokens

_LIMITS = ("max_completion_tokens", "max_output_tokens", "max_tokens")


def text_usage(asked: Asked, reply: Reply) -> Usage:
    """The tokens of a request and its text answer, with those of the thinking before it."""
    text = reply.text or reply.refusal or "".join(call.arguments for call in reply.tool_calls)
    thought = _thought(asked.body["model"])
    used, limit = text_tokens(text) + thought, _limit(asked.body)
    if limit is not None and used > limit:
        used, thought = limit, min(thought, limit)
    return Usage(input_tokens(asked.body), used, 0, thought)


def cut_off(asked: Asked, reply: Reply) -> Reply:
    """A reply as far as its request lets it go, its finish_reason `length` where that is not to its end."""
    limit = _limit(asked.body)
    if limit is None or text_tokens(reply.text) + _thought(asked.body["model"]) <= limit:
        return reply
    room = max(0, limit - _thought(asked.body["model"]))
    return reply._replace(text=reply.text[: max(0, 4 * room - 1)], finish_reason="length")


def _limit(body: Body) -> int | None:
    """The most tokens that a request lets its answer take."""
    given = [limit for name in _LIMITS if isinstance(limit := body.get(name), int)]
    return min(given, default=None)


@lru_cache(maxsize=1024)
def _thought(model: str) -> int:
    """The reasoning tokens of one answer."""
    return 64 if reasons(model) else 0
