"""The bodies of the Responses API."""

import json
from base64 import urlsafe_b64encode
from typing import Any

from ..answerers import Reply
from ..exchange import Answer, Asked, Body
from ..models import reasons, snapshot
from .usage import text_usage


def responses(asked: Asked, reply: Reply) -> Answer:
    """A `response`, incomplete where the reply was cut off."""
    usage = text_usage(asked, reply)
    request = asked.body
    cut = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(reply.finish_reason)
    body = {
        "id": f"resp_{asked.digest}",
        "object": "response",
        "created_at": asked.now,
        "status": "incomplete" if cut else "completed",
        "background": False,
        "billing": {"payer": "developer"},
        "completed_at": None if cut else asked.now,
        "error": None,
        "frequency_penalty": 0.0,
        "incomplete_details": {"reason": cut} if cut else None,
        "instructions": request.get("instructions"),
        "max_output_tokens": request.get("max_output_tokens"),
        "max_tool_calls": request.get("max_tool_calls"),
        "model": snapshot(request["model"]),
        "moderation": None,
        "output": _output_items(asked, reply, "incomplete" if cut else "completed"),
        "parallel_tool_calls": _given(request, "parallel_tool_calls", True),
        "presence_penalty": 0.0,
        "previous_response_id": request.get("previous_response_id"),
        "prompt_cache_key": request.get("prompt_cache_key"),
        "prompt_cache_retention": _given(request, "prompt_cache_retention", "in_memory"),
        "reasoning": {**_reasoning(request["model"]), **(request.get("reasoning") or {})},
        "safety_identifier": request.get("safety_identifier"),
        "service_tier": "default",
        "store": _given(request, "store", True),
        "temperature": _given(request, "temperature", 1.0),
        "text": {"format": {"type": "text"}, "verbosity": "medium", **(request.get("text") or {})},
        "tool_choice": _given(request, "tool_choice", "auto"),
        "tool_usage": _TOOL_USAGE,
        "tools": _given(request, "tools", []),
        "top_logprobs": _given(request, "top_logprobs", 0),
        "top_p": _given(request, "top_p", 1.0),
        "truncation": _given(request, "truncation", "disabled"),
        "usage": {
            "input_tokens": usage.input,
            "input_tokens_details": {"cache_write_tokens": usage.cache_write, "cached_tokens": usage.cached},
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
            "total_tokens": usage.input + usage.output,
        },
        "user": request.get("user"),
        "metadata": request.get("metadata") or {},
    }
    return Answer(200, json.dumps(body), usage)


_TOOL_USAGE = {
    "image_gen": {
        "input_tokens": 0,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"image_tokens": 0, "text_tokens": 0},
        "total_tokens": 0,
    },
    "web_search": {"num_requests": 0},
}


def _reasoning(model: str) -> Body:
    """How a model reasons, where the request does not say."""
    if not reasons(model):
        return {"effort": None, "summary": None}
    effort = "none" if model.startswith(_EFFORTLESS) else "medium"
    return {"context": "current_turn", "effort": effort, "mode": "standard", "summary": None}


_EFFORTLESS = ("gpt-5.1", "gpt-5.2", "gpt-5.4")
"""Models that do not reason unless they are asked to."""


def _thoughts(asked: Asked) -> Body:
    """The reasoning item; what was thought comes in a form that only OpenAI reads, where it is asked for."""
    item: Body = {"id": f"rs_{asked.digest}", "type": "reasoning", "content": []}
    if "reasoning.encrypted_content" in (asked.body.get("include") or ()):
        item["encrypted_content"] = f"gAAAAA{urlsafe_b64encode(asked.body_sha256.encode()).decode()}"
    return item | {"summary": []}


def _given(request: Body, name: str, otherwise: Any) -> Any:
    """A parameter as it comes back: what was not given, or is null, has its default."""
    value = request.get(name)
    if value is None:
        return otherwise
    return float(value) if isinstance(otherwise, float) else value


def _output_items(asked: Asked, reply: Reply, status: str) -> list[Body]:
    items: list[Body] = []
    if reasons(asked.body["model"]):
        items.append(_thoughts(asked))
    if reply.tool_calls:
        return [*items, *_function_calls(asked, reply)]
    if reply.refusal is not None:
        content: Body = {"type": "refusal", "refusal": reply.refusal}
    else:
        content = {"type": "output_text", "annotations": [], "logprobs": [], "text": reply.text}
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
