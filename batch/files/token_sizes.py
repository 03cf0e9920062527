"""How many tokens items take, before anybody has answered them.

Input tokens are told by bytes, a token for four bytes of what is asked, or counted: where the extra `tokens` is
installed, with the model's own encoding, offline. Images, sounds and files take tokens that only OpenAI can tell,
and so does what is kept there: earlier conversations, prompts with an id, what a search finds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from itertools import chain
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import BaseModel, ConfigDict

from ..requests.endpoints import PROMPT_FIELD, Endpoint, answers_asked

BYTES_A_TOKEN = 4
"""Of English text in JSON; of other languages 3 to 4."""

UNTOLD_TOKENS = 2_000
"""What an item is taken for at most where nobody can tell: about an image, which has far more bytes."""

MESSAGE_TOKENS = 4
"""What a message takes beside its text, by OpenAI's cookbook."""

ANSWER_TOKENS = 3
"""What the answer to come takes of the input, by OpenAI's cookbook."""

Size = TypeVar("Size", int, npt.NDArray[np.int64])

TokensBy = Literal["bytes", "encoding"]
"""How input tokens are told: by their bytes, or counted with the model's encoding."""

READ_BESIDES = ("instructions", "tools", "response_format", "text")
"""Fields of a body that a model reads beside the prompt."""

KEPT_ELSEWHERE = frozenset({"previous_response_id", "conversation", "prompt"})
"""Fields of the Responses API that name what is kept at OpenAI, and read with the input."""

SEARCHED = frozenset({"web_search_options"})
"""The field of chat completions that lets a model search."""

OUTPUT_LIMITS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
"""Fields of a body that limit an answer, thinking included."""

CALLS = ("function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output")
ONLY_TEXT = frozenset(("message", "text", "refusal", *CALLS))
"""Kinds of messages and their parts that show nothing but text, as far as their own parts do; `…_text` too."""

LEGACY_LIMIT = 16
"""What the legacy completions endpoint answers at most, where a body does not say."""

WITHOUT_OUTPUT = frozenset({Endpoint.EMBEDDINGS, Endpoint.MODERATIONS})
"""Endpoints whose answers are no tokens."""

ENCODINGS = {
    "o200k_base": ("gpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "gpt-6", "chatgpt-4o", "o1", "o3", "o4"),
    "cl100k_base": ("gpt-4", "gpt-3.5", "text-embedding-"),
}
"""The models that use an encoding, by how their names begin; the first that fits counts."""


class ItemTokens(NamedTuple):
    """What one item takes: its input, and the most that its answer may; None where nobody can tell."""

    input: int | None = None
    output_limit: int | None = None


class FileTokens(BaseModel):
    """What the items of an input file take together; None where nobody can tell.

    `largest_input` is the input of the longest item; `by` says whether input was counted or told by its bytes.
    """

    model_config = ConfigDict(frozen=True)

    input: int | None = None
    largest_input: int = 0
    by: TokensBy = "bytes"
    output_limit: int | None = None

    @property
    def most_input(self) -> int | None:
        """More than the input can be, whatever its language."""
        return None if self.input is None else self._most(self.input)

    @property
    def least_input(self) -> int:
        """Less than the input can be, as far as is known: of English prose and code a token has five bytes."""
        if self.input is None:
            return 0
        return self.input * BYTES_A_TOKEN // 6 if self.by == "bytes" else max(self.input * 19 // 20 - 20, 0)

    @property
    def most_in_one(self) -> int:
        """More than the input of any one item can be."""
        return self._most(self.largest_input)

    def _most(self, tokens: int) -> int:
        """Each byte may be a token, as digits and rare signs nearly are; what was counted is nearly exact."""
        return tokens * BYTES_A_TOKEN if self.by == "bytes" else tokens * 21 // 20 + 20


class TokenSums:
    """Sums up the items of one input file as they pass; they are all of one model."""

    def __init__(self, model: str) -> None:
        self.by: TokensBy = "bytes" if encoding_of(model) is None else "encoding"
        self.input: int | None = 0
        self.largest_input = 0
        self.output_limit: int | None = 0

    def add(self, inputs: Sequence[int | None], output_limits: Sequence[int | None]) -> None:
        """Count some items, by what the input and the answer of each takes."""
        self.input = _sum(self.input, inputs)
        self.largest_input = max(self.largest_input, max(filter(None, inputs), default=0))
        self.output_limit = _sum(self.output_limit, output_limits)

    def summed(self) -> FileTokens:
        """What they take together."""
        return FileTokens(
            input=self.input,
            largest_input=self.largest_input,
            by=self.by,
            output_limit=self.output_limit,
        )


def item_tokens(endpoint: Endpoint, body: Mapping[str, Any]) -> ItemTokens:
    """What an item with this body takes."""
    return ItemTokens(_input(endpoint, body), output_limit(endpoint, body))


def _input(endpoint: Endpoint, body: Mapping[str, Any]) -> int | None:
    read = what_is_read(endpoint, body)
    if read is None or is_tokens(read[0]):
        return None if read is None else len(read[0])
    count = encoding_of(str(body.get("model")))
    if count is None:
        return tokens_of_bytes(sum(map(json_size, read)))
    return sum(map(count, texts_read(read))) + tokens_around(endpoint, read)


def what_is_read(endpoint: Endpoint, body: Mapping[str, Any]) -> list[Any] | None:
    """What a model reads of a body, its prompt first; None where it reads what is no text, or stands elsewhere."""
    asked = body.get(PROMPT_FIELD[endpoint])
    if _reads_more(endpoint, body) or (isinstance(asked, list) and any(map(_is_more_than_text, asked))):
        return None
    return [asked, *(body[field] for field in READ_BESIDES if field in body)]


def is_tokens(asked: Any) -> bool:
    """Whether a prompt is tokens already."""
    return isinstance(asked, list) and bool(asked) and isinstance(asked[0], int)


def tokens_of_bytes(size: Size) -> Size:
    """How many tokens so many bytes are told to be."""
    return size // BYTES_A_TOKEN + 1


def untold_tokens(size: int, items: int = 1) -> int:
    """What items of so many bytes are taken for where nobody can tell, as with images."""
    return min(size // BYTES_A_TOKEN, items * UNTOLD_TOKENS)


def _reads_more(endpoint: Endpoint, body: Mapping[str, Any]) -> bool:
    """Whether a model reads what stands elsewhere: an earlier conversation, a kept prompt, what a search finds."""
    kept = KEPT_ELSEWHERE if endpoint == Endpoint.RESPONSES else SEARCHED
    if not kept.isdisjoint(body) and any(body.get(field) for field in kept):
        return True
    tools = body.get("tools")
    return isinstance(tools, list) and any(
        isinstance(tool, Mapping) and tool.get("type") not in ("function", "custom") for tool in tools
    )


def json_size(value: Any) -> int:
    """The bytes of a text, or of another value as JSON."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    return len(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY))


def _is_more_than_text(message: Any) -> bool:
    """Whether a message, or a part of it, shows an image, a sound or a file, or may do so."""
    if not isinstance(message, dict) or isinstance(message.get("content"), str):
        return False  # as nearly always, a million times a run
    kind = str(message.get("type", "message"))
    if kind not in ONLY_TEXT and not kind.endswith("_text"):
        return True
    parts = message.get("output" if kind.endswith("_output") else "content")
    return "audio" in message or (isinstance(parts, list) and any(map(_is_more_than_text, parts)))


def tokens_around(endpoint: Endpoint, read: Sequence[Any]) -> int:
    """What stands around the texts of a conversation; the input of an embedding has nothing around it."""
    asked, *besides = read
    if isinstance(asked, list):
        messages = sum(isinstance(message, Mapping) for message in asked)
    else:
        messages = int(endpoint == Endpoint.RESPONSES)  # a text is a message there
    return MESSAGE_TOKENS * (messages + len(besides)) + ANSWER_TOKENS if messages else 0


def texts_read(read: Iterable[Any]) -> Iterator[str]:
    """The texts of all that is read."""
    return chain.from_iterable(map(_texts, read))


def _texts(value: Any) -> Iterator[str]:
    """The texts that a model reads of a value: those of messages, a schema's as JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and all(isinstance(one, str | Mapping) for one in value):
        for one in value:
            yield from _texts(one.get("content") if isinstance(one, Mapping) and "content" in one else one)
    elif isinstance(value, Mapping) and isinstance(value.get("text"), str):
        yield value["text"]
    elif value is not None:
        yield orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def output_limit(endpoint: Endpoint, body: Mapping[str, Any]) -> int | None:
    """The most output tokens that an answer may take; None where the body does not limit them."""
    if endpoint in WITHOUT_OUTPUT:
        return 0
    given = [limit for field in OUTPUT_LIMITS if isinstance(limit := body.get(field), int)]
    if not given and endpoint == Endpoint.COMPLETIONS:
        given = [LEGACY_LIMIT]
    return max(given) * _answers(endpoint, body) if given else None


def _answers(endpoint: Endpoint, body: Mapping[str, Any]) -> int:
    written = {**body, "n": body.get("best_of", 1)}
    return max(answers_asked(endpoint, body), answers_asked(endpoint, written))


@lru_cache
def encoding_of(model: str) -> Callable[[str], int] | None:
    """What counts a text's tokens as a model does; None where its encoding is not known or not installed.

    It comes with the extra `tokens`.
    """
    name = next((name for name, begins in ENCODINGS.items() if model.startswith(begins)), None)
    if name is None or find_spec("quicktok") is None:
        return None
    return _loaded(name)


@lru_cache
def _loaded(name: str) -> Callable[[str], int]:
    import quicktok  # its tables take a second to load

    count: Callable[[str], int] = quicktok.get_encoding(name).count
    return count


def _sum(before: int | None, tokens: Sequence[int | None]) -> int | None:
    return None if before is None or None in tokens else before + sum(filter(None, tokens))
