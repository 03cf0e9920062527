"""Items, and damaged pairs of files about them: what is left of each line is known."""

import json
from itertools import pairwise
from typing import Any, NamedTuple

import orjson
from hypothesis import strategies as st
from prefect_openai_batch.batch.limits import MAX_CUSTOM_ID_BYTES
from prefect_openai_batch.batch.requests.endpoints import Endpoint

HALF = "\ud83d"
CHARACTERS = st.sampled_from('ab?"\\{ \n\x00\x85\u2028\u2029é😀') | st.characters()
TEXTS = st.text(CHARACTERS, min_size=1, max_size=8)
CUSTOM_IDS = st.text(CHARACTERS.filter(lambda one: not "\ud800" <= one <= "\udfff"), min_size=1, max_size=6) | (
    st.sampled_from(["?", "A", "x" * MAX_CUSTOM_ID_BYTES, "é" * (MAX_CUSTOM_ID_BYTES // 2)])
)
SCORES = st.sampled_from([0.5, float("nan"), float("-inf"), 10**400])


class Line(NamedTuple):
    """A line as it lies in a file.

    `owner` is the custom_id it is about, None for rubbish; `tells` is outcome, error code and whether it goes
    again, None where the line is damaged, and `legible` whether a damaged line still shows its owner.
    """

    owner: str | None
    text: bytes
    tells: tuple[str, str | None, bool] | None = None
    answer: Any = None
    legible: bool = False


class Case(NamedTuple):
    """Items in their order, and what each of the files holds."""

    endpoint: Endpoint
    custom_ids: list[str]
    files: list[list[Line]]


def body_of(endpoint: Endpoint, text: str, score: float | None = 0.5) -> dict[str, Any]:
    """The body of a response that says this."""
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "score": score}
    content = [{"type": "output_text", "text": text}]
    said: dict[Endpoint, dict[str, Any]] = {
        Endpoint.CHAT_COMPLETIONS: {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]},
        Endpoint.RESPONSES: {"status": "completed", "output": [{"type": "message", "content": content}]},
        Endpoint.EMBEDDINGS: {"data": [{"index": 0, "embedding": [float(len(text)), 0.5]}]},
        Endpoint.COMPLETIONS: {"choices": [{"text": text, "finish_reason": "stop"}]},
        Endpoint.MODERATIONS: {"results": [{"flagged": False, "score": score, "note": text}]},
    }
    return {"model": "m", "usage": usage, **said.get(endpoint, {"id": text})}


def answer_of(endpoint: Endpoint, text: str, score: float | None) -> Any:
    """The answer that such a body gives."""
    body = body_of(endpoint, text, score)
    if endpoint == Endpoint.EMBEDDINGS:
        return body["data"][0]["embedding"]
    if endpoint in (Endpoint.CHAT_COMPLETIONS, Endpoint.RESPONSES, Endpoint.COMPLETIONS):
        return text
    return orjson.dumps(body["results"][0] if endpoint == Endpoint.MODERATIONS else body).decode()


def responded(status: int, body: Any) -> dict[str, Any]:
    """The fields of a line whose request was executed."""
    return {"response": {"status_code": status, "request_id": "r", "body": body}, "error": None}


def unexecuted(code: str) -> dict[str, Any]:
    """The fields of a line whose request was not."""
    return {"response": None, "error": {"code": code, "message": "Sorry."}}


WITHOUT_ANSWER: dict[str, tuple[dict[str, Any], tuple[str, str | None, bool]]] = {
    "expired": (unexecuted("batch_expired"), ("expired", "batch_expired", True)),
    "cancelled": (unexecuted("batch_cancelled"), ("cancelled", "batch_cancelled", False)),
    "timeout": (unexecuted("request_timeout"), ("failed", "request_timeout", True)),
    "bad": (responded(400, {"error": {"code": "bad"}}), ("failed", "bad", False)),
    "limited": (responded(429, {"error": {"code": "slow_down"}}), ("failed", "slow_down", True)),
    "unwell": (responded(500, {"error": {"code": "nan", "param": float("nan")}}), ("failed", "nan", True)),
    "status 0": (responded(0, None), ("failed", "0", True)),
    "shapeless": (responded(200, {}), ("failed", "unreadable_response", True)),
    "no response": ({"response": None, "error": None}, ("failed", None, True)),
    "nothing": ({"response": {}}, ("failed", "unreadable_response", True)),
}
"""Whole lines that hold no answer, and what they tell."""

RUBBISH = st.sampled_from(
    [
        *(b"\n", b" \r\n", b"null\n", b"[]\n", b"{}\n", b'"text"\n', b"\xff\xfe\n", b"\x00\n", b"<html>\n"),
        *(b'{"custom_id": 7}\n', b'{"custom_id": null, "response": {}}\n', b"[" * 2_000 + b"\n"),
    ]
).map(lambda text: Line(None, text))


class Layout(NamedTuple):
    """How a server writes its lines; OpenAI's own has the custom_id second and a blank after each colon."""

    order: tuple[str, ...] = ("id", "custom_id", "response", "error")
    separators: tuple[str, str] = (", ", ": ")
    ascii_only: bool = False

    def write(self, custom_id: str, fields: dict[str, Any]) -> bytes:
        """One line with its newline."""
        line = {"id": "batch_req_1", "custom_id": custom_id, **fields}
        ordered = {name: line[name] for name in self.order if name in line}
        text = json.dumps(ordered, ensure_ascii=self.ascii_only, separators=self.separators)
        return text.encode("utf-8", "surrogatepass") + b"\n"

    def legible(self, custom_id: str, left: bytes) -> bool:
        """Whether what is left of a line shows its custom_id for certain, though it is no JSON any more."""
        shown = json.dumps(custom_id, ensure_ascii=self.ascii_only).encode("utf-8", "surrogatepass")
        colon, comma = self.separators[1].encode(), self.separators[0].encode()
        begins = b'{"id"%b"batch_req_1"%b"custom_id"%b%b%b"response"' % (colon, comma, colon, shown, comma)
        return self.order[0] == "id" and b"\\" not in shown and left.startswith(begins)

    def read(self, text: str) -> str:
        """A text as it is read back: each half of an emoji is a question mark."""
        read: str = json.loads(json.dumps(text, ensure_ascii=self.ascii_only))
        return read.encode("utf-8", "replace").decode()


LAYOUTS = st.builds(
    Layout,
    st.sampled_from([("id", "custom_id", "response", "error"), ("response", "error", "custom_id", "id")]),
    st.sampled_from([(", ", ": "), (",", ":")]),
    st.booleans(),
)


@st.composite
def lines_about(draw: st.DrawFn, custom_id: str, endpoint: Endpoint) -> Line:
    """A line about one item: whole, cut off with its newline or without, or with a byte gone wrong."""
    layout = draw(LAYOUTS)
    fate = draw(st.sampled_from([*["good", "cut", "open", "byte"] * 3, *WITHOUT_ANSWER]))
    if fate in WITHOUT_ANSWER:
        fields, tells = WITHOUT_ANSWER[fate]
        return Line(custom_id, layout.write(custom_id, fields), tells)
    text, score = draw(TEXTS), draw(SCORES)
    whole = layout.write(custom_id, responded(200, body_of(endpoint, text, score)))
    if fate == "good":
        answer = answer_of(endpoint, layout.read(text), score if score == 0.5 else None)
        return Line(custom_id, whole, ("succeeded", None, False), answer)
    place = draw(st.integers(1, len(whole) - 2))
    left = whole[:place]
    rest = {"cut": b"\n", "open": b"", "byte": b"\xff" + whole[place + 1 :]}[fate]
    return Line(custom_id, left + rest, legible=layout.legible(custom_id, left))


def near(custom_id: str) -> list[str]:
    """Foreign custom_ids that resemble one of ours."""
    halved = custom_id.replace("?", HALF)
    return [f"{custom_id} ", f" {custom_id}", custom_id.swapcase(), custom_id[:-1], custom_id + HALF, halved]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any items, and any damaged pair of files about them and others; either file may be missing."""
    endpoint = draw(st.sampled_from(Endpoint))
    ids = draw(st.lists(CUSTOM_IDS, min_size=1, max_size=5, unique=True))
    foreign = st.sampled_from([other for one in ids for other in near(one) if other not in ids])
    ours, theirs = (
        owners.flatmap(lambda owner: lines_about(owner, endpoint)) for owners in (st.sampled_from(ids), foreign)
    )
    pool = [*draw(st.lists(ours, min_size=3, max_size=7)), draw(theirs), draw(RUBBISH)]
    sizes = draw(st.sampled_from([(5, 5), (5, 5), (9, 0), (0, 9), (8,), ()]))
    files = [draw(st.lists(st.sampled_from(pool), min_size=size // 2, max_size=size)) for size in sizes]
    return Case(endpoint, ids, [_swallowed(lines) for lines in files])


def _swallowed(lines: list[Line]) -> list[Line]:
    """A line that begins in the middle of another is not seen for what it is."""
    kept = lines[:1]
    for before, line in pairwise(lines):
        open_before = not before.text.endswith(b"\n")
        kept.append(line._replace(tells=None, answer=None, legible=False) if open_before else line)
    return kept
