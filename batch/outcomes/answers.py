"""The answer in a response's body, for each endpoint, as the column `answer` holds it."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import orjson

from ..requests.endpoints import Endpoint

Body = Mapping[str, Any]


class Answer(NamedTuple):
    """What one body says.

    `answer` is text, or a vector of float32 for embeddings, or None. `error_code` and `error_message` hold a
    refusal's text, or how a body that `failed` ended: the reason is then in its error.
    """

    answer: Any = None
    finish_reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    failed: bool = False


def read_answer(endpoint: Endpoint, body: Any) -> Answer:
    """The answer in the body of a response with status 200.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: the body is not shaped as the endpoint's are.
    """
    if not isinstance(body, dict):
        raise TypeError(f"it is {'empty' if not body else 'no object'}")
    answer, reason, code, message, failed = READERS[endpoint](body)
    if answer is None and code is None and body.get("error"):
        raise ValueError("it holds an error in place of an answer")
    return Answer(answer, _word(reason), _word(code), _word(message), failed)


_OBJECTS = {
    "chat.completion": Endpoint.CHAT_COMPLETIONS,
    "response": Endpoint.RESPONSES,
    "text_completion": Endpoint.COMPLETIONS,
    "video": Endpoint.VIDEOS,
}
"""Where bodies come from that say what they are."""


def endpoint_of(body: Any) -> Endpoint | None:
    """The endpoint whose answer a body is; None where it shows none, as an error's."""
    if not isinstance(body, dict):
        return None
    first = next(iter(body.get("data") or ()), None) if isinstance(body.get("data"), list) else None
    if isinstance(first, dict):
        return Endpoint.EMBEDDINGS if "embedding" in first else Endpoint.IMAGE_GENERATIONS
    return Endpoint.MODERATIONS if "results" in body else _OBJECTS.get(str(body.get("object")))


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _word(value: Any) -> str | None:
    """What should be a word or a sentence, whatever a server sends in its place."""
    return value if value is None or isinstance(value, str) else _json(value)


def _text(content: Any) -> str | None:
    """A message's text; some servers send it as a list of parts."""
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content)
    if content is not None and not isinstance(content, str):
        return _json(content)
    return content or None


def _chat(body: Body) -> Answer:
    choice = body["choices"][0]
    message = choice["message"]
    reason = choice.get("finish_reason")
    content = _content(message)
    if refusal := message.get("refusal") or "".join(_refusals(content)):
        return _refused(refusal, reason)
    if called := message.get("tool_calls") or message.get("function_call"):
        return Answer(_json(called), reason)
    return Answer(_text(content), reason)


def _content(message: Body) -> Any:
    """What a message says; of one that is spoken the transcript, or all there is where it has none."""
    content = message.get("content")
    if content or not (spoken := message.get("audio")):
        return content
    return (spoken.get("transcript") or spoken) if isinstance(spoken, dict) else content


def _refusals(content: Any) -> list[str]:
    parts = content if isinstance(content, list) else ()
    return [part["refusal"] for part in parts if part.get("type") == "refusal" and part.get("refusal")]


def _refused(text: str, reason: str | None) -> Answer:
    return Answer(None, reason, error_code="refusal", error_message=text)


_REASONS = {"max_output_tokens": "length"}
"""The Responses API's reasons, in the words of chat completions where they mean the same."""

_IMAGE = "image_generation_call"

_FILES = "file_search_call"

_UNSAID = ("reasoning", "compaction", "mcp_list_tools", "web_search_call")
"""Items that are no answer also where they stand alone, as where the limit of output tokens came too early."""


def _responses(body: Body) -> Answer:
    status = body.get("status")
    if status in ("failed", "cancelled"):
        return _failed(status, "the response failed")
    incomplete: str | None = (body.get("incomplete_details") or {}).get("reason")
    ended = status if isinstance(status, str) and status not in ("", "completed") else "stop"
    reason = ended if incomplete is None else _REASONS.get(incomplete, incomplete)
    output = body["output"]
    calls = [item for item in output if str(item.get("type")).endswith(("function_call", "custom_tool_call"))]
    if calls and reason == "stop":
        reason = "tool_calls"
    if any(item.get("type") == _IMAGE and item.get("result") for item in output):  # what is said besides stays too
        return Answer(_json(_made(output)), reason)
    if calls:
        return Answer(_json(calls), reason)
    for item in reversed(output):  # the last message that says anything: an earlier one may be empty or cut off
        parts = item.get("content") or () if item.get("type") == "message" else ()
        refusals = _refusals(parts)
        if refusals:
            return _refused(refusals[-1], reason)
        text = "".join(part.get("text") or "" for part in parts if part.get("type") == "output_text")
        if text:
            return Answer(text, reason)
    made = _made(output)
    return Answer(_json(made) if made else None, reason)


def _made(output: Iterable[Body]) -> list[Body]:
    """The items that hold something, which was paid for."""
    return [item for item in output if _holds(item)]


def _holds(item: Body) -> bool:
    kind = item.get("type")
    if kind == "message":
        return any(part.get("text") or part.get("type") != "output_text" for part in item.get("content") or ())
    if kind in (_IMAGE, _FILES):
        return bool(item.get("result") or item.get("results"))
    return kind not in _UNSAID


def said_texts(endpoint: Endpoint, body: Body) -> list[str]:
    """All that a body says that may be a typed answer, in order: parts of messages, and arguments of calls."""
    if endpoint == Endpoint.COMPLETIONS:
        said = [body["choices"][0]["text"]]
    elif endpoint == Endpoint.CHAT_COMPLETIONS:
        message = body["choices"][0]["message"]
        content, calls, function = _content(message), message.get("tool_calls"), message.get("function_call")
        if isinstance(content, str) and content and not (calls or function):  # as nearly always
            return [content]
        functions = [call["function"] for call in calls or () if "function" in call]
        functions += [function] if function else []
        parts = content if isinstance(content, list) else [{"text": content}]
        said = [*(part.get("text") for part in parts), *(called["arguments"] for called in functions)]
    else:
        said = [text for item in body.get("output") or () for text in _said_by(item)]
    texts = [found for found in said if found and isinstance(found, str | dict)]
    return [_json(found) if isinstance(found, dict) else found for found in texts]


def _said_by(item: Body) -> list[Any]:
    """What an item of a response's output says."""
    if item.get("type") == "function_call":
        return [item["arguments"]]
    return [part.get("text") for part in item.get("content") or ()] if item.get("type") == "message" else []


def _failed(status: str, message: str) -> Answer:
    return Answer(None, status, status, message, failed=True)


def _embeddings(body: Body) -> Answer:
    """One vector; where an item held several inputs, their vectors one after another."""
    vectors = [_vector(entry["embedding"]) for entry in sorted(body["data"], key=_index)]
    return Answer(vectors[0] if len(vectors) == 1 else np.concatenate(vectors))


def _index(entry: Body) -> int:
    return int(entry.get("index") or 0)


_OF_URLS = str.maketrans("-_", "+/")
"""The alphabet of base64 in URLs, and the usual one."""


def _decoded(text: str) -> bytes:
    """Base64's bytes; strictly, or what is none would give numbers that nobody meant."""
    try:
        return b64decode(text, validate=True)
    except Base64Error:
        bare = "".join(text.split()).translate(_OF_URLS)
        return b64decode(bare + "=" * (-len(bare) % 4), validate=True)


def _vector(embedding: Any) -> np.ndarray:
    if isinstance(embedding, str):
        vector = np.frombuffer(_decoded(embedding), dtype="<f4")
    elif isinstance(embedding, list) and {*map(type, embedding)} <= {int, float}:
        with np.errstate(over="ignore"):  # a number beyond a float32 is infinite
            vector = np.array(embedding, dtype=np.float32)
    else:  # numpy would make numbers of null, of true and of texts
        raise ValueError("an embedding is a list of numbers")
    if not vector.size:
        raise ValueError("the embedding is empty")
    return vector


def _completions(body: Body) -> Answer:
    choice = body["choices"][0]
    return Answer(_text(choice["text"]), choice.get("finish_reason"))


def _moderations(body: Body) -> Answer:
    results = body["results"]
    _check_some(results)
    return Answer(_json(results[0] if len(results) == 1 else results))


def _check_some(found: Any) -> None:
    """Refuse what is no list, or one of nothing."""
    if not (isinstance(found, list) and any(isinstance(one, dict) and one for one in found)):
        raise ValueError("it holds nothing")


def _whole_body(body: Body) -> Answer:
    """The body, also where its shape is new, as it may have been paid; but no error, nor a list of no images."""
    if not body or body.get("error") or "data" in body:
        _check_some(body.get("data"))
    return Answer(_json(body))


def _videos(body: Body) -> Answer:
    status = body.get("status")
    if status in ("failed", "expired"):
        return _failed(status, f"the video ended as {status}")
    return _whole_body(body)


READERS: dict[Endpoint, Callable[[Body], Answer]] = {
    Endpoint.CHAT_COMPLETIONS: _chat,
    Endpoint.RESPONSES: _responses,
    Endpoint.EMBEDDINGS: _embeddings,
    Endpoint.COMPLETIONS: _completions,
    Endpoint.MODERATIONS: _moderations,
    Endpoint.IMAGE_GENERATIONS: _whole_body,
    Endpoint.IMAGE_EDITS: _whole_body,
    Endpoint.VIDEOS: _videos,
}
"""How the answers of each endpoint are read."""
