"""Errors of the HTTP routes equal those that were seen on the real service; and no sample is left out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect_openai_batch.emulator import Limits, RouteFault

from .support import CHAT, SHARED, Api, chat_items, error_of, need_shared, sample

Start = Callable[..., Api]


def _cancel_completed(start: Start) -> Any:
    api = start()
    return api.http.post(f"/batches/{api.finish(chat_items(1))['id']}/cancel")


def _bad_metadata(start: Start) -> Any:
    asked = {"input_file_id": "x", "endpoint": CHAT, "completion_window": "24h", "metadata": {"tags": []}}
    return start().http.post("/batches", json=asked)


def _file_race(start: Start) -> Any:
    api = start()
    file = api.upload(chat_items(1))
    api.server.fail(RouteFault(kind="cannot_find_file", route="POST */batches", times=1))
    asked = {"input_file_id": file["id"], "endpoint": CHAT, "completion_window": "24h"}
    return api.http.post("/batches", json=asked)


def _upload(content: bytes) -> Callable[[Start], Any]:
    def upload(start: Start) -> Any:
        api = start(limits=Limits(input_bytes=1000))
        return api.http.post("/files", data={"purpose": "batch"}, files={"file": ("in.jsonl", content)})

    return upload


def _missing_file(start: Start) -> Any:
    return start().http.get("/files/file-abc123")


PROVOKED: dict[str, Callable[[Start], Any]] = {
    "file_404": _missing_file,
    "cancel_completed_409": _cancel_completed,
    "metadata_type_400": _bad_metadata,
    "create_file_race_400": _file_race,
    "upload_too_large_400": _upload(b"{" * 1001),
    "upload_not_jsonl_400": _upload(b"name,age\n"),
}


@pytest.mark.parametrize("case", PROVOKED)
def test_errors_that_were_observed(start_server: Start, case: str) -> None:
    """HTTP errors equal those that were seen, but for what names the file."""
    real = sample("openai/http_errors_observed.json")[case]
    error = error_of(PROVOKED[case](start_server), real["status"])
    expected = real["body"]["error"]
    assert {**error, "message": ""} == {**expected, "message": ""}
    assert error["message"].split(" file-")[0] == expected["message"].split(" file-")[0]


def test_every_sample_is_met() -> None:
    """A sample that is added needs its counterpart."""
    need_shared()
    assert set(sample("openai/http_errors_observed.json")) == set(PROVOKED)
    tests = "".join(path.read_text() for path in Path(__file__).parent.rglob("test_*.py"))
    names = {f"{path.parent.name}/{path.name}" for path in (SHARED / "samples").glob("*/*")}
    assert {name for name in names if name not in tests} == set()
