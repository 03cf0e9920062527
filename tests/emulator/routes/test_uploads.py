"""The Uploads API."""

import hashlib
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from prefect_openai_batch.emulator import Limits

from ..conftest import START
from ..support import Api, Item, chat_items, error_of, good, jsonl

Start = Callable[..., Api]
CONTENT = jsonl(chat_items(50))


def begin(api: Api, **changes: Any) -> Item:
    """A pending upload."""
    asked = {"filename": "in.jsonl", "purpose": "batch", "bytes": len(CONTENT), "mime_type": "application/jsonl"}
    return good(api.http.post("/uploads", json={**asked, **changes}))


def add(api: Api, upload_id: str, data: bytes) -> httpx2.Response:
    """Add a part."""
    return api.http.post(f"/uploads/{upload_id}/parts", files={"data": data})


def complete(api: Api, upload_id: str, part_ids: list[str], **more: Any) -> httpx2.Response:
    """Put the parts together."""
    return api.http.post(f"/uploads/{upload_id}/complete", json={"part_ids": part_ids, **more})


def test_a_file_in_parts(api: Api) -> None:
    """Parts in any order become one file in the order asked for, which a batch can use."""
    upload = begin(api)
    assert {key: value for key, value in upload.items() if key != "id"} == {
        "object": "upload",
        "bytes": len(CONTENT),
        "created_at": START,
        "filename": "in.jsonl",
        "purpose": "batch",
        "status": "pending",
        "expires_at": START + 3600,
        "file": None,
    }
    last, first = good(add(api, upload["id"], CONTENT[1000:])), good(add(api, upload["id"], CONTENT[:1000]))
    assert (first["object"], first["upload_id"]) == ("upload.part", upload["id"])
    md5 = hashlib.md5(CONTENT).hexdigest()
    done = good(complete(api, upload["id"], [first["id"], last["id"]], md5=md5))
    assert (done["status"], done["file"]["bytes"]) == ("completed", len(CONTENT))
    assert api.http.get(f"/files/{done['file']['id']}/content").content == CONTENT
    batch = api.create(done["file"]["id"])
    api.server.advance(10)
    assert api.batch(batch["id"])["request_counts"]["completed"] == 50
    assert list((api.server.folder / "incoming").iterdir()) == []


def test_an_expiry_goes_to_the_file(api: Api) -> None:
    """`expires_after` of an upload is that of its file."""
    upload = begin(api, expires_after={"anchor": "created_at", "seconds": 3600})
    part = good(add(api, upload["id"], CONTENT))
    assert good(complete(api, upload["id"], [part["id"]]))["file"]["expires_at"] == START + 3600


def test_what_cannot_be_put_together(api: Api) -> None:
    """Wrong size, wrong checksum, unknown part, no list; the upload stays pending."""
    upload = begin(api)
    part = good(add(api, upload["id"], CONTENT[:-1]))["id"]
    assert "size" in error_of(complete(api, upload["id"], [part]), 400)["message"]
    assert error_of(complete(api, upload["id"], ["part_none"]), 400)["param"] == "part_ids"
    assert error_of(api.http.post(f"/uploads/{upload['id']}/complete", json={}), 400)["param"] == "part_ids"
    assert (
        error_of(api.http.post(f"/uploads/{upload['id']}/complete", json={"part_ids": "x"}), 400)["param"]
        == "part_ids"
    )
    rest = good(add(api, upload["id"], CONTENT[-1:]))["id"]
    assert "MD5" in error_of(complete(api, upload["id"], [part, rest], md5="0" * 32), 400)["message"]
    assert good(complete(api, upload["id"], [part, rest]))["status"] == "completed"


def test_content_is_checked_as_a_files_is(api: Api) -> None:
    """No JSONL, no file."""
    upload = begin(api, bytes=4)
    part = good(add(api, upload["id"], b"a,b\n"))
    assert ".jsonl" in error_of(complete(api, upload["id"], [part["id"]]), 400)["message"]


def test_a_cancelled_upload_takes_nothing_more(api: Api) -> None:
    """No part, no end, no second cancellation."""
    upload = begin(api)
    part = good(add(api, upload["id"], CONTENT))
    assert good(api.http.post(f"/uploads/{upload['id']}/cancel"))["status"] == "cancelled"
    error_of(add(api, upload["id"], b"x"), 400)
    error_of(complete(api, upload["id"], [part["id"]]), 400)
    error_of(api.http.post(f"/uploads/{upload['id']}/cancel"), 400)


def test_an_upload_ends_after_an_hour(api: Api) -> None:
    """Then it is expired, and its parts are gone."""
    upload = begin(api)
    good(add(api, upload["id"], CONTENT))
    api.server.advance(3600)
    assert "'expired'" in error_of(add(api, upload["id"], b"x"), 400)["message"]
    assert list((api.server.folder / "incoming").iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"filename": None}, "filename"),
        ({"purpose": 1}, "purpose"),
        ({"bytes": "many"}, "bytes"),
        ({"mime_type": None}, "mime_type"),
        ({"expires_after": 5}, "expires_after"),
        ({"bytes": 8_000_000_001}, "bytes"),
    ],
)
def test_a_bad_beginning_is_refused(api: Api, changes: Item, param: str) -> None:
    """400, naming the parameter."""
    asked = {"filename": "in.jsonl", "purpose": "batch", "bytes": 10, "mime_type": "application/jsonl"}
    assert error_of(api.http.post("/uploads", json={**asked, **changes}), 400)["param"] == param


def test_parts_have_an_end(start_server: Start) -> None:
    """A part too large is refused and leaves nothing; so is a form without data."""
    api = start_server(limits=Limits(part_bytes=100))
    upload = begin(api)
    assert "too large" in error_of(add(api, upload["id"], b"x" * 101), 400)["message"]
    response = api.http.post(f"/uploads/{upload['id']}/parts", files={"other": b"x"})
    assert error_of(response, 400)["param"] == "data"
    assert list((api.server.folder / "incoming").iterdir()) == []


def test_an_unknown_upload_is_404(api: Api) -> None:
    """On every route."""
    for path in ("parts", "complete", "cancel"):
        error_of(api.http.post(f"/uploads/upload_none/{path}", json={}), 404)
