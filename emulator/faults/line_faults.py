"""What a fault makes of a line: of its answer, and of the text that is written."""

import json
from dataclasses import replace
from typing import Any

from ..answers.answerers import Reply
from ..answers.exchange import Answer, Asked, quoted
from ..answers.lines import unexecuted_line
from ..errors import embedding_too_long, error_body
from .script import LineFault

_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this "
    "error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
)
_CONTEXT = (
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 131072 tokens. "
    "Please reduce the length of the messages."
)
_RESPONSES_CONTEXT = "Your input exceeds the context window of this model. Please adjust your input and try again."
_ERRORS: dict[int, tuple[str, str, str | None, str | None]] = {
    400: (_CONTEXT, "invalid_request_error", "messages", "context_length_exceeded"),
    429: ("Rate limit reached for requests.", "requests", None, "rate_limit_exceeded"),
    500: ("The server had an error while processing your request. Sorry about that!", "server_error", None, None),
    503: ("Our servers are currently overloaded. Please try again later.", "server_error", None, None),
}
_TIMEOUT = ("request_timeout", "The underlying call to the model timed out.")


def spoil_reply(fault: LineFault, endpoint: str, reply: Reply) -> Reply | None:
    """The reply under this fault; None where the fault leaves the reply alone."""
    if fault.kind == "error":
        return Reply(status=fault.status, body=line_error(fault.status, endpoint, fault.code, fault.message))
    if fault.kind == "timeout":
        return Reply(status=408, body={})
    if fault.kind == "status_zero":
        return Reply(status=0, body={})
    if fault.kind == "refusal":
        return Reply(refusal=fault.message or "I'm sorry, but I can't help with that.")
    if fault.kind == "length":
        return reply._replace(text=reply.text[: len(reply.text) // 2], finish_reason="length")
    if fault.kind == "content_filter":
        return Reply("", finish_reason="content_filter")
    if fault.kind == "invalid_answer":
        return Reply('{"this is": "not what you asked for"')
    if fault.kind == "separators":
        return reply._replace(text=f"{reply.text} \u2028and\u2029so\x85on")
    return None


def line_error(status: int, endpoint: str, code: str | None, message: str | None) -> dict[str, Any]:
    """A line's error body, in the words OpenAI has for this status, endpoint and code."""
    if code == "insufficient_quota":
        return error_body(message or _QUOTA, "insufficient_quota", None, code)
    text, kind, param, usual = _ERRORS.get(status, _ERRORS[400 if status < 500 else 500])
    if status == 400 and endpoint == "/v1/embeddings":
        text, param, usual = embedding_too_long(20_000)["error"]["message"], None, None
    elif status == 400 and endpoint == "/v1/responses":
        text, param = _RESPONSES_CONTEXT, "input"
    return error_body(message or text, kind, param if code is None else None, code or usual)


def spoil_body(fault: LineFault, answer: Answer) -> Answer:
    """The answer under a fault that changes its body's text."""
    if fault.kind == "separators":
        body = answer.body
        for letter in ("\u2028", "\u2029", "\x85"):
            body = body.replace(quoted(letter)[1:-1], letter)
        return replace(answer, body=body)
    if fault.kind == "two_messages" and '"object": "response"' in answer.body:
        return replace(answer, body=_with_cut_message(json.loads(answer.body)))
    return answer


def spoil_line(fault: LineFault, text: str, asked: Asked) -> str:
    """What is written instead of this line."""
    if fault.kind == "timeout":
        return unexecuted_line(asked, *_TIMEOUT)
    if fault.kind == "missing":
        return ""
    if fault.kind == "doubled":
        return text * 2
    if fault.kind == "foreign":
        return text + text.replace(quoted(asked.custom_id), quoted(f"somebody-else-{asked.custom_id}"), 1)
    return text


def _with_cut_message(body: dict[str, Any]) -> str:
    """An output whose first message is cut off, as seen in real Responses bodies."""
    whole = next((item for item in body["output"] if item["type"] == "message"), None)
    if whole is not None:
        part = {**whole["content"][0], "text": whole["content"][0].get("text", "")[:3]}
        cut = {**whole, "id": f"{whole['id']}00", "status": "incomplete", "content": [part]}
        body["output"].insert(body["output"].index(whole), cut)
    return json.dumps(body)
