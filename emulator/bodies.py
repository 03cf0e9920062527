"""Replies in the shape of each endpoint's body, with what they used."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from .errors import error_body
from .models import reasons, snapshot
from .prompts import asked_text, embedding_inputs, input_tokens, text_tokens
from .replies import Reply
from .vectors import as_json, dimensions, embed

Body = dict[str, Any]


class Usage(NamedTuple):
    """The tokens of one line."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0


@dataclass(slots=True)  # not frozen, and no tuple: a million are made, and both take longer to make or to read
class Answer:
    """One line's answer: its HTTP status, its body as JSON text, and what it used (None: nothing is billed)."""

    status: int
    body: str
    usage: Usage | None


@dataclass(slots=True)  # for the same reason
class Asked:
    """One line of an input file, and what its answer is made of besides.

    Attributes:
        custom_id: the line's name.
        body: the request's body.
        body_sha256: the digest of the body as compact JSON with sorted keys.
        digest: 48 hexadecimal digits, no two lines' the same: every id is made of them.
        now: the time of the answer.
    """

    custom_id: str
    body: Body
    body_sha256: str
    digest: str
    now: int


def shape(endpoint: str, asked: Asked, reply: Reply) -> Answer:
    """A reply as the endpoint sends it."""
    if reply.body is not None:
        usage = read_usage(reply.body) if reply.status == 200 else None
        return Answer(reply.status, json.dumps(reply.body), usage)
    if reply.status != 200:
        return Answer(reply.status, json.dumps(error_body(reply.text, "invalid_request_error")), None)
    return _SHAPES[endpoint](asked, reply)


def read_usage(body: Body) -> Usage | None:
    """The tokens that a body reports, in the words of either API; None where it reports none."""
    usage = body.get("usage")
    if not isinstance(usage, dict):
        return None
    inputs = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    outputs = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    return Usage(
        int(usage.get("prompt_tokens", usage.get("input_tokens")) or 0),
        int(usage.get("completion_tokens", usage.get("output_tokens")) or 0),
        int(inputs.get("cached_tokens") or 0),
        int(outputs.get("reasoning_tokens") or 0),
    )


_quoted: Callable[[str], str] = json.encoder.encode_basestring_ascii


@lru_cache(maxsize=1024)
def _thought(model: str) -> int:
    """The reasoning tokens of one answer."""
    return 64 if reasons(model) else 0


def _used(asked: Asked, reply: Reply) -> Usage:
    text = reply.text or reply.refusal or "".join(call.arguments for call in reply.tool_calls)
    thought = _thought(asked.body["model"])
    return Usage(input_tokens(asked.body), text_tokens(text) + thought, 0, thought)


def _chat(asked: Asked, reply: Reply) -> Answer:
    usage = _used(asked, reply)
    silent = reply.refusal is not None or reply.tool_calls
    calls = f', "tool_calls": {json.dumps(_chat_calls(asked, reply))}' if reply.tool_calls else ""
    content = "null" if silent else _quoted(reply.text)
    refusal = "null" if reply.refusal is None else _quoted(reply.refusal)
    # Written out, and not made of dictionaries, since a million of them are made in one go.
    body = (
        f'{{"id": "chatcmpl-{asked.digest[:29]}", {_chat_kind(asked.now, asked.body["model"])}, "choices": '
        f'[{{"index": 0, "message": {{"role": "assistant", "content": {content}, "refusal": {refusal}{calls}}}, '
        f'"logprobs": null, "finish_reason": "{reply.finish_reason}"}}], {_chat_usage(usage)}, '
        f'"service_tier": "default", "system_fingerprint": null}}'
    )
    return Answer(200, body, usage)


@lru_cache(maxsize=1024)
def _chat_kind(now: int, model: str) -> str:
    return f'"object": "chat.completion", "created": {now}, "model": {_quoted(snapshot(model))}'


@lru_cache(maxsize=16_384)
def _chat_usage(usage: Usage) -> str:
    return (
        f'"usage": {{"prompt_tokens": {usage.input}, "completion_tokens": {usage.output}, '
        f'"total_tokens": {usage.input + usage.output}, "prompt_tokens_details": '
        f'{{"cached_tokens": 0, "audio_tokens": 0}}, "completion_tokens_details": '
        f'{{"reasoning_tokens": {usage.reasoning}, "audio_tokens": 0, "accepted_prediction_tokens": 0, '
        f'"rejected_prediction_tokens": 0}}}}'
    )


def _chat_calls(asked: Asked, reply: Reply) -> list[Body]:
    return [
        {
            "id": f"call_{asked.digest[:22]}{number:02}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for number, call in enumerate(reply.tool_calls)
    ]


def _responses(asked: Asked, reply: Reply) -> Answer:
    usage = _used(asked, reply)
    request = asked.body
    cut = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(reply.finish_reason)
    body = {
        "id": f"resp_{asked.digest}",
        "object": "response",
        "created_at": asked.now,
        "status": "incomplete" if cut else "completed",
        "background": False,
        "error": None,
        "incomplete_details": {"reason": cut} if cut else None,
        "instructions": request.get("instructions"),
        "max_output_tokens": request.get("max_output_tokens"),
        "model": snapshot(request["model"]),
        "output": _output_items(asked, reply, "incomplete" if cut else "completed"),
        "parallel_tool_calls": _given(request, "parallel_tool_calls", True),
        "previous_response_id": request.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None, **(request.get("reasoning") or {})},
        "service_tier": "default",
        "store": _given(request, "store", True),
        "temperature": _given(request, "temperature", 1.0),
        "text": request.get("text") or {"format": {"type": "text"}},
        "tool_choice": _given(request, "tool_choice", "auto"),
        "tools": _given(request, "tools", []),
        "top_p": _given(request, "top_p", 1.0),
        "truncation": _given(request, "truncation", "disabled"),
        "usage": {
            "input_tokens": usage.input,
            "input_tokens_details": {"cached_tokens": usage.cached},
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
            "total_tokens": usage.input + usage.output,
        },
        "user": request.get("user"),
        "metadata": request.get("metadata") or {},
    }
    return Answer(200, json.dumps(body), usage)


def _given(request: Body, name: str, otherwise: Any) -> Any:
    """A parameter as it comes back: what was not given, or is null, has its default."""
    value = request.get(name)
    if value is None:
        return otherwise
    return float(value) if isinstance(otherwise, float) else value


def _output_items(asked: Asked, reply: Reply, status: str) -> list[Body]:
    items: list[Body] = []
    if reasons(asked.body["model"]):
        items.append({"id": f"rs_{asked.digest}", "type": "reasoning", "summary": []})
    if reply.tool_calls:
        return [*items, *_function_calls(asked, reply)]
    if reply.refusal is not None:
        content: Body = {"type": "refusal", "refusal": reply.refusal}
    else:
        content = {"type": "output_text", "annotations": [], "text": reply.text}
    message = {
        "id": f"msg_{asked.digest}",
        "type": "message",
        "status": status,
        "content": [content],
        "role": "assistant",
    }
    return [*items, message]


def _function_calls(asked: Asked, reply: Reply) -> list[Body]:
    return [
        {
            "id": f"fc_{asked.digest}{number:02}",
            "type": "function_call",
            "status": "completed",
            "arguments": call.arguments,
            "call_id": f"call_{asked.digest[:22]}{number:02}",
            "name": call.name,
        }
        for number, call in enumerate(reply.tool_calls)
    ]


def _embeddings(asked: Asked, _: Reply) -> Answer:
    inputs = embedding_inputs(asked.body)
    length, encoding = dimensions(asked.body), asked.body.get("encoding_format")
    entries = ", ".join(
        f'{{"object": "embedding", "embedding": {as_json(embed(given, length), encoding)}, "index": {number}}}'
        for number, given in enumerate(inputs)
    )
    tokens = sum(_input_length(given) for given in inputs)
    body = (
        f'{{"object": "list", "data": [{entries}], "model": {_quoted(snapshot(asked.body["model"]))}, '
        f'"usage": {{"prompt_tokens": {tokens}, "total_tokens": {tokens}}}}}'
    )
    return Answer(200, body, Usage(tokens))


def _input_length(given: Any) -> int:
    return text_tokens(given) if isinstance(given, str) else len(given or ())


def _completions(asked: Asked, reply: Reply) -> Answer:
    usage = _used(asked, reply)
    body = {
        "id": f"cmpl-{asked.digest[:29]}",
        "object": "text_completion",
        "created": asked.now,
        "model": snapshot(asked.body["model"]),
        "choices": [{"text": reply.text, "index": 0, "logprobs": None, "finish_reason": reply.finish_reason}],
        "usage": {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
        },
    }
    return Answer(200, json.dumps(body), usage)


_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "sexual",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm/intent",
    "self-harm/instructions",
    "self-harm",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
_FLAGGED = {"violence": ("kill", "attack", "shoot", "stab"), "harassment": ("idiot", "stupid", "moron")}


def _moderations(asked: Asked, _: Reply) -> Answer:
    given = asked.body.get("input")
    inputs = given if isinstance(given, list) and all(isinstance(text, str) for text in given) else [given]
    body = {
        "id": f"modr-{asked.digest[:32]}",
        "model": snapshot(asked.body.get("model") or "omni-moderation-latest"),
        "results": [_moderated(asked_text({"input": text})) for text in inputs],
    }
    return Answer(200, json.dumps(body), Usage(0, 0))


def _moderated(text: str) -> Body:
    low = text.lower()
    flags = {name: any(word in low for word in _FLAGGED.get(name, ())) for name in _CATEGORIES}
    return {
        "flagged": any(flags.values()),
        "categories": flags,
        "category_scores": {name: 0.91 if flag else 0.0001 for name, flag in flags.items()},
        "category_applied_input_types": {name: ["text"] if flag else [] for name, flag in flags.items()},
    }


# A PNG of one transparent pixel.
_PIXEL = b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
        "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
    )
).decode()


def _images(asked: Asked, _: Reply) -> Answer:
    usage = Usage(input_tokens(asked.body), 1056 * int(asked.body.get("n") or 1))
    body = {
        "created": asked.now,
        "background": "opaque",
        "data": [{"b64_json": _PIXEL} for _ in range(int(asked.body.get("n") or 1))],
        "output_format": asked.body.get("output_format") or "png",
        "quality": asked.body.get("quality") or "medium",
        "size": asked.body.get("size") or "1024x1024",
        "usage": {
            "input_tokens": usage.input,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": usage.input},
            "output_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
        },
    }
    return Answer(200, json.dumps(body), usage)


def _videos(asked: Asked, _: Reply) -> Answer:
    body = {
        "id": f"video_{asked.digest}",
        "object": "video",
        "completed_at": asked.now,
        "created_at": asked.now,
        "error": None,
        "expires_at": asked.now + 86_400,
        "model": asked.body["model"],
        "progress": 100,
        "prompt": asked.body.get("prompt"),
        "remixed_from_video_id": None,
        "seconds": str(asked.body.get("seconds") or "4"),
        "size": asked.body.get("size") or "720x1280",
        "status": "completed",
    }
    return Answer(200, json.dumps(body), Usage(input_tokens(asked.body), 0))


_SHAPES: dict[str, Callable[[Asked, Reply], Answer]] = {
    "/v1/chat/completions": _chat,
    "/v1/responses": _responses,
    "/v1/embeddings": _embeddings,
    "/v1/completions": _completions,
    "/v1/moderations": _moderations,
    "/v1/images/generations": _images,
    "/v1/images/edits": _images,
    "/v1/videos": _videos,
}

ENDPOINTS = tuple(_SHAPES)
"""The endpoints that batches take, in OpenAI's order."""
