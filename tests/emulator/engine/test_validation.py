"""What a batch fails with when its input file is wrong: every bad line, with OpenAI's codes and texts."""

import json
from typing import Any

import pytest
from prefect_openai_batch.emulator import Limits

from ..support import CHAT, SHARED, Api, Item, chat_item, chat_items, endpoint_item, need_shared


def problems(api: Api, items: list[Any], endpoint: str = CHAT) -> list[Item]:
    """The errors of a batch that must fail."""
    batch = api.finish(items, endpoint)
    assert (batch["status"], batch["output_file_id"], batch["error_file_id"]) == ("failed", None, None)
    assert batch["failed_at"] >= batch["created_at"]
    assert batch["request_counts"] == {"total": 0, "completed": 0, "failed": 0}
    assert batch["errors"]["object"] == "list"
    found: list[Item] = batch["errors"]["data"]
    return found


def without(name: str, number: int = 0) -> Item:
    """A line that lacks one key."""
    item = chat_item(number)
    del item[name]
    return item


def without_body(name: str, number: int = 0) -> Item:
    """A line whose body lacks one key."""
    item = chat_item(number)
    del item["body"][name]
    return item


FIELDS = ("custom_id", "method", "url", "body")
OBSERVED: dict[str, list[Any]] = {
    "missing_fields": [without(name, number) for number, name in enumerate(FIELDS)],
    "stream_true": [chat_item(stream=True)],
    "url_mismatch": [{**chat_item(), "url": "/v1/embeddings"}],
    "unknown_model": [chat_item(model="nonexistent-model-xyz")],
    "missing_body_fields": [without_body("model"), without_body("messages", 1)],
    "bad_json_second_line": [chat_item(), b'{"custom_id": ', chat_item(2)],
}


@pytest.mark.parametrize("case", OBSERVED)
def test_what_was_observed_on_openai(api: Api, case: str) -> None:
    """The errors equal those seen on the real service, to the letter."""
    need_shared()
    observed = json.loads((SHARED / "samples/openai/failed_batch_errors_openai_observed_2025-08.json").read_text())
    assert set(observed["cases"]) == {*OBSERVED, "unknown_file", "token_limit"}, (
        "the two others name an organization"
    )
    assert problems(api, OBSERVED[case]) == observed["cases"][case]


def test_a_file_that_is_not_there(api: Api) -> None:
    """Creation succeeds; validation says that the file cannot be found."""
    batch = api.create("file-nonexistent")
    assert batch["status"] == "validating"
    api.server.advance(10)
    assert api.batch(batch["id"])["errors"]["data"] == [
        {
            "code": "invalid_request",
            "message": "Cannot find file file-nonexistent, "
            "or organization org-emulator does not have access to it.",
            "param": "file_id",
            "line": None,
        }
    ]


def test_a_file_of_another_purpose(api: Api) -> None:
    """Only files of the purpose `batch` are input files."""
    batch = api.create(api.upload(chat_items(1), purpose="user_data")["id"])
    api.server.advance(10)
    (refused,) = api.batch(batch["id"])["errors"]["data"]
    assert (refused["code"], refused["param"]) == ("invalid_request", "file_id")


def test_a_file_deleted_in_time_cannot_be_found(api: Api) -> None:
    """Deleted between creation and validation."""
    batch = api.submit(chat_items(1))
    api.http.delete(f"/files/{batch['input_file_id']}")
    api.server.advance(10)
    assert api.batch(batch["id"])["errors"]["data"][0]["param"] == "file_id"


def test_mixed_models_and_duplicates(api: Api) -> None:
    """Each line that does not fit the first, and each repetition of a name, in the order of lines."""
    items = [chat_item(0), chat_item(0), chat_item(1, model="gpt-5-mini"), chat_item(0), chat_item(2)]
    assert problems(api, items) == [
        duplicate(2),
        {
            "code": "mismatched_model",
            "message": "The model 'gpt-5-mini' for this request does not match the rest of the batch. "
            "Each batch must contain requests for a single model.",
            "param": "body.model",
            "line": 3,
        },
        duplicate(4),
    ]


def duplicate(line: int) -> Item:
    """The error of a repeated custom_id."""
    return {
        "code": "duplicate_custom_id",
        "message": "The custom_id 'item-0' for this request is a duplicate of another request. "
        "The custom_id parameter must be unique for each request in a batch.",
        "param": "custom_id",
        "line": line,
    }


@pytest.mark.parametrize(
    ("line", "code", "param"),
    [
        ({**chat_item(), "method": "GET"}, "invalid_request", "method"),
        ({**chat_item(), "custom_id": 7}, "invalid_request", "custom_id"),
        ({**chat_item(), "body": "text"}, "invalid_request", "body"),
        (b"[1, 2]", "invalid_json_line", None),
        (b"", "invalid_json_line", None),
        (b"\xff\xfe", "invalid_json_line", None),
    ],
    ids=["method", "custom_id", "body", "list", "empty", "binary"],
)
def test_other_bad_lines(api: Api, line: Any, code: str, param: str | None) -> None:
    """Each is named with its number."""
    (problem,) = problems(api, [chat_item(1), line])
    assert (problem["code"], problem["param"], problem["line"]) == (code, param, 2)


def test_a_byte_order_mark_breaks_the_first_line(api: Api) -> None:
    """As on OpenAI, where many an editor's file failed so."""
    batch = api.submit([b"\xef\xbb\xbf" + json.dumps(chat_item()).encode(), json.dumps(chat_item(1)).encode()])
    api.server.advance(10)
    (problem,) = api.batch(batch["id"])["errors"]["data"]
    assert (problem["code"], problem["line"]) == ("invalid_json_line", 1)


@pytest.mark.parametrize(
    ("endpoint", "body", "message"),
    [
        ("/v1/responses", {"model": "gpt-5-mini"}, "Input parameter is required."),
        ("/v1/embeddings", {"model": "text-embedding-3-small"}, "Input parameter is required."),
        ("/v1/moderations", {"model": "omni-moderation-latest"}, "Input parameter is required."),
        ("/v1/completions", {"model": "gpt-3.5-turbo-instruct"}, "Prompt parameter is required."),
        ("/v1/images/generations", {"model": "gpt-image-1"}, "Prompt parameter is required."),
        ("/v1/images/edits", {"model": "gpt-image-1"}, "Prompt parameter is required."),
        ("/v1/videos", {"model": "sora-2"}, "Prompt parameter is required."),
    ],
)
def test_each_endpoint_needs_its_input(api: Api, endpoint: str, body: Item, message: str) -> None:
    """What a body asks must be there."""
    (problem,) = problems(api, [endpoint_item(endpoint, body)], endpoint)
    assert (problem["code"], problem["message"]) == ("invalid_request", message)


def test_limits_of_a_file(start_server: Any) -> None:
    """Too many lines, and too many embedding inputs over all lines."""
    api = start_server(limits=Limits(lines=3, embedding_inputs=4))
    assert "4 requests" in problems(api, chat_items(4))[0]["message"]
    assert api.finish(chat_items(3))["status"] == "completed"
    texts = {"model": "text-embedding-3-small", "input": ["a", "b"], "dimensions": 2}
    items = [endpoint_item("/v1/embeddings", texts, str(number)) for number in range(3)]
    assert "6 embedding inputs" in problems(api, items, "/v1/embeddings")[0]["message"]
    assert api.finish(items[:2], "/v1/embeddings")["status"] == "completed"


def test_every_bad_line_of_many_is_reported(api: Api) -> None:
    """Nothing stops at the first."""
    items: list[Any] = [chat_item(number) if number % 3 else b"?" for number in range(1, 3000)]
    assert [problem["line"] for problem in problems(api, items)] == list(range(3, 3000, 3))


def test_a_last_line_without_its_end_counts(api: Api) -> None:
    """A file may end without a newline."""
    file = api.upload(b"\n".join(json.dumps(item).encode() for item in chat_items(3)))
    batch = api.create(file["id"])
    api.server.advance(10)
    done = api.batch(batch["id"])
    assert done["request_counts"]["completed"] == 3
