import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from prefect_openai_batch.batch.errors import RequestError
from prefect_openai_batch.batch.requests.base_request import BaseRequest
from prefect_openai_batch.batch.requests.chat_request import ChatRequest
from prefect_openai_batch.batch.requests.embedding_request import EmbeddingRequest
from prefect_openai_batch.batch.requests.raw_request import RawRequest
from prefect_openai_batch.batch.requests.request_files import REQUEST, load_request, parse_request
from prefect_openai_batch.batch.requests.responses_request import ResponsesRequest
from pydantic import ValidationError

ROW = {"review": "Sturdy.", "photo": "https://example.com/1.png", "model": "gpt-5", "body": '{"input": "x"}'}
COLUMNS = tuple(ROW)


def body_of(request: BaseRequest, row: Mapping[str, Any] = ROW) -> dict[str, Any]:
    return request.compile(tuple(row)).make(row)


def as_messages(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """A function as a user writes it: a row in, messages out."""
    return [{"role": "user", "content": f"Label: {row['review']}"}]


def as_body(row: Mapping[str, Any]) -> dict[str, Any]:
    """A function as a user writes it: a row in, a body out."""
    return {"model": row["model"], "input": row["review"], "top_p": 0.5}


def as_nonsense(row: Mapping[str, Any]) -> dict[str, Any]:
    """A function that fails on every row."""
    return {"input": row["absent"]}


def raw(**fields: Any) -> RawRequest:
    return RawRequest.model_validate(fields)


PROMPT = "Label: {{ review }}"

CASES = [
    (
        ChatRequest(model="m", prompt=PROMPT, system="One word.", parameters={"temperature": 0}),
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "One word."},
                {"role": "user", "content": "Label: Sturdy."},
            ],
            "temperature": 0,
        },
    ),
    (
        ChatRequest(model="m", prompt="Describe.", image="{{ photo }}"),
        {
            "model": "m",
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Describe."},
                        {"type": "image_url", "image_url": {"url": "https://example.com/1.png"}},
                    ],
                }
            ],
        },
    ),
    (
        ChatRequest(model="{{ model }}", messages=[{"role": "user", "content": "{{ review }}"}]),
        {"model": "gpt-5", "messages": [{"role": "user", "content": "Sturdy."}]},
    ),
    (
        ChatRequest(model="m", function=as_messages),
        {"model": "m", "messages": [{"role": "user", "content": "Label: Sturdy."}]},
    ),
    (
        ResponsesRequest(model="m", prompt=PROMPT, instructions="One word."),
        {"model": "m", "instructions": "One word.", "input": "Label: Sturdy."},
    ),
    (
        ResponsesRequest(model="m", prompt="Describe.", image="{{ photo }}"),
        {
            "model": "m",
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "Describe."},
                        {"type": "input_image", "image_url": "https://example.com/1.png"},
                    ],
                }
            ],
        },
    ),
    (
        ResponsesRequest(model="m", function=as_body),
        {"model": "gpt-5", "input": "Sturdy.", "top_p": 0.5},
    ),
    (
        EmbeddingRequest(model="m", input="{{ review }}", dimensions=8),
        {"model": "m", "input": "Sturdy.", "dimensions": 8, "encoding_format": "base64"},
    ),
    (
        EmbeddingRequest(model="m", input="{{ review }}", parameters={"encoding_format": "float"}),
        {"model": "m", "input": "Sturdy.", "encoding_format": "float"},
    ),
    (
        raw(endpoint="/v1/moderations", body={"model": "m", "input": ["{{ review }}", 1]}),
        {"model": "m", "input": ["Sturdy.", 1]},
    ),
    (
        raw(endpoint="/v1/responses", body_column="body", parameters={"model": "m"}),
        {"model": "m", "input": "x"},
    ),
]


@pytest.mark.parametrize(("request_", "expected"), CASES)
def test_a_row_becomes_a_body(request_: BaseRequest, expected: dict[str, Any]) -> None:
    """Each way of asking makes the body that the endpoint takes."""
    assert body_of(request_) == expected


@pytest.mark.parametrize("request_", [request for request, _ in CASES])
def test_a_request_survives_json(request_: BaseRequest) -> None:
    """What travels to a worker as JSON makes the same bodies there."""
    travelled = REQUEST.validate_json(request_.model_dump_json(by_alias=True))
    assert travelled == request_
    assert body_of(travelled) == body_of(request_)


@pytest.mark.parametrize("request_", [request for request, _ in CASES])
@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_a_request_may_lie_in_a_file(request_: BaseRequest, suffix: str, tmp_path: Path) -> None:
    """JSON is YAML too, so one text serves for both kinds of file."""
    path = tmp_path / f"request{suffix}"
    path.write_text(request_.model_dump_json(by_alias=True))
    assert load_request(str(path)) == request_


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": "m"}, "give one of prompt, messages and function"),
        ({"model": "m", "prompt": "x", "messages": []}, "give one of"),
        ({"prompt": "{{ review }}"}, "model: Field required"),
        ({"model": "m", "prompt": "x", "temperature": 0}, "temperature: what is sent"),
        ({"model": "m", "prompt": "x", "parameters": {"stream": True}}, "do not stream"),
        (
            {"kind": "raw", "endpoint": "/v1/responses", "body": {"model": "m", "input": "x", "stream": True}},
            "do not stream",
        ),
        (
            {"model": "m", "prompt": "x", "parameters": {"messages": []}},
            "'messages' is a field of the request",
        ),
        ({"kind": "raw", "endpoint": "/v1/audio", "body": {}}, "endpoint: Input should be"),
        ({"kind": "raw", "endpoint": "/v1/responses"}, "give one of body, body_column and function"),
        ({"kind": "embedding", "model": "m"}, "give one of input and function"),
        ({"kind": "telepathy"}, "kind.*telepathy"),
        ({"model": "m", "function": "no path"}, "function: String should match"),
        ([{"model": "m"}], "The request holds a list, where a request is one set of fields"),
        ("model", "holds a text"),
        (None, "holds nothing"),
        (7, "holds 7"),
    ],
    ids=[
        "no prompt",
        "two prompts",
        "no model",
        "foreign field",
        "stream",
        "a body's stream",
        "field as parameter",
        "endpoint",
        "no body",
        "no input",
        "kind",
        "function",
        "list",
        "text",
        "nothing",
        "number",
    ],
)
def test_what_is_no_request_is_refused_by_field(content: Any, message: str) -> None:
    """The message says which field, and what it wants."""
    with pytest.raises(RequestError, match=message):
        parse_request(content)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ChatRequest(model="m", prompt="Hello."), "uses no column.*constant_prompt"),
        (ChatRequest(model="{{ model }}", prompt="Hello."), "uses no column"),
        (ChatRequest(model="m", prompt="{{ absent }}"), "'absent'"),
        (ChatRequest(model="{{ absent }}", prompt="{{ review }}"), "'absent'"),
        (ChatRequest(model="m", prompt="{{ review }}", id_column="absent"), "id_column.*'absent'"),
        (raw(endpoint="/v1/responses", body_column="absent"), "body_column.*'absent'"),
        (ChatRequest(model="m", function="absent_module:ask"), "cannot be imported"),
        (ChatRequest(model="m", function="os:absent"), "cannot be imported"),
        (ChatRequest(model="m", function="os:sep"), "not a function"),
    ],
)
def test_a_request_that_does_not_fit_the_table_is_refused(request_: BaseRequest, message: str) -> None:
    """What the header alone can tell is told before any row is read."""
    with pytest.raises(RequestError, match=message):
        request_.compile(COLUMNS)


@pytest.mark.parametrize(
    ("request_", "row", "message"),
    [
        (ChatRequest(model="m", function=as_nonsense), ROW, "as_nonsense failed.*absent"),
        (raw(endpoint="/v1/responses", body_column="body"), {"body": "{"}, "does not hold JSON"),
        (raw(endpoint="/v1/responses", body_column="body"), {"body": "[]"}, "JSON object"),
        (raw(endpoint="/v1/responses", body_column="body"), {"body": '{"seed": 18446744073709551616}'}, "64 bits"),
        (
            raw(endpoint="/v1/responses", body_column="body"),
            {"body": b'{"seed": -9223372036854775809}'},
            "64 bits",
        ),
    ],
)
def test_a_row_that_makes_no_body_is_refused(request_: BaseRequest, row: Mapping[str, Any], message: str) -> None:
    """A row's own fault is told as such."""
    with pytest.raises(RequestError, match=message):
        body_of(request_, row)


def test_a_nested_body_has_only_the_keys_its_row_had() -> None:
    """A table gives each row's object the keys of all rows; those that were not there are not sent."""
    request = raw(endpoint="/v1/responses", body_column="body")
    row = {"body": {"input": [{"role": "user", "name": None}], "top_p": None}}
    assert body_of(request, row) == {"input": [{"role": "user"}]}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"seed": 2**70}, "64-bit"),
        ({"logit_bias": {1: 2}}, "key must be str"),
        ({"top_p": float("nan")}, "nan"),
        ({"user": "\ud83d"}, "UTF-8"),
    ],
    ids=["long integer", "key", "no number", "surrogate"],
)
def test_parameters_that_json_cannot_say_are_refused(parameters: dict[str, Any], said: str) -> None:
    """When the request is made, as whatever encodes the items would."""
    with pytest.raises(ValidationError, match=f"JSON cannot say what is to be sent: .*{said}"):
        ChatRequest(model="m", prompt="x", parameters=parameters)


def test_a_constant_prompt_can_be_meant() -> None:
    """Who says constant_prompt may send every row the same text."""
    request = ChatRequest(model="m", prompt="Hello.", constant_prompt=True)
    assert body_of(request)["messages"] == [{"role": "user", "content": "Hello."}]


def test_a_function_without_an_import_path_is_refused() -> None:
    """A lambda cannot be loaded by another process."""
    with pytest.raises(ValidationError, match="has no import path"):
        ChatRequest(model="m", function=lambda row: row)


def test_an_item_by_hand() -> None:
    """An item of a few constants, or of a mapping, needs no table."""
    item = ChatRequest(model="gpt-5-mini", prompt="Hello {{ name }}.").item("item-1", {"name": "Ann"})
    assert json.loads(item.line()) == {
        "custom_id": "item-1",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hello Ann."}]},
    }


@pytest.mark.parametrize("kind", [ChatRequest, ResponsesRequest, EmbeddingRequest, RawRequest])
def test_every_field_of_the_form_is_explained(kind: type[BaseRequest]) -> None:
    """The UI's form shows each field's title and description."""
    for name, field in kind.model_json_schema()["properties"].items():
        assert field.get("title") or "$ref" in field, name
        assert field.get("description") or name == "kind", name


@pytest.mark.parametrize("kind", [ChatRequest, ResponsesRequest, EmbeddingRequest, RawRequest])
def test_no_field_of_the_form_begins_as_none(kind: type[BaseRequest]) -> None:
    """Each is there to be filled in; one that is left alone is left out."""
    for name, field in kind.model_json_schema()["properties"].items():
        assert field.get("default", "") is not None, name
        assert {"type": "null"} not in field.get("anyOf", []), name
