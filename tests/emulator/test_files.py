"""The Files API."""

import json
from collections.abc import Callable

import pytest
from prefect_openai_batch.emulator import Limits

from .conftest import START
from .support import Api, chat_item, chat_items, error_of, good, jsonl

Start = Callable[..., Api]


def test_an_upload_is_processed_at_once_and_expires_in_thirty_days(api: Api) -> None:
    """A file of purpose batch bears OpenAI's fields, and its end."""
    content = jsonl(chat_items(3))
    file = api.upload(content)
    assert file == {
        "object": "file",
        "id": file["id"],
        "purpose": "batch",
        "filename": "in.jsonl",
        "bytes": len(content),
        "created_at": START,
        "expires_at": START + 2_592_000,
        "status": "processed",
        "status_details": None,
    }
    assert file["id"].startswith("file-")
    assert good(api.http.get(f"/files/{file['id']}")) == file


def test_content_comes_back_byte_for_byte(api: Api) -> None:
    """What was uploaded is what is downloaded, with a name for it."""
    content = jsonl([chat_item(text="Grüße \u2028 \u2013 你好")])
    file = api.upload(content)
    response = api.http.get(f"/files/{file['id']}/content")
    assert response.content == content
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == 'attachment; filename="in.jsonl"'


def test_a_large_file_arrives_whole(api: Api) -> None:
    """Many blocks in, many blocks out."""
    content = jsonl([chat_item(0, "x" * 9_000_000)])
    assert api.http.get(f"/files/{api.upload(content)['id']}/content").content == content


def test_other_purposes_do_not_expire(api: Api) -> None:
    """Only files of purpose batch have an end of their own."""
    assert api.upload(b"anything", purpose="user_data")["expires_at"] is None


def test_an_expiry_may_be_asked_for(api: Api) -> None:
    """`expires_after` counts from the creation; then the file is gone."""
    fields = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    file = api.upload(jsonl([chat_item()]), **fields)
    assert file["expires_at"] == START + 3600
    api.server.advance(3599)
    good(api.http.get(f"/files/{file['id']}"))
    api.server.advance(1)
    error_of(api.http.get(f"/files/{file['id']}"), 404)
    assert good(api.http.get("/files"))["data"] == []


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"expires_after[anchor]": "now", "expires_after[seconds]": "3600"}, "expires_after[anchor]"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "3599"}, "expires_after[seconds]"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "2592001"}, "expires_after[seconds]"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "soon"}, "expires_after[seconds]"),
        ({"expires_after[anchor]": "created_at"}, "expires_after[seconds]"),
    ],
)
def test_an_impossible_expiry_is_refused(api: Api, fields: dict[str, str], param: str) -> None:
    """Between an hour and thirty days, from the creation."""
    response = api.http.post("/files", data={"purpose": "batch", **fields}, files={"file": b"{}\n"})
    assert error_of(response, 400)["param"] == param


def test_deleting_says_so_and_then_404(api: Api) -> None:
    """A deleted file is gone from every route, with OpenAI's words."""
    file = api.upload([chat_item()])
    assert good(api.http.delete(f"/files/{file['id']}")) == {"id": file["id"], "object": "file", "deleted": True}
    for response in (
        api.http.get(f"/files/{file['id']}"),
        api.http.get(f"/files/{file['id']}/content"),
        api.http.delete(f"/files/{file['id']}"),
    ):
        assert error_of(response, 404) == {
            "message": f"No such File object: {file['id']}",
            "type": "invalid_request_error",
            "param": "id",
            "code": None,
        }


def test_the_list_is_newest_first_and_pages(api: Api) -> None:
    """Every page but the last says that there is more; `after` goes on from the last id."""
    made = []
    for _ in range(5):
        made.append(api.upload([chat_item()])["id"])
        api.server.advance(1)
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = good(api.http.get("/files", params={"limit": 2, **after}))
        seen += [file["id"] for file in page["data"]]
        assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
        if not page["has_more"]:
            break
        after = {"after": page["last_id"]}
    assert seen == made[::-1]
    ascending = good(api.http.get("/files", params={"order": "asc"}))
    assert [file["id"] for file in ascending["data"]] == made


def test_the_list_keeps_to_a_purpose(api: Api) -> None:
    """Only files of the purpose asked for."""
    api.upload([chat_item()])
    other = api.upload(b"text", purpose="user_data")
    page = good(api.http.get("/files", params={"purpose": "user_data"}))
    assert [file["id"] for file in page["data"]] == [other["id"]]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 10_001}, {"limit": "many"}, {"order": "up"}, {"after": "file-none"}]
)
def test_a_bad_list_query_is_refused(api: Api, query: dict[str, str]) -> None:
    """400, naming the parameter."""
    assert error_of(api.http.get("/files", params=query), 400)["param"] == next(iter(query))


@pytest.mark.parametrize(
    ("data", "files", "param", "code"),
    [
        ({}, {"file": b"{}"}, "purpose", "missing_required_parameter"),
        ({"purpose": "batch"}, {"other": b"{}"}, "file", "missing_required_parameter"),
        ({"purpose": "cooking"}, {"file": b"{}"}, "purpose", "invalid_value"),
        ({"purpose": "batch"}, {"file": b""}, "file", None),
        ({"purpose": "batch"}, {"file": b"a,b\n1,2\n"}, None, None),
    ],
)
def test_bad_uploads_are_refused(
    api: Api, data: dict[str, str], files: dict[str, bytes], param: str | None, code: str | None
) -> None:
    """A missing field, an unknown purpose, no content, or no JSONL; nothing is stored."""
    error = error_of(api.http.post("/files", data=data, files=files), 400)
    assert (error["param"], error["code"]) == (param, code)
    assert api.server.state()["files"] == []
    assert list((api.server.folder / "incoming").iterdir()) == []


def test_no_form_is_refused(api: Api) -> None:
    """JSON is not what the route takes, nor is a form without a boundary."""
    error_of(api.http.post("/files", json={"purpose": "batch"}), 400)
    headers = {"content-type": "multipart/form-data"}
    error_of(api.http.post("/files", content=b"--x", headers=headers), 400)
    headers = {"content-type": "multipart/form-data; boundary=x"}
    error_of(api.http.post("/files", content=b"nothing of the kind", headers=headers), 400)


def test_a_file_that_is_too_large_is_refused(start_server: Start) -> None:
    """Each purpose has its own bound."""
    api = start_server(limits=Limits(input_bytes=1000, file_bytes=2000))
    large = {"file": json.dumps({"x": "y" * 1500}).encode()}
    assert error_of(api.http.post("/files", data={"purpose": "batch"}, files=large), 400) == {
        "message": "File is too large.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    good(api.http.post("/files", data={"purpose": "user_data"}, files=large))
    larger = {"file": b"x" * 2001}
    error_of(api.http.post("/files", data={"purpose": "user_data"}, files=larger), 400)


def test_the_storage_has_an_end(start_server: Start) -> None:
    """All files together stay below the quota; deleting makes room."""
    api = start_server(limits=Limits(storage_bytes=500))
    first = api.upload(b"x" * 300, purpose="user_data")
    response = api.http.post("/files", data={"purpose": "user_data"}, files={"file": b"y" * 300})
    assert "quota" in error_of(response, 400)["message"]
    good(api.http.delete(f"/files/{first['id']}"))
    api.upload(b"y" * 300, purpose="user_data")


@pytest.mark.parametrize(
    "name",
    ["../../escape.jsonl", "..\\..\\escape.jsonl", "/etc/escape.jsonl"],
    ids=["slashes", "backslashes", "absolute"],
)
def test_a_filename_cannot_leave_the_folder(api: Api, name: str) -> None:
    """Only the name's last part is kept, and it never names a file on the server's disk."""
    response = api.http.post("/files", data={"purpose": "batch"}, files={"file": (name, jsonl([chat_item()]))})
    assert good(response)["filename"] == "escape.jsonl"
    assert not list(api.server.folder.rglob("*escape*"))


@pytest.mark.parametrize(
    "identifier", ["..", "../clock", "%2e%2e%2fclock.json", "a%2fb", "file-x.json", "file-%00"]
)
def test_an_id_cannot_name_another_file(api: Api, identifier: str) -> None:
    """Ids with separators or dots find nothing."""
    for path in (f"/files/{identifier}", f"/files/{identifier}/content", f"/batches/{identifier}"):
        assert api.http.get(path).status_code in (404, 405)


def test_an_unnamed_file_is_called_upload(api: Api) -> None:
    """A part without a filename is taken all the same."""
    body = (
        b'--x\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        b'--x\r\ncontent-disposition: form-data; name="file"\r\n\r\n{}\r\n--x--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert good(api.http.post("/files", content=body, headers=headers))["filename"] == "upload"
