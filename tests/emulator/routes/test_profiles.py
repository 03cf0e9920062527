"""Other servers' forms: what Azure sends, and a mix of what further ones send."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import openai
import pytest
from prefect_openai_batch.emulator import BatchFault

from ..support import CHAT, SHARED, Api, chat_item, chat_items, error_of, good, need_shared, shape

Start = Callable[..., Api]


@pytest.fixture
def azure(start_server: Start) -> Api:
    """A server that sends what Azure's sends."""
    return start_server(profile="azure")


def test_azures_sample(azure: Api) -> None:
    """A new batch is shaped as Microsoft documents it."""
    need_shared()
    sample = json.loads((SHARED / "samples/azure/batch_validating_empty_string_file_ids.json").read_text())
    items = [{**chat_item(), "url": "/chat/completions"}]
    batch = azure.submit(items, "/chat/completions")
    assert shape(batch) == shape(sample)
    assert {key: batch[key] for key in ("endpoint", "output_file_id", "error_file_id", "status")} == {
        key: sample[key] for key in ("endpoint", "output_file_id", "error_file_id", "status")
    }


def test_azures_batches_name_no_endpoint_once_they_are_validated(azure: Api) -> None:
    """It is null then, in the list too."""
    done = azure.finish([chat_item()])
    listed = good(azure.http.get("/batches"))["data"]
    assert [done["endpoint"], *(batch["endpoint"] for batch in listed)] == [None, None]


def test_azures_output(azure: Api) -> None:
    """A line without id, in Azure's order, with content filters; and an error file of no bytes."""
    need_shared()
    sample = json.loads((SHARED / "samples/azure/output_chat_line_no_id.jsonl").read_text().split("\n")[0])
    done = azure.finish([chat_item(model="my-deployment")])
    (line,) = azure.lines(done["output_file_id"])
    assert list(line) == list(sample)
    assert sorted(line["response"]) == sorted(sample["response"])
    ours, theirs = line["response"]["body"], sample["response"]["body"]
    assert set(theirs) <= set(ours)
    assert set(ours["choices"][0]) == set(theirs["choices"][0])
    assert set(ours["choices"][0]["message"]) == set(theirs["choices"][0]["message"])
    assert good(azure.http.get(f"/files/{done['error_file_id']}"))["bytes"] == 0
    assert azure.lines(done["error_file_id"]) == []


def test_azures_lists_files_and_failures(azure: Api) -> None:
    """Lists do not say so, files are pending at first, errors have other codes, and completed_at may lie."""
    file = azure.upload([chat_item(0, model="one"), chat_item(1, model="two")])
    assert file["status"] == "pending"
    early = azure.http.post(
        "/batches", json={"input_file_id": file["id"], "endpoint": CHAT, "completion_window": "24h"}
    )
    assert "not processed yet" in error_of(early, 400)["message"]
    azure.server.advance(1)
    assert good(azure.http.get(f"/files/{file['id']}"))["status"] == "processed"
    failed = azure.create(file["id"])
    azure.server.advance(10)
    failed = azure.batch(failed["id"])
    assert failed["errors"]["data"][0]["code"] == "model_mismatch"
    assert failed["completed_at"] == failed["failed_at"]
    assert "object" not in good(azure.http.get("/batches"))


def test_azures_counts_come_at_the_end(azure: Api) -> None:
    """Until then they are null, but for the total; and it does not say since when a batch runs."""
    batch = azure.submit(chat_items(2))
    azure.server.advance(0.3)
    running = azure.batch(batch["id"])
    assert (running["status"], running["in_progress_at"]) == ("in_progress", None)
    assert running["request_counts"] == {"completed": None, "failed": None, "total": 2}
    azure.server.advance(60)
    assert azure.batch(batch["id"])["request_counts"] == {"completed": 2, "failed": 0, "total": 2}


def test_azures_batches_outlive_their_window(azure: Api) -> None:
    """They never expire at 24 hours."""
    azure.server.fail(BatchFault(kind="hang_finalizing", seconds=3600), BatchFault(kind="half_expired"))
    batch = azure.submit(chat_items(1))
    azure.server.advance(90_000)
    assert azure.batch(batch["id"])["status"] == "completed"


def test_azures_own_client(azure: Api) -> None:
    """The SDK's AzureOpenAI, with its paths, its version and its key header."""
    with openai.AzureOpenAI(
        azure_endpoint=azure.server.url, api_key="any", api_version="2025-03-01-preview"
    ) as client:
        file = client.files.create(file=("in.jsonl", json.dumps(chat_item()).encode()), purpose="batch")
        azure.server.advance(1)
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        azure.server.advance(60)
        done = client.batches.retrieve(batch.id)
        assert done.status == "completed"
        assert done.output_file_id is not None
        assert client.files.content(done.output_file_id).text.startswith('{"custom_id": "item-0"')
        assert client.chat.completions.create(**chat_item()["body"]).choices[0].message.content


@pytest.fixture
def foreign(start_server: Start) -> Api:
    """A server that sends what other servers send."""
    return start_server(profile="foreign")


def test_statuses_in_capitals(foreign: Api) -> None:
    """With ISO times, null counts and empty ids."""
    batch = foreign.finish(chat_items(2))
    assert (batch["status"], batch["request_counts"], batch["error_file_id"]) == ("COMPLETED", None, "")
    assert datetime.fromisoformat(batch["created_at"]).year == 2026
    assert len(foreign.lines(batch["output_file_id"])) == 2


def test_statuses_of_their_own(foreign: Api) -> None:
    """With fractions of seconds, and nothing where null would be."""
    foreign.submit(chat_items(1))
    batch = foreign.submit(chat_items(1))
    assert batch["status"] == "queued"
    assert "request_counts" not in batch
    assert "object" not in batch
    assert isinstance(batch["created_at"], float)
    foreign.server.advance(0.3)
    assert foreign.batch(batch["id"])["status"] == "processing"
    foreign.server.advance(60)
    assert foreign.batch(batch["id"])["status"] == "completed"


def test_failures_are_told_as_plain_texts(foreign: Api) -> None:
    """A list of strings."""
    failed = foreign.finish([b"{?"])
    assert failed["errors"] == ["This line is not parseable as valid JSON."]


def test_lines_and_files_lack_keys(foreign: Api) -> None:
    """No error key, no request id, no purpose; text is not escaped."""
    file = foreign.upload([chat_item(0, "Grüße. Schöne Grüße.")])
    assert set(file) == {"id", "filename", "bytes", "owner"}
    assert len(file["id"]) > 60
    done = foreign.create(file["id"])
    foreign.server.advance(60)
    text = foreign.http.get(f"/files/{foreign.batch(done['id'])['output_file_id']}/content").text
    assert "ü" in text
    line: Any = json.loads(text)
    assert set(line) == {"response", "custom_id", "id"}
    assert "request_id" not in line["response"]


def test_foreign_ids_still_find_nothing_else(foreign: Api) -> None:
    """404 as ever."""
    error_of(foreign.http.get("/files/file-none"), 404)
