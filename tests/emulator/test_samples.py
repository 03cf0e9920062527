"""Every kind of real sample has its counterpart here: equal in keys, their order, types and nullness."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from prefect_openai_batch.emulator import LineFault, Timing

from .support import (
    CHAT,
    Api,
    chat_item,
    chat_items,
    endpoint_item,
    error_of,
    good,
    keys,
    lacking,
    need_shared,
    sample,
    sample_line,
    shape,
)

Start = Callable[..., Api]


RESPONSE_KEYS = """
    id object created_at status background billing billing.payer completed_at error frequency_penalty
    incomplete_details instructions max_output_tokens max_tool_calls model moderation output
    output.id output.type output.content output.encrypted_content output.summary
    output.id output.type output.status output.content output.content.type output.content.annotations
    output.content.logprobs output.content.text output.role
    parallel_tool_calls presence_penalty previous_response_id prompt_cache_key prompt_cache_retention
    reasoning reasoning.context reasoning.effort reasoning.mode reasoning.summary safety_identifier service_tier
    store temperature text text.format text.format.type text.verbosity tool_choice
    tool_usage tool_usage.image_gen tool_usage.image_gen.input_tokens tool_usage.image_gen.input_tokens_details
    tool_usage.image_gen.input_tokens_details.image_tokens tool_usage.image_gen.input_tokens_details.text_tokens
    tool_usage.image_gen.output_tokens tool_usage.image_gen.output_tokens_details
    tool_usage.image_gen.output_tokens_details.image_tokens tool_usage.image_gen.output_tokens_details.text_tokens
    tool_usage.image_gen.total_tokens tool_usage.web_search tool_usage.web_search.num_requests
    tools top_logprobs top_p truncation
    usage usage.input_tokens usage.input_tokens_details usage.input_tokens_details.cache_write_tokens
    usage.input_tokens_details.cached_tokens usage.output_tokens usage.output_tokens_details
    usage.output_tokens_details.reasoning_tokens usage.total_tokens user metadata
"""
"""Recorded in September 2026: crmne/ruby_llm@39f5bac6, the cassette of a batch of gpt-5-nano."""


def test_a_batch_that_validates(api: Api) -> None:
    """POST /v1/batches."""
    batch = api.submit(chat_items(1), metadata={"testMetadataKey": "test metadata value"})
    assert shape(batch) == shape(sample("openai/batch_validating_2025-10.json"))


def test_the_model_is_shown_while_a_long_validation_lasts(start_server: Start) -> None:
    """In its dated form, as it stays."""
    api = start_server(timing=Timing.real())
    batch = api.submit([chat_item(model="gpt-5-nano")])
    api.server.advance(45)
    seen = api.batch(batch["id"])
    assert (batch["model"], seen["status"], seen["model"]) == (None, "validating", "gpt-5-nano-2025-08-07")


def test_a_batch_that_is_cancelled_at_once(api: Api) -> None:
    """POST /v1/batches/{id}/cancel."""
    batch = api.submit(chat_items(1), metadata={"testMetadataKey": "test metadata value"})
    cancelling = good(api.http.post(f"/batches/{batch['id']}/cancel"))
    assert shape(cancelling) == shape(sample("openai/batch_cancelling_2025-10.json"))


def test_a_batch_in_progress(api: Api) -> None:
    """The model is there, in its dated form."""
    item = endpoint_item("/v1/responses", {"model": "gpt-5-nano", "input": "Hello."})
    batch = api.submit([item], "/v1/responses")
    api.server.advance(0.3)
    running, real = api.batch(batch["id"]), sample("openai/batch_in_progress_2026-08.json")
    assert shape(running) == shape(real)
    assert running["model"] == real["model"]


def test_a_completed_batch(api: Api) -> None:
    """Usage with reasoning tokens, an output file and no error file."""
    item = endpoint_item("/v1/responses", {"model": "gpt-5-nano", "input": "Hello."})
    done = api.finish([item], "/v1/responses")
    assert shape(done) == shape(sample("openai/batch_completed_usage_reasoning_2026-08.json"))
    assert done["usage"]["output_tokens_details"]["reasoning_tokens"] > 0


def test_an_expired_batch(start_server: Start) -> None:
    """Only an error file. The sample is older than the key `model`."""
    api = start_server(timing=Timing(running=1_000_000))
    batch = api.submit(chat_items(1), metadata={"testMetadataKey": "test metadata value"})
    api.server.advance(100_000)
    expired = api.batch(batch["id"])
    del expired["model"]
    assert shape(expired) == shape(sample("openai/batch_expired_errorfile.json"))


def test_a_list(api: Api) -> None:
    """A page with one cancelled batch and one in progress."""
    metadata = {"testMetadataKey": "test metadata value"}
    for _ in range(2):
        api.submit(chat_items(1), metadata=metadata)
    newest = api.submit(chat_items(1), metadata=metadata)
    good(api.http.post(f"/batches/{newest['id']}/cancel"))
    api.server.advance(0.55)
    listed = good(api.http.get("/batches", params={"limit": 2}))
    assert shape(listed) == shape(sample("openai/list_page1_limit2_2025-10.json"))
    real = sample("openai/list_page1_limit2_2025-10.json")
    assert [shape(batch) for batch in listed["data"]] == [shape(batch) for batch in real["data"]]


def test_a_file(api: Api) -> None:
    """POST /v1/files."""
    real = sample("openai/file_create_2026-08.json")
    file = api.upload(chat_items(1))
    assert shape(file) == shape(real)
    assert file["expires_at"] - file["created_at"] == real["expires_at"] - real["created_at"]


def test_headers_of_a_file_content(api: Api) -> None:
    """The name that an output file is downloaded under, and what marks an answer as OpenAI's."""
    real = sample("openai/headers_file_content_2025-01.json")
    done = api.finish(chat_items(1))
    headers = api.http.get(f"/files/{done['output_file_id']}/content").headers
    assert headers["content-disposition"] == f'attachment; filename="{done["id"]}_output.jsonl"'
    ours = {name.lower() for name in real} & {"content-type", "transfer-encoding", "openai-version"}
    assert {name: headers[name] for name in ours} == {
        name.lower(): value[0] for name, value in real.items() if name.lower() in ours
    }
    assert {"openai-processing-ms", "x-request-id"} <= set(headers)


def output_line(api: Api, endpoint: str, body: dict[str, Any]) -> Any:
    """The output line of a batch of one."""
    return api.lines(api.finish([endpoint_item(endpoint, body)], endpoint)["output_file_id"])[0]


def test_a_chat_line(api: Api) -> None:
    """A chat completion in an output file."""
    messages = [{"role": "user", "content": "Tell me about spaghetti."}]
    line = output_line(api, CHAT, {"model": "gpt-3.5-turbo", "messages": messages})
    real = sample_line("openai/output_chat_gpt35_3lines_2025-01.jsonl")
    assert lacking(line, real) == []
    assert line["response"]["body"]["model"] == real["response"]["body"]["model"]


def test_a_responses_line(api: Api) -> None:
    """A response in an output file, of a model that does not reason."""
    body = {"model": "gpt-4.1-nano", "input": "惑星は?", "instructions": "簡潔に。", "temperature": 0}
    line = output_line(api, "/v1/responses", body)
    assert lacking(line, sample_line("openai/output_responses_message.jsonl")) == []


def test_a_responses_line_has_the_keys_of_today(api: Api) -> None:
    """In the recorded order: of a reasoning model, asked for its thoughts in the form that only OpenAI reads."""
    asked = {"model": "gpt-5-nano", "input": "Hello.", "include": ["reasoning.encrypted_content"]}
    body = output_line(api, "/v1/responses", {**asked, "store": False})["response"]["body"]
    assert keys(body) == RESPONSE_KEYS.split()
    assert body["reasoning"]["effort"] == "medium"


def test_a_chat_line_has_the_keys_of_today(api: Api) -> None:
    """`annotations` has been sent since March 2025, and models of GPT-4 say which system has answered."""
    body = output_line(api, CHAT, {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello."}]})
    chat = body["response"]["body"]
    assert list(chat["choices"][0]["message"]) == ["role", "content", "refusal", "annotations"]
    assert chat["system_fingerprint"].startswith("fp_")


def test_a_reasoning_models_line_begins_with_its_reasoning(api: Api) -> None:
    """So nobody may take output[0] for the message."""
    line = output_line(api, "/v1/responses", {"model": "gpt-5-nano", "input": "Hello."})
    assert [item["type"] for item in line["response"]["body"]["output"]] == ["reasoning", "message"]


def test_a_response_of_several_messages(api: Api) -> None:
    """By the facts: an early message may be cut off, the full text comes later."""
    api.server.fail(LineFault(kind="two_messages"))
    body = output_line(api, "/v1/responses", {"model": "gpt-4.1-nano", "input": "What is 20 + 22? Say it."})
    cut, whole = body["response"]["body"]["output"]
    assert (cut["type"], cut["status"], whole["status"]) == ("message", "incomplete", "completed")
    assert whole["content"][0]["text"].startswith(cut["content"][0]["text"])


def test_an_embeddings_line(api: Api) -> None:
    """A vector in an output file."""
    line = output_line(api, "/v1/embeddings", {"model": "text-embedding-3-small", "input": "Hello."})
    real = sample_line("openai/output_embeddings_2026-08_truncated8.jsonl")
    assert shape(line) == shape(real)
    assert line["response"]["body"]["model"] == real["response"]["body"]["model"]


@pytest.mark.parametrize(
    "given", [{"input": "word " * 20_000}, {"input": ["a", "word " * 20_000]}], ids=["alone", "in a list"]
)
def test_an_input_that_is_too_long_to_embed(api: Api, given: dict[str, Any]) -> None:
    """400 in the error file and at once, with neither param nor code; as the fault has it."""
    body = {"model": "text-embedding-3-small", **given}
    (failed,) = api.answers([endpoint_item("/v1/embeddings", body)], "/v1/embeddings").values()
    assert failed["error"] == error_of(api.http.post("/embeddings", json=body), 400)
    api.server.fail(LineFault(kind="error", status=400))
    (fault,) = api.answers([endpoint_item("/v1/embeddings", {**body, "input": "a"})], "/v1/embeddings").values()
    assert {(error["error"]["param"], error["error"]["code"]) for error in (failed, fault)} == {(None, None)}


def test_a_line_without_quota(api: Api) -> None:
    """429 in the error file, with `error: null`."""
    real = sample_line("openai/error_chat_429_insufficient_quota.jsonl")
    api.server.fail(LineFault(kind="error", status=429, code="insufficient_quota"))
    done = api.finish(chat_items(1))
    line = api.lines(done["error_file_id"])[0]
    assert shape(line) == shape(real)
    assert line["response"]["body"] == real["response"]["body"]
    assert (done["status"], done["output_file_id"]) == ("completed", None)


def test_output_is_written_as_openai_writes_it(api: Api) -> None:
    """Separators with spaces, escapes instead of other letters, a newline at the end."""
    need_shared()
    done = api.finish([chat_item(text="Ein schöner Satz.")])
    text = api.http.get(f"/files/{done['output_file_id']}/content").text
    assert text.isascii()
    assert text == "".join(json.dumps(json.loads(line)) + "\n" for line in text.splitlines())


def test_ids_bear_their_time(api: Api) -> None:
    """`batch_` and `batch_req_` begin with a time, as OpenAI's do."""
    done = api.finish(chat_items(1))
    line = api.lines(done["output_file_id"])[0]
    assert int(done["id"].removeprefix("batch_")[:8], 16) == done["created_at"]
    assert abs(int(line["id"].removeprefix("batch_req_")[:8], 16) - done["finalizing_at"]) <= 1
    assert len(line["id"].removeprefix("batch_req_")) == 32
