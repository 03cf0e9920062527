"""What came back is reconciled with what was sent: each item has one outcome, whatever the files hold."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.batches import Batch
from prefect_openai_batch.batch.endpoints import Endpoint
from prefect_openai_batch.batch.outcome_files import OUTCOMES, write_outcomes
from prefect_openai_batch.batch.storage import Folder

ENDPOINTS = (Endpoint.CHAT_COMPLETIONS, Endpoint.RESPONSES, Endpoint.EMBEDDINGS, Endpoint.COMPLETIONS)
SEPARATORS = "\u2028\u2029\x85\x0b\x0c\x1c"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(SEPARATORS), min_size=1, max_size=12)


class Line(NamedTuple):
    """A line of a file, and what it may be taken for: outcomes with their error codes, or nothing at all."""

    text: bytes
    meaning: frozenset[tuple[str, str | None]]
    answer: Any = None


def body_of(endpoint: Endpoint, text: str) -> dict[str, Any]:
    """The body of a response that says this."""
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    if endpoint == Endpoint.EMBEDDINGS:
        vector = [float(len(text)), 0.5]
        return {"object": "list", "model": "m", "data": [{"index": 0, "embedding": vector}], "usage": usage}
    if endpoint == Endpoint.RESPONSES:
        content = [{"type": "output_text", "text": text}]
        return {"status": "completed", "output": [{"type": "message", "content": content}], "usage": usage}
    if endpoint == Endpoint.COMPLETIONS:
        return {"choices": [{"text": text, "finish_reason": "stop"}], "usage": usage}
    return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}], "usage": usage}


def answer_of(endpoint: Endpoint, text: str) -> Any:
    return [float(len(text)), 0.5] if endpoint == Endpoint.EMBEDDINGS else text


def encoded(custom_id: str, *, ascii_only: bool, **rest: Any) -> bytes:
    line = {"id": "batch_req_1", "custom_id": custom_id, "response": None, "error": None, **rest}
    return json.dumps(line, ensure_ascii=ascii_only).encode() + b"\n"


def answered(status: int, body: Any) -> dict[str, Any]:
    return {"response": {"status_code": status, "request_id": "1", "body": body}}


UNEXECUTED: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "expired": ({"error": {"code": "batch_expired", "message": "Too late."}}, ("expired", "batch_expired")),
    "cancelled": ({"error": {"code": "batch_cancelled", "message": "No."}}, ("cancelled", "batch_cancelled")),
    "timeout": ({"error": {"code": "request_timeout", "message": "Slow."}}, ("failed", "request_timeout")),
    "bad": (answered(400, {"error": {"code": "bad", "message": "Bad."}}), ("failed", "bad")),
    "limited": (answered(429, {"error": {"code": "slow_down", "message": "Wait."}}), ("failed", "slow_down")),
    "without status": (answered(0, {}), ("failed", "0")),
    "shapeless": (answered(200, {"nothing": "known"}), ("failed", "unreadable_response")),
    "infinite": (answered(500, {"error": {"code": "nan", "message": float("nan")}}), ("failed", "nan")),
}
"""Lines without an answer, and the outcome of each."""


@st.composite
def lines_of(draw: st.DrawFn, custom_id: str, endpoint: Endpoint) -> Line:
    """A line about one item: whole, or cut off somewhere."""
    ascii_only = draw(st.booleans())
    kind = draw(st.sampled_from(["good", "cut", *UNEXECUTED]))
    if kind in UNEXECUTED:
        rest, meaning = UNEXECUTED[kind]
        return Line(encoded(custom_id, ascii_only=ascii_only, **rest), frozenset({meaning}))
    text = draw(TEXTS)
    whole = encoded(custom_id, ascii_only=ascii_only, **answered(200, body_of(endpoint, text)))
    if kind == "good":
        return Line(whole, frozenset({("succeeded", None)}), answer_of(endpoint, text))
    cut = whole[: draw(st.integers(0, len(whole) - 3))] + b"\n"
    return Line(cut, frozenset({("failed", "broken_line"), ("missing", "missing")}))


RUBBISH = st.sampled_from([b"\n", b"null\n", b"[]\n", b"\xff\xfe\n", b'"text"\n', b'{"custom_id": 7}\n', b"{}\n"])


class Case(NamedTuple):
    """Items, and what two files hold: lines about them, about others, and rubbish."""

    endpoint: Endpoint
    custom_ids: list[str]
    files: tuple[list[tuple[str | None, Line]], list[tuple[str | None, Line]]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any items, and any damaged pair of files."""
    endpoint = draw(st.sampled_from(ENDPOINTS))
    ids = draw(st.lists(TEXTS, min_size=1, max_size=8, unique=True))
    told = draw(st.lists(st.sampled_from(ids), max_size=14))
    others = draw(st.lists(TEXTS.filter(lambda text: text not in ids), max_size=3))
    files: tuple[list[tuple[str | None, Line]], list[tuple[str | None, Line]]] = ([], [])
    for custom_id in draw(st.permutations([*told, *others])):
        line = draw(lines_of(custom_id, endpoint))
        files[draw(st.integers(0, 1))].append((custom_id if custom_id in ids else None, line))
    for rubbish in draw(st.lists(RUBBISH, max_size=3)):
        files[draw(st.integers(0, 1))].append((None, Line(rubbish, frozenset())))
    return Case(endpoint, ids, files)


def reconciled(case: Case, ending: Callable[[bytes], bytes] = bytes) -> list[dict[str, Any]]:
    """The outcomes as they are written, in their order."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("output", "error")]
        for path, lines in zip(paths, case.files, strict=True):
            path.write_bytes(ending(b"".join(line.text for _, line in lines)))
        items = list(enumerate(case.custom_ids))
        batch = Batch(id="batch_1", status="completed")
        fetched = write_outcomes(batch, case.endpoint, items, paths, Folder(folder))
        outcomes: list[dict[str, Any]] = pq.read_table(Path(folder, OUTCOMES)).to_pylist()
    assert sum(fetched.outcomes.values()) == len(items)
    return outcomes


@given(cases())
def test_every_item_has_one_outcome_and_nothing_foreign_gets_in(case: Case) -> None:
    """In the order they were sent; an undamaged answer always counts, and else the first line that can be read."""
    outcomes = reconciled(case)
    assert [(outcome["row"], outcome["custom_id"]) for outcome in outcomes] == list(enumerate(case.custom_ids))
    for outcome in outcomes:
        told = [line for lines in case.files for custom_id, line in lines if custom_id == outcome["custom_id"]]
        good = [line for line in told if ("succeeded", None) in line.meaning]
        found = (outcome["outcome"], outcome["error_code"])
        if good:
            assert found == ("succeeded", None)
            assert outcome["answer"] == (
                np.float32(good[0].answer).tolist() if case.endpoint == Endpoint.EMBEDDINGS else good[0].answer
            )
        elif told:
            assert found in frozenset().union(*(line.meaning for line in told))
            assert found != ("missing", "missing") or all(("missing", "missing") in line.meaning for line in told)
        else:
            assert found == ("missing", "missing")
        assert outcome["error_message"] or outcome["outcome"] == "succeeded"


@given(cases())
def test_what_is_worth_a_try_follows_from_the_outcome(case: Case) -> None:
    """A row with an answer never goes again, nor does a bad request; a cancelled row only when it is asked for."""
    final = {("succeeded", None), ("failed", "bad"), ("cancelled", "batch_cancelled")}
    for outcome in reconciled(case):
        assert outcome["again"] == ((outcome["outcome"], outcome["error_code"]) not in final)


@given(cases())
def test_a_last_line_without_its_newline_is_read_all_the_same(case: Case) -> None:
    """Some servers leave it out."""
    assert reconciled(case, lambda content: content.removesuffix(b"\n")) == reconciled(case)
