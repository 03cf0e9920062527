"""The bodies of the Responses API."""

import json
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
