"""A plain client of the server that checks every answer against OpenAI's published description."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from jsonschema import Draft202012Validator
from prefect_openai_batch.emulator import BatchServer

SHARED = Path(__file__).parents[2].parent / "shared"
"""OpenAI's description and real samples, which stand beside the repository where its own checks run."""

Item = dict[str, Any]
CHAT = "/v1/chat/completions"
TIMES = (
    "in_progress_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "expired_at",
    "cancelling_at",
    "cancelled_at",
)
"""A batch's timestamps that come as it goes on."""


def need_shared() -> None:
    """Skip a test where the samples are absent; fail where they are required."""
    if not SHARED.is_dir():
        reason = f"OpenAI's description and samples are not at {SHARED}"
        if os.environ.get("SHARED_REQUIRED"):
            pytest.fail(reason)
        pytest.skip(reason)


def chat_item(number: int = 0, text: str = "Hello.", **body: Any) -> Item:
    """One line that asks a chat model something."""
    messages = [{"role": "user", "content": text}]
    return {
        "custom_id": f"item-{number}",
        "method": "POST",
        "url": CHAT,
        "body": {"model": "gpt-4o-mini", "messages": messages, **body},
    }


def chat_items(count: int) -> list[Item]:
    """Lines that ask a chat model different things."""
    return [chat_item(number, f"What is {number} + 1?") for number in range(count)]


def endpoint_item(endpoint: str, body: Item, custom_id: str = "item-0") -> Item:
    """One line for any endpoint."""
    return {"custom_id": custom_id, "method": "POST", "url": endpoint, "body": body}


def jsonl(items: Iterable[Any]) -> bytes:
    """Items as an input file; bytes stay as they are."""
    lines = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]
    return b"".join(line + b"\n" for line in lines)


class Api:
    """A server's client; `http` is there for anything unusual."""

    def __init__(self, server: BatchServer, prefix: str = "/v1") -> None:
        self.server = server
        hooks = {"response": [check_response]} if server.settings.profile == "openai" and SHARED.is_dir() else {}
        self.http = httpx2.Client(
            base_url=server.url + prefix,
            headers={"authorization": f"Bearer {server.settings.key or 'any'}"},
            event_hooks=hooks,
            timeout=20,
            verify=False,  # certificates take long to load, and there are none here
        )

    def upload(self, items: Iterable[Any] | bytes, purpose: str = "batch", **fields: str) -> Item:
        """Upload an input file."""
        content = items if isinstance(items, bytes) else jsonl(items)
        response = self.http.post(
            "/files", data={"purpose": purpose, **fields}, files={"file": ("in.jsonl", content)}
        )
        return good(response)

    def create(self, file_id: str, endpoint: str = CHAT, **options: Any) -> Item:
        """Create a batch."""
        asked = {"input_file_id": file_id, "endpoint": endpoint, "completion_window": "24h", **options}
        return good(self.http.post("/batches", json=asked))

    def submit(self, items: Iterable[Any], endpoint: str = CHAT, **options: Any) -> Item:
        """Upload and create, as soon as Azure is done with the file."""
        file = self.upload(items)
        if file.get("status") == "pending":
            self.server.advance(1)
        return self.create(file["id"], endpoint, **options)

    def batch(self, batch_id: str) -> Item:
        """A batch as it is now."""
        return good(self.http.get(f"/batches/{batch_id}"))

    def finish(self, items: Iterable[Any], endpoint: str = CHAT, **options: Any) -> Item:
        """A batch that has ended, on a clock that is moved by hand."""
        batch = self.submit(items, endpoint, **options)
        self.server.advance(3600)
        return self.batch(batch["id"])

    def lines(self, file_id: str | None) -> list[Item]:
        """A file's lines; none where there is no file."""
        if file_id is None:
            return []
        text = self.http.get(f"/files/{file_id}/content").raise_for_status().content
        return [json.loads(line) for line in text.split(b"\n") if line]

    def answers(self, items: Iterable[Any], endpoint: str = CHAT) -> dict[str, Item]:
        """The bodies of a finished batch, by custom_id, succeeded or not."""
        batch = self.finish(items, endpoint)
        lines = self.lines(batch["output_file_id"]) + self.lines(batch["error_file_id"])
        return {line["custom_id"]: line["response"]["body"] for line in lines}


def keys(value: Any, path: str = "") -> list[str]:
    """Every key, however deep, in the order in which it is written."""
    if isinstance(value, list):
        return [key for entry in value for key in keys(entry, path)]
    if not isinstance(value, dict):
        return []
    return [key for name, part in value.items() for key in (f"{path}{name}", *keys(part, f"{path}{name}."))]


def lacking(ours: Any, recorded: Any) -> list[str]:
    """The recorded keys that ours has not, or not in the recorded order; a newer key of ours is none of them."""
    left = iter(keys(ours))
    return [key for key in keys(recorded) if key not in left]


def sample(name: str) -> Any:
    """A sample that is one JSON value."""
    need_shared()
    return json.loads((SHARED / "samples" / name).read_text())


def sample_line(name: str) -> Any:
    """The first line of a JSONL sample."""
    need_shared()
    return json.loads((SHARED / "samples" / name).read_text(encoding="utf-8").split("\n")[0])


def shape(value: Any) -> Any:
    """A value's keys, in their order, and the types of what they hold; of a list, what its first entry is like."""
    if isinstance(value, dict):
        return [(key, shape(part)) for key, part in value.items()]
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def good(response: httpx2.Response) -> Item:
    """The body of an answer that must be good."""
    assert response.is_success, f"{response.status_code}: {response.text}"
    body: Item = response.json()
    return body


def error_of(response: httpx2.Response, status: int) -> Item:
    """The error of an answer that must be a refusal with this status."""
    assert response.status_code == status, response.text
    error: Item = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def check_response(response: httpx2.Response) -> None:
    """Hold an answer of the files, batches and uploads routes against OpenAI's description."""
    path, method = response.request.url.path.removeprefix("/v1"), response.request.method
    if not path.startswith(("/files", "/batches", "/uploads")) or path.endswith("/content"):
        return
    response.read()
    if response.headers.get("content-type") != "application/json":
        return
    name = _schema_name(method, path) if response.is_success else "ErrorResponse"
    problems = [error.message for error in _validator(path, name).iter_errors(response.json())]
    assert not problems, f"{method} {path}: {problems}"


def _schema_name(method: str, path: str) -> str:
    if path.startswith("/uploads"):
        return "UploadPart" if path.endswith("/parts") else "Upload"
    if path.startswith("/batches"):
        return "ListBatchesResponse" if (method, path) == ("GET", "/batches") else "Batch"
    if method == "DELETE":
        return "DeleteFileResponse"
    return "ListFilesResponse" if (method, path) == ("GET", "/files") else "OpenAIFile"


_DESCRIPTIONS: dict[bool, Any] = {}


def _validator(path: str, name: str) -> Draft202012Validator:
    strict = path.startswith("/uploads") and name != "ErrorResponse"
    if strict not in _DESCRIPTIONS:
        folder = SHARED / "openapi"
        _DESCRIPTIONS[strict] = (
            _nulls_allowed(yaml.safe_load((folder / "openai-files-batches-uploads.yaml").read_text()))
            if strict
            else json.loads((folder / "files-batches-tolerant.json").read_text())
        )
    return Draft202012Validator({**_DESCRIPTIONS[strict], "$ref": f"#/components/schemas/{name}"})


def _nulls_allowed(node: Any) -> Any:
    """The description with null allowed for every property, as the real service sends it."""
    if isinstance(node, list):
        return [_nulls_allowed(part) for part in node]
    if not isinstance(node, dict):
        return node
    changed = {name: _nulls_allowed(part) for name, part in node.items()}
    if isinstance(node.get("properties"), dict):
        properties = changed["properties"]
        changed["properties"] = {name: {"anyOf": [part, {"type": "null"}]} for name, part in properties.items()}
    return changed
