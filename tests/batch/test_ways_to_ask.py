"""What a request says is sent, all of it, and every answer that is paid for is kept."""

from contextlib import nullcontext
from itertools import product
from typing import Any

import pytest
from prefect_openai_batch.batch.errors import RequestError
from prefect_openai_batch.batch.requests.base_request import BaseRequest
from prefect_openai_batch.batch.requests.chat_request import ChatRequest
from prefect_openai_batch.batch.requests.embedding_request import EmbeddingRequest
from prefect_openai_batch.batch.requests.raw_request import RawRequest
from prefect_openai_batch.batch.requests.request_files import parse_request
from prefect_openai_batch.batch.requests.responses_request import ResponsesRequest
from pydantic import ValidationError

from .conftest import MakeJob, built

SENT: dict[type[BaseRequest], set[tuple[str, ...]]] = {
    ChatRequest: {("prompt", "system", "image"), ("messages",), ("function",)},
    ResponsesRequest: {("prompt", "instructions", "image"), ("input", "instructions"), ("function",)},
    EmbeddingRequest: {("input", "dimensions"), ("function",)},
    RawRequest: {("body",), ("body_column",), ("function",)},
}
"""For each kind of request its ways to ask, each with what goes along."""

VALUES: dict[str, Any] = {
    "messages": [{"role": "user", "content": "{{ text }}"}],
    "function": f"{__name__}:two_answers",
    "dimensions": 8,
    "body": {"input": "{{ text }}"},
    "body_column": "body",
}
COMBINATIONS = [
    (kind, dict(zip(fields, chosen, strict=True)))
    for kind, ways in SENT.items()
    for fields in [sorted({field for way in ways for field in way})]
    for chosen in product([True, False], repeat=len(fields))
]


def two_answers(row: dict[str, Any]) -> dict[str, Any]:
    """A function that asks for as many answers as its row says."""
    return {"messages": [{"role": "user", "content": "x"}], "n": row["n"]}


def content(kind: type[BaseRequest], given: list[str]) -> dict[str, Any]:
    shared: dict[str, Any] = {"endpoint": "/v1/moderations"} if kind is RawRequest else {"model": "m"}
    values = {field: VALUES.get(field, "{{ text }}") for field in given}
    if kind is ResponsesRequest and "input" in given:
        values["input"] = VALUES["messages"]
    return {"kind": kind.model_fields["kind"].default, **shared, **values}


@pytest.mark.parametrize(("kind", "chosen"), COMBINATIONS)
def test_a_field_is_sent_or_refused(kind: type[BaseRequest], chosen: dict[str, bool]) -> None:
    """Of every combination of fields: one way to ask, with what goes along with it, and no more."""
    given = [field for field, there in chosen.items() if there]
    if any(way[0] in given and set(given) <= set(way) for way in SENT[kind]):
        assert isinstance(parse_request(content(kind, given)), kind)
    else:
        with pytest.raises(RequestError, match="give one of"):
            parse_request(content(kind, given))


def test_a_parameter_does_not_replace_what_the_body_says() -> None:
    """A raw body and its parameters may not say two things of one field."""
    raw = {"kind": "raw", "endpoint": "/v1/responses", "body": {"model": "m", "top_p": "{{ text }}"}}
    with pytest.raises(RequestError, match="'top_p' stands in body and in parameters"):
        parse_request({**raw, "parameters": {"top_p": 1}})


SEVERAL = [
    {"model": "m", "prompt": "{{ text }}", "parameters": {"n": 3}},
    {"kind": "raw", "endpoint": "/v1/chat/completions", "body_column": "body", "parameters": {"n": 3}},
    {"kind": "raw", "endpoint": "/v1/chat/completions", "body": {"model": "{{ text }}", "n": 3}},
    {"kind": "raw", "endpoint": "/v1/completions", "body": {"model": "m", "prompt": "{{ text }}", "n": "3"}},
    {"kind": "raw", "endpoint": "/v1/completions", "body": {"model": "m", "prompt": ["{{ text }}", "a", "b"]}},
]


@pytest.mark.parametrize("several", SEVERAL)
def test_answers_that_would_be_lost_are_not_asked_for(several: dict[str, Any]) -> None:
    """Several answers a row are paid for where the whole response is kept, and refused elsewhere."""
    with pytest.raises(RequestError, match="3 answers.*keep_response"):
        parse_request(several)
    assert parse_request({**several, "keep_response": True}).keep_response


@pytest.mark.parametrize("n", [1, 0, None, "many", "inf"])
def test_one_answer_may_be_asked_for_in_words(n: Any) -> None:
    """And what is no number of answers is for the server to refuse."""
    parse_request({"model": "m", "prompt": "{{ text }}", "parameters": {"n": n}})


@pytest.mark.parametrize(
    "way",
    [
        {"model": "m", "function": two_answers},
        {"kind": "raw", "endpoint": "/v1/chat/completions", "body_column": "body"},
        {"kind": "raw", "endpoint": "/v1/chat/completions", "body": {"model": "m", "n": "{{ n }}"}},
    ],
)
def test_a_row_that_asks_for_several_answers_is_refused_by_name(make_job: MakeJob, way: dict[str, Any]) -> None:
    """Whether a function, a column or a template says so; with keep_response they are built."""
    rows: list[dict[str, Any]] = [{"n": n, "body": {"model": "m", "messages": [], "n": n}} for n in (1, 2)]
    with pytest.raises(RequestError, match="Row 2: the body asks for 2 answers"):
        built(make_job(rows, parse_request(way)))
    (file,) = built(make_job(rows, parse_request({**way, "keep_response": True}), key="kept"))
    assert file.items == 2


MISTAKEN: dict[str, tuple[type[BaseRequest], dict[str, Any], str, str]] = {
    "parameters": (
        ChatRequest,
        {"model": "m", "prompt": "x", "temperature": 0, "n": 1},
        "temperature",
        "temperature, n: what is sent as it stands goes under `parameters`",
    ),
    "misspelt, and a parameter": (
        ChatRequest,
        {"model": "m", "promt": "x", "n": 1},
        "promt",
        r"promt: there is no such field, did you mean prompt\? n: what is sent",
    ),
    "a response's field": (ChatRequest, {"model": "m", "instructions": "x"}, "instructions", r"mean system\?"),
    "a chat's field": (ResponsesRequest, {"model": "m", "system": "x"}, "system", r"mean instructions\?"),
    "an embedding's prompt": (EmbeddingRequest, {"model": "m", "prompt": "x"}, "prompt", r"mean input\?"),
    "a raw prompt": (RawRequest, {"endpoint": "/v1/responses", "prompt": "x"}, "prompt", r"mean body\?"),
}


@pytest.mark.parametrize(("kind", "fields", "first", "message"), MISTAKEN.values(), ids=MISTAKEN)
def test_an_unknown_field_is_told_with_what_may_be_meant(
    kind: type[BaseRequest], fields: dict[str, Any], first: str, message: str
) -> None:
    """All of them at once, in a file as in Python; the error's details name the first."""
    with pytest.raises(ValidationError, match=message):
        kind(**fields)
    with pytest.raises(RequestError, match=f"is not valid: {first}.*{message.removeprefix(first)}") as refused:
        parse_request({"kind": kind.model_fields["kind"].default, **fields})
    assert refused.value.details == {"field": first}


def test_a_field_is_known_by_its_alias_and_by_its_own_name() -> None:
    """As JSON has it, and as Python may."""
    body = {"model": "m", "input": "{{ x }}"}
    by_alias = RawRequest.model_validate({"endpoint": "/v1/moderations", "body": body})
    assert by_alias == RawRequest.model_validate({"endpoint_path": "/v1/moderations", "body": body})


@pytest.mark.parametrize(
    "model", ["my-deployment", "{{ model }}", "ft:gpt-4o:me", "nomic-embed-text", "bge-m3", "gpt-oss-20b"]
)
@pytest.mark.parametrize("kind", [ChatRequest, EmbeddingRequest], ids=["chat", "embedding"])
def test_a_model_whose_kind_nobody_knows_is_taken(kind: type[BaseRequest], model: str) -> None:
    """Other servers have models of their own, and Azure any name; of OpenAI's own, kinds are told apart."""
    field = "prompt" if kind is ChatRequest else "input"
    kind.model_validate({"model": model, field: "{{ x }}"}).check_model()
    for known, fits in (("gpt-5-mini", ChatRequest), ("text-embedding-3-large", EmbeddingRequest)):
        request = kind.model_validate({"model": known, field: "{{ x }}"})
        with nullcontext() if fits is kind else pytest.raises(RequestError, match=f"{known} is not served"):
            request.check_model()
