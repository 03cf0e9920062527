"""What goes wrong with calls, provoked, and seen from a plain client."""

from typing import Any

import httpx2
import pytest
from prefect_openai_batch.emulator import RouteFault

from ..support import CHAT, Api, Item, chat_items, error_of, good

CREATE = "POST */batches"


def creation(api: Api) -> Item:
    """What a client sends to create a batch of one."""
    return {"input_file_id": api.upload(chat_items(1))["id"], "endpoint": CHAT, "completion_window": "24h"}


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_connection_is_cut(api: Api, when: Any, made: int) -> None:
    """Without an answer, before the batch exists or after."""
    asked = creation(api)
    api.server.fail(RouteFault(kind="cut", route=CREATE, when=when, times=1))
    with pytest.raises(httpx2.TransportError):
        api.http.post("/batches", json=asked)
    assert len(good(api.http.get("/batches"))["data"]) == made
    good(api.http.post("/batches", json=asked))


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_call_hangs(api: Api, when: Any, made: int) -> None:
    """The client's patience ends first; the effect may have happened all the same."""
    asked = creation(api)
    api.server.fail(RouteFault(kind="hang", route=CREATE, when=when, seconds=30))
    with pytest.raises(httpx2.ReadTimeout):
        api.http.post("/batches", json=asked, timeout=0.2)
    assert len(good(api.http.get("/batches"))["data"]) == made


@pytest.mark.parametrize(("when", "status"), [("before", 504), ("after", 200)])
def test_a_patient_client_gets_the_late_answer(api: Api, when: Any, status: int) -> None:
    """The answer after the effect, or a gateway's."""
    asked = creation(api)
    api.server.fail(RouteFault(kind="hang", route=CREATE, when=when, seconds=0.05))
    assert api.http.post("/batches", json=asked).status_code == status


@pytest.mark.parametrize(("retry_after", "header"), [(None, None), (2, "2"), (600, "600")])
def test_too_many_requests(api: Api, retry_after: float | None, header: str | None) -> None:
    """429 without Retry-After, with a short one, and with one longer than the SDK would wait."""
    api.server.fail(RouteFault(kind="http_error", status=429, retry_after=retry_after, route=CREATE))
    response = api.http.post("/batches", json={})
    assert error_of(response, 429)["code"] == "rate_limit_exceeded"
    assert response.headers.get("retry-after") == header


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_server_error(api: Api, when: Any) -> None:
    """500 with OpenAI's body; after the effect the file exists."""
    api.server.fail(RouteFault(kind="http_error", status=500, route="POST */files", when=when))
    response = api.http.post("/files", data={"purpose": "batch"}, files={"file": b"{}\n"})
    assert error_of(response, 500)["type"] == "server_error"
    assert len(api.server.state()["files"]) == (when == "after")


def test_an_error_may_have_its_own_words(api: Api) -> None:
    """Status, code and text as scripted."""
    api.server.fail(
        RouteFault(kind="http_error", status=403, code="billing_hard_limit_reached", message="No money.")
    )
    error = error_of(api.http.get("/batches"), 403)
    assert (error["code"], error["message"]) == ("billing_hard_limit_reached", "No money.")


def test_a_page_of_html(api: Api) -> None:
    """What a proxy sends where JSON was expected."""
    api.server.fail(RouteFault(kind="html", status=502))
    response = api.http.get("/batches")
    assert (response.status_code, response.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert response.text.startswith("<html>")


def test_a_file_that_cannot_be_found_just_after_its_upload(api: Api) -> None:
    """400 for a moment; the same call works later."""
    asked = creation(api)
    api.server.fail(RouteFault(kind="cannot_find_file", route=CREATE, times=2))
    for _ in range(2):
        error = error_of(api.http.post("/batches", json=asked), 400)
        assert error["message"].startswith(f"Cannot find file {asked['input_file_id']}, or project")
        assert (error["param"], error["code"]) == ("file_id", None)
    good(api.http.post("/batches", json=asked))


def test_content_is_missing_for_a_moment(api: Api) -> None:
    """404 for output that is there a call later."""
    file_id = api.finish(chat_items(1))["output_file_id"]
    api.server.fail(RouteFault(kind="not_found", route="GET */files/*/content", calls=(1,)))
    assert file_id in error_of(api.http.get(f"/files/{file_id}/content"), 404)["message"]
    assert len(api.lines(file_id)) == 1
    api.server.fail(RouteFault(kind="not_found", route="GET */batches/*"))
    assert "batch_x" in error_of(api.http.get("/batches/batch_x"), 404)["message"]


@pytest.mark.parametrize("count", [3, 3000])
def test_a_download_breaks_off(api: Api, count: int) -> None:
    """Half of the bytes, and then a closed connection instead of an end."""
    file_id = api.finish(chat_items(count))["output_file_id"]
    size = good(api.http.get(f"/files/{file_id}"))["bytes"]
    api.server.fail(RouteFault(kind="cut_stream", share=0.5, route="GET */content", times=1))
    received: list[bytes] = []
    with (
        api.http.stream("GET", f"/files/{file_id}/content") as response,
        pytest.raises(httpx2.RemoteProtocolError),
    ):
        received.extend(response.iter_bytes())
    assert len(b"".join(received)) == size // 2
    assert len(api.lines(file_id)) == count


@pytest.mark.parametrize("whole_lines", [True, False], ids=["between lines", "in a line"])
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "with a length"])
def test_a_download_ends_early_as_if_that_were_all(api: Api, *, chunked: bool, whole_lines: bool) -> None:
    """No error says so: the header names no length, or that of what is sent."""
    file_id = api.finish(chat_items(9))["output_file_id"]
    whole = api.http.get(f"/files/{file_id}/content").content
    short = RouteFault(
        kind="short_body", share=0.5, chunked=chunked, whole_lines=whole_lines, route="GET */content"
    )
    api.server.fail(short, RouteFault(kind="no_bytes", route="GET */files/*"))
    answer = api.http.get(f"/files/{file_id}/content")
    half = whole[: len(whole) // 2]
    assert answer.content == (half[: half.rfind(b"\n") + 1] if whole_lines else half)
    assert answer.headers.get("content-length") == (None if chunked else str(len(answer.content)))
    headers = {"authorization": "Bearer any"}
    assert httpx2.get(f"{api.server.base_url}/files/{file_id}", headers=headers).json()["bytes"] is None


def test_a_list_lags_behind(api: Api) -> None:
    """What was just created is not listed yet, but can be retrieved."""
    api.server.fail(RouteFault(kind="lag", seconds=30))
    batch = api.submit(chat_items(1))
    assert good(api.http.get("/batches"))["data"] == good(api.http.get("/files"))["data"] == []
    assert api.batch(batch["id"])["id"] == batch["id"]
    api.server.advance(31)
    assert [listed["id"] for listed in good(api.http.get("/batches"))["data"]] == [batch["id"]]


def test_calls_and_times_and_shares(api: Api) -> None:
    """A fault strikes the calls it names, as often as it may; the same seed strikes the same calls."""

    def statuses(*faults: RouteFault, seed: int = 0) -> list[int]:
        api.server.fail(*faults, seed=seed)
        return [api.http.get("/batches").status_code for _ in range(30)]

    by_number = statuses(RouteFault(kind="http_error", calls=(2, 4), route="GET */batches"))
    assert [number for number, status in enumerate(by_number, 1) if status == 500] == [2, 4]
    assert statuses(RouteFault(kind="http_error", times=3)).count(500) == 3
    half = RouteFault(kind="http_error", share=0.5)
    assert 5 < statuses(half).count(500) < 25
    assert statuses(half, seed=1) == statuses(half, seed=1) != statuses(half, seed=2)
    assert statuses(RouteFault(kind="http_error", route="POST *")) == [200] * 30
    assert statuses() == [200] * 30
