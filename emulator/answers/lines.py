"""The lines of output files, error files and accounts, written as each kind of server writes them."""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ..settings import Profile
from .exchange import Answer, Asked, Usage, quoted


def answered_line(asked: Asked, answer: Answer, profile: Profile = "openai") -> str:
    """The line of a request that ran; JSON as Python writes it, which is how OpenAI writes it."""
    if profile != "openai":
        return _OTHERS[profile](asked, answer)
    return (
        f'{{"id": "batch_req_{_hexadecimal(asked.now)}{asked.digest[:24]}", '
        f'"custom_id": {quoted(asked.custom_id)}, '
        f'"response": {{"status_code": {answer.status}, "request_id": "{_uuid(asked.digest)}", '
        f'"body": {answer.body}}}, "error": null}}\n'
    )


def unexecuted_line(asked: Asked, code: str, message: str) -> str:
    """The line of a request that never ran."""
    return (
        f'{{"id": "batch_req_{asked.now:08x}{asked.digest[:24]}", "custom_id": {quoted(asked.custom_id)}, '
        f'"response": null, "error": {{"code": {quoted(code)}, "message": {quoted(message)}}}}}\n'
    )


def account_line(asked: Asked, answer: Answer, batch_id: str | None) -> str:
    """The line of an account; a synchronous call has neither custom_id nor batch."""
    custom_id, batch = ("null", "null") if batch_id is None else (quoted(asked.custom_id), f'"{batch_id}"')
    return (
        f'{{"custom_id": {custom_id}, "body_sha256": "{asked.body_sha256}", "batch_id": {batch}, '
        f'"status_code": {answer.status}, {_billed(asked.body.get("model", ""), answer.usage)}}}\n'
    )


@lru_cache(maxsize=16_384)
def _billed(model: str, usage: Usage | None) -> str:
    used = usage or Usage()
    return (
        f'"model": {quoted(model)}, "billed": {"false" if usage is None else "true"}, '
        f'"input_tokens": {used.input}, "cached_tokens": {used.cached}, '
        f'"cache_write_tokens": {used.cache_write}, "output_tokens": {used.output}'
    )


def _azure(asked: Asked, answer: Answer) -> str:
    """Azure: no id, its own key order, and content filters in chat completions."""
    body = json.loads(answer.body)
    if body.get("object") == "chat.completion":
        body["choices"] = [_filtered(choice) for choice in body["choices"]]
        body["prompt_filter_results"] = [
            {"prompt_index": 0, "content_filter_results": {**_SAFE, "jailbreak": _UNDETECTED}}
        ]
    response = {"body": body, "request_id": _uuid(asked.digest), "status_code": answer.status}
    return json.dumps({"custom_id": asked.custom_id, "response": response, "error": None}) + "\n"


_SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
_UNSENT = ("refusal", "annotations")
"""Keys of a message that Azure leaves out where they hold nothing."""
_UNDETECTED = {"filtered": False, "detected": False}


def _filtered(choice: dict[str, Any]) -> dict[str, Any]:
    message = {name: value for name, value in choice["message"].items() if value or name not in _UNSENT}
    return {**choice, "message": message, "content_filter_results": _SAFE}


def _foreign(asked: Asked, answer: Answer) -> str:
    """Zhipu's keys and no error key at all, Groq's extra fields, and text that is not escaped."""
    body = json.loads(answer.body) | {"x_groq": {"id": f"req_{asked.digest[:26]}"}}
    response = {"status_code": answer.status, "body": body}
    line = {"response": response, "custom_id": asked.custom_id, "id": f"vllm-{asked.digest[:32]}"}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


@lru_cache(maxsize=64)
def _hexadecimal(now: int) -> str:
    return f"{now:08x}"


_OTHERS: dict[str, Callable[[Asked, Answer], str]] = {"azure": _azure, "foreign": _foreign}


def _uuid(digest: str) -> str:
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
