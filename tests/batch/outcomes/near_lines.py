"""Lines near the usual shape: as servers send them, with something odd here and there."""

import json
from typing import Any

from hypothesis import strategies as st
from prefect_openai_batch.batch.requests.endpoints import Endpoint

from .test_outcomes import CALL, FUNCTION_CALL, REFUSAL, USAGE, message, response

DETAILS = {
    "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": None},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
SAID: dict[str, Any] = {
    "role": "assistant",
    "content": "Fine, é 😀.",
    "refusal": None,
    "tool_calls": [],
    "annotations": [],
}
CHOICE = {"index": 0, "message": SAID, "logprobs": None, "finish_reason": "stop"}
ENDED = {"index": 0, "text": "Fine.", "finish_reason": "length"}
CALLED, SPOKEN = CALL["function"], {"id": "audio_1", "data": "AA==", "transcript": "Fine."}
REFUSED = {"type": "refusal", "refusal": "I cannot."}
PACKED = {"object": "embedding", "index": 0, "embedding": "AACAPwAAAEA="}
LISTED = {"object": "embedding", "index": 0, "embedding": [0.5, -1, 0.1]}
BODIES: dict[Endpoint, list[dict[str, Any]]] = {
    Endpoint.CHAT_COMPLETIONS: [
        {"model": "m", "choices": [CHOICE], "usage": USAGE | DETAILS},
        {"model": "m", "choices": [CHOICE, CHOICE], "usage": USAGE},
        {"model": "m", "choices": [CHOICE | {"message": SAID | {"tool_calls": [CALL]}}], "usage": USAGE},
        {"model": "m", "choices": [CHOICE | {"message": SAID | {"function_call": CALLED}}], "usage": USAGE},
        {"model": "m", "choices": [CHOICE | {"message": SAID | {"audio": SPOKEN}}], "usage": USAGE},
        {"model": "m", "choices": [CHOICE | {"message": SAID | {"content": [REFUSED]}}], "usage": USAGE},
    ],
    Endpoint.RESPONSES: [
        response({"type": "reasoning", "summary": []}, message("Fine.")),
        response(message("Let me see."), message("Fine.")),
        response(message("Fine."), FUNCTION_CALL),
        response(REFUSAL, message("Fine.")),
        response(message("Fine."), REFUSAL),
        response(message("Fine."), {"type": "reasoning"}),
        response({"type": "image_generation_call", "result": "iVBORw0KGgo="}, message("Fine.")),
        response({"type": "web_search_call"}, message("Fine.")),
        response(message("Fine."), usage=USAGE),
    ],
    Endpoint.COMPLETIONS: [{"model": "m", "choices": [ENDED], "usage": USAGE}],
    Endpoint.EMBEDDINGS: [
        {"model": "m", "data": [PACKED], "usage": USAGE},
        {"model": "m", "data": [LISTED], "usage": USAGE},
        {"model": "m", "data": [LISTED, PACKED], "usage": USAGE},
        {"model": "m", "data": [LISTED | {"embedding": []}], "usage": USAGE},
        {"model": "m", "data": [PACKED | {"embedding": ""}], "usage": USAGE},
    ],
}
ODD = (
    *("null", "true", "[]", "{}", '""', "[null]", '{"a": 1}', "[0.1, 2]", '"AACAPw=="', '"AACAP"', '"AB=="'),
    *("NaN", "1e999", "7.0", "7.5", "-0", "-1", "1e3", "01", "1" * 400, "100000000", "100000001", "200", '"200"'),
    *(
        '"\\ud83d"',
        '"\ud83d"',
        '"\\u0000"',
        '"\\/\\u00e9"',
        '"\\q"',
        '"\t"',
        '"stop"',
        '"failed"',
        '"incomplete"',
        '"{}"',
    ),
)


def usual(endpoint: Endpoint, body: dict[str, Any] | None = None) -> dict[str, Any]:
    told = {"status_code": 200, "request_id": "r", "body": BODIES[endpoint][0] if body is None else body}
    return {"id": "batch_req_1", "custom_id": "a", "response": told, "error": None}


@st.composite
def near_lines(draw: st.DrawFn) -> tuple[Endpoint, bytes]:
    """An endpoint, and a line near one of its usual ones: some values odd, some twice, or one byte gone wrong."""
    endpoint = draw(st.sampled_from([*BODIES]))
    line = usual(endpoint, draw(st.sampled_from(BODIES[endpoint])))
    places = draw(st.lists(st.integers(0, 40), max_size=3))
    odd = {place: draw(st.sampled_from(ODD)) for place in places}
    text = _Writer(odd, draw(st.booleans()), twice=draw(st.booleans())).write(line)
    content = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        place = draw(st.integers(0, len(content) - 1))
        content = content[:place] + draw(st.binary(min_size=0, max_size=2)) + content[place + 1 :]
    return endpoint, content.replace(b"\n", b" ") + b"\n"


class _Writer:
    """Writes JSON, with other texts in place of the values of some numbers, or beside them under the same name."""

    def __init__(self, odd: dict[int, str], ascii_only: bool, *, twice: bool) -> None:
        self.odd, self.ascii_only, self.twice, self.written = odd, ascii_only, twice, 0

    def write(self, value: Any, name: str | None = None) -> str:
        self.written += 1
        other = self.odd.get(self.written) if name != "custom_id" else None
        if other is not None and not (self.twice and name):
            return other
        if isinstance(value, dict):
            text = (
                "{" + ", ".join(f"{json.dumps(key)}: {self.write(one, key)}" for key, one in value.items()) + "}"
            )
        elif isinstance(value, list):
            text = "[" + ", ".join(self.write(one) for one in value) + "]"
        else:
            text = json.dumps(value, ensure_ascii=self.ascii_only)
        if other is None:
            return text
        return (
            f"{other}, {json.dumps(name)}: {text}" if self.written % 2 else f"{text}, {json.dumps(name)}: {other}"
        )
