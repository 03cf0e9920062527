"""The usual shapes of lines: what a decoder takes of each endpoint's, and the values it holds.

A type takes only what `read_outcome` reads the same; any other line does not fit, and is read by that. What stands
in a line beside the fields that are named here is passed over.
"""

from collections.abc import Callable
from struct import pack
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from ...requests.endpoints import Endpoint
from ..token_counts import COUNTS, MOST_TOKENS

Count = Annotated[int, Meta(ge=0, le=MOST_TOKENS)]
Text = Annotated[str, Meta(min_length=1)]
Nothing = Annotated[list[Any], Meta(max_length=0)] | None
"""Null, or an empty list, as vLLM sends."""

Body = TypeVar("Body")


class Response(Struct, Generic[Body], gc=False):
    """A response that was executed."""

    status_code: Literal[200]
    body: Body
    request_id: str | None = None


class Line(Struct, Generic[Body], gc=False):
    """A line of an output file."""

    custom_id: str
    response: Response[Body]


class InputDetails(Struct, gc=False):
    """What of the input was cached."""

    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class OutputDetails(Struct, gc=False):
    """What of the output was reasoning."""

    reasoning_tokens: Count | None = None


_NO_INPUTS, _NO_OUTPUTS = InputDetails(), OutputDetails()


class Usage(
    Struct,
    gc=False,
    rename={
        "input_tokens": "prompt_tokens",
        "inputs": "prompt_tokens_details",
        "output_tokens": "completion_tokens",
        "outputs": "completion_tokens_details",
    },
):
    """Tokens, by the names of chat completions."""

    input_tokens: Count
    output_tokens: Count | None = None
    inputs: InputDetails | None = None
    outputs: OutputDetails | None = None


class ResponsesUsage(
    Struct, gc=False, rename={"inputs": "input_tokens_details", "outputs": "output_tokens_details"}
):
    """Tokens, by the names of the Responses API, and by no others."""

    input_tokens: Count
    output_tokens: Count | None = None
    inputs: InputDetails | None = None
    outputs: OutputDetails | None = None
    prompt_tokens: UnsetType = UNSET


VALUES = ("custom_id", "answer", "finish_reason", "model", *COUNTS, "request_id")
"""The columns of outcomes that a line fills."""


def _values(line: Line[Any], answer: str | bytes | list[float], finish_reason: str | None) -> tuple[Any, ...]:
    """What a line holds, as the values of `VALUES`."""
    response = line.response
    body = response.body
    usage = body.usage
    inputs, outputs = usage.inputs or _NO_INPUTS, usage.outputs or _NO_OUTPUTS
    return (
        line.custom_id,
        answer,
        finish_reason,
        body.model,
        usage.input_tokens,
        inputs.cached_tokens,
        inputs.cache_write_tokens,
        usage.output_tokens,
        outputs.reasoning_tokens,
        response.request_id or None,
    )


class Message(Struct, gc=False):
    """A message that is a text."""

    content: Text
    refusal: None = None
    tool_calls: Nothing = None
    function_call: None = None


class ChatChoice(Struct, gc=False):
    """The choice of a chat completion."""

    message: Message
    finish_reason: str | None = None


class CompletionChoice(Struct, gc=False):
    """The choice of a completion, as there were before chat."""

    text: Text
    finish_reason: str | None = None


Choice = TypeVar("Choice", ChatChoice, CompletionChoice)


class OneChoice(Struct, Generic[Choice], gc=False):
    """The body of a completion with one choice."""

    choices: tuple[Choice]
    usage: Usage
    model: str | None = None


def _chat(line: Line[OneChoice[ChatChoice]]) -> tuple[Any, ...]:
    choice = line.response.body.choices[0]
    return _values(line, choice.message.content, choice.finish_reason)


def _completion(line: Line[OneChoice[CompletionChoice]]) -> tuple[Any, ...]:
    choice = line.response.body.choices[0]
    return _values(line, choice.text, choice.finish_reason)


class OutputText(Struct, gc=False, tag_field="type", tag="output_text"):
    """The only part of a message."""

    text: Text


class OutputRefusal(Struct, gc=False, tag_field="type", tag="refusal"):
    """What may stand in its place: of one kind alone the type might be left out."""


class OutputMessage(Struct, gc=False, tag_field="type", tag="message"):
    """A message of one part."""

    content: tuple[OutputText | OutputRefusal]


class Reasoning(Struct, gc=False, tag_field="type", tag="reasoning"):
    """What the model thought before it."""


class Responses(Struct, gc=False):
    """The body of a response that ends with a message."""

    output: Annotated[list[Reasoning | OutputMessage], Meta(min_length=1)]
    usage: ResponsesUsage
    model: str | None = None
    status: Literal["completed"] | None = None
    incomplete_details: None = None

    def __post_init__(self) -> None:
        """The last message is the answer."""
        last = self.output[-1]
        if not (isinstance(last, OutputMessage) and isinstance(last.content[0], OutputText)):
            raise ValueError("it ends with no message that is a text")


def _response(line: Line[Responses]) -> tuple[Any, ...]:
    text = line.response.body.output[-1].content[0].text  # type: ignore[union-attr]  # it was looked at
    return _values(line, text, "stop")


class Embedding(Struct, gc=False):
    """The only vector of a body, as float32: it comes in base64, or as numbers."""

    embedding: Annotated[bytes, Meta(min_length=1)] | Annotated[list[float], Meta(min_length=1)]
    index: int | None = None

    def __post_init__(self) -> None:
        """Numbers are packed at once, as they take five times the memory."""
        if isinstance(self.embedding, list):
            self.embedding = pack(f"<{len(self.embedding)}f", *self.embedding)
        elif len(self.embedding) % 4:
            raise ValueError("it is no float32")


class Embeddings(Struct, gc=False):
    """The body of an embedding of one input."""

    data: tuple[Embedding]
    usage: Usage
    model: str | None = None


def _embedding(line: Line[Embeddings]) -> tuple[Any, ...]:
    return _values(line, line.response.body.data[0].embedding, None)


class Shape(NamedTuple):
    """The usual body of an endpoint, the values of a line that holds one, and whether its answer may be typed."""

    body: type[Struct]
    values: Callable[[Line[Any]], tuple[Any, ...]]
    typed: bool = False


SHAPES = {
    Endpoint.CHAT_COMPLETIONS: Shape(OneChoice[ChatChoice], _chat, typed=True),
    Endpoint.RESPONSES: Shape(Responses, _response, typed=True),
    Endpoint.COMPLETIONS: Shape(OneChoice[CompletionChoice], _completion),
    Endpoint.EMBEDDINGS: Shape(Embeddings, _embedding),
}
"""The endpoints that answer with a text or a vector."""
