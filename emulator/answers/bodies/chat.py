"""The bodies of chat completions, and of the completions that were before them."""

import json
from functools import lru_cache

from ..answerers import Reply
from ..exchange import Answer, Asked, Body, Usage, quoted
from ..models import fingerprint, snapshot
from .usage import text_usage


def chat(asked: Asked, reply: Reply) -> Answer:
    """A `chat.completion`."""
    usage = text_usage(asked, reply)
    silent = reply.refusal is not None or reply.tool_calls
    calls = f'"tool_calls": {json.dumps(_chat_calls(asked, reply))}, ' if reply.tool_calls else ""
    content = "null" if silent else quoted(reply.text)
    refusal = "null" if reply.refusal is None else quoted(reply.refusal)
    # Written out, and not made of dictionaries, since a million of them are made in one go.
    body = (
        f'{{"id": "chatcmpl-{asked.digest[:29]}", {_chat_kind(asked.now, asked.body["model"])}, "choices": '
        f'[{{"index": 0, "message": {{"role": "assistant", "content": {content}, {calls}"refusal": {refusal}, '
        f'"annotations": []}}, '
        f'"logprobs": null, "finish_reason": "{reply.finish_reason}"}}], {_chat_usage(usage)}, '
        f'"service_tier": "default", "system_fingerprint": {fingerprint(asked.body["model"])}}}'
    )
    return Answer(200, body, usage)


@lru_cache(maxsize=1024)
def _chat_kind(now: int, model: str) -> str:
    return f'"object": "chat.completion", "created": {now}, "model": {quoted(snapshot(model))}'


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


def completions(asked: Asked, reply: Reply) -> Answer:
    """A `text_completion`."""
    usage = text_usage(asked, reply)
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
