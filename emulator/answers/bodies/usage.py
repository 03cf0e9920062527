"""What a text answer uses."""

from functools import lru_cache

from ..answerers import Reply
from ..exchange import Asked, Usage
from ..models import reasons
from ..prompts import input_tokens, text_tokens


def text_usage(asked: Asked, reply: Reply) -> Usage:
    """The tokens of a request and its text answer, with those of the thinking before it."""
    text = reply.text or reply.refusal or "".join(call.arguments for call in reply.tool_calls)
    thought = _thought(asked.body["model"])
    return Usage(input_tokens(asked.body), text_tokens(text) + thought, 0, thought)


@lru_cache(maxsize=1024)
def _thought(model: str) -> int:
    """The reasoning tokens of one answer."""
    return 64 if reasons(model) else 0
