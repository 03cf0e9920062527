"""Each fault, provoked, and seen from a plain client."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from prefect_openai_batch.emulator import BatchFault, Clock, LineFault, RouteFault, Script, Timing

from .support import CHAT, Api, Item, chat_item, chat_items, endpoint_item, error_of, good

Start = Callable[..., Api]
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


def spoiled(api: Api, *faults: LineFault, count: int = 1, seed: int = 0) -> tuple[Item, list[Item], list[Item]]:
    """A batch under faults, with its output and error lines."""
    api.server.fail(*faults, seed=seed)
    batch = api.finish(chat_items(count))
    return batch, api.lines(batch["output_file_id"]), api.lines(batch["error_file_id"])


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "context_length_exceeded", "invalid_request_error"),
        (429, "rate_limit_exceeded", "requests"),
        (500, None, "server_error"),
        (503, None, "server_error"),
    ],
)
def test_a_line_fails(api: Api, status: int, code: str | None, kind: str) -> None:
    """`error: null` and a response that is not 200, in the error file; it ran, and is not billed."""
    batch, output, (line,) = spoiled(api, LineFault(kind="error", status=status))
    assert output == []
    assert line["error"] is None
    assert line["response"]["status_code"] == status
    error = line["response"]["body"]["error"]
    assert (error["code"], error["type"]) == (code, kind)
    assert batch["request_counts"] == {"total": 1, "completed": 0, "failed": 1}
    assert (api.server.bill()["executed"], api.server.bill()["billed"]) == (1, 0)


def test_a_line_times_out(api: Api) -> None:
    """No response at all, and its own code."""
    _, _, (line,) = spoiled(api, LineFault(kind="timeout"))
    assert line["response"] is None
    assert line["error"] == {"code": "request_timeout", "message": "The underlying call to the model timed out."}


def test_a_line_of_status_zero(api: Api) -> None:
    """As a community saw it."""
    _, output, errors = spoiled(api, LineFault(kind="status_zero"))
    assert [line["response"]["status_code"] for line in output + errors] == [0]


@pytest.mark.parametrize(
    ("kind", "reason", "content"), [("length", "length", "1 + "), ("content_filter", "content_filter", "")]
)
def test_answers_that_end_early(api: Api, kind: Any, reason: str, content: str) -> None:
    """200 all the same, with the reason."""
    _, (line,), _ = spoiled(api, LineFault(kind=kind))
    assert line["response"]["body"]["choices"][0]["finish_reason"] == reason


def test_a_refusal(api: Api) -> None:
    """No content, and the refusal's text."""
    _, (line,), _ = spoiled(api, LineFault(kind="refusal", message="No."))
    message = line["response"]["body"]["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == (None, "No.")


@pytest.mark.parametrize(
    ("kind", "status", "detail"),
    [
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
        ("refusal", "completed", None),
    ],
)
def test_responses_that_end_early(api: Api, kind: Any, status: str, detail: Any) -> None:
    """The Responses API has its own words for it."""
    api.server.fail(LineFault(kind=kind))
    item = endpoint_item("/v1/responses", {"model": "gpt-4.1-nano", "input": "Hello there, friend."})
    body = api.answers([item], "/v1/responses")["item-0"]
    assert (body["status"], body["incomplete_details"]) == (status, detail)
    if kind == "refusal":
        assert body["output"][0]["content"][0]["type"] == "refusal"


def test_an_answer_that_breaks_its_schema(api: Api) -> None:
    """200, but no JSON."""
    api.server.fail(LineFault(kind="invalid_answer"))
    item = chat_item(response_format={"type": "json_object"})
    with pytest.raises(json.JSONDecodeError):
        json.loads(api.answers([item])["item-0"]["choices"][0]["message"]["content"])


def test_raw_separators(api: Api) -> None:
    """U+2028 and its like stand in the file as they are; lines still end with newlines only."""
    batch = spoiled(api, LineFault(kind="separators"), count=2)[0]
    text = api.http.get(f"/files/{batch['output_file_id']}/content").content.decode()
    assert len(text.splitlines()) > 2
    lines = [json.loads(line) for line in text.split("\n") if line]
    assert all("\u2028" in line["response"]["body"]["choices"][0]["message"]["content"] for line in lines)


def test_a_missing_line(api: Api) -> None:
    """Executed and billed, but in no file."""
    batch, output, errors = spoiled(api, LineFault(kind="missing", pattern='"item-1"'), count=3)
    assert {line["custom_id"] for line in output} == {"item-0", "item-2"}
    assert errors == []
    assert (batch["request_counts"]["completed"], api.server.bill()["billed"]) == (3, 3)


def test_a_doubled_line(api: Api) -> None:
    """The same line twice."""
    _, output, _ = spoiled(api, LineFault(kind="doubled"))
    assert len(output) == 2
    assert output[0] == output[1]


def test_a_foreign_line(api: Api) -> None:
    """A line that nobody here asked for."""
    _, output, _ = spoiled(api, LineFault(kind="foreign"))
    assert {line["custom_id"] for line in output} == {"item-0", "somebody-else-item-0"}


def test_a_line_fault_keeps_to_its_pattern_share_and_times(api: Api) -> None:
    """Which lines it strikes comes from the seed; after `times` an item goes through."""
    third = LineFault(kind="error", share=0.3)
    struck = {line["custom_id"] for line in spoiled(api, third, count=100)[2]}
    assert 10 < len(struck) < 60
    once = LineFault(kind="error", status=429, pattern="What is 1 \\+", times=1)
    assert len(spoiled(api, once, count=3)[2]) == 1
    again = api.finish(chat_items(3))
    assert again["error_file_id"] is None


def test_the_same_seed_makes_the_same_faults(start_server: Start) -> None:
    """Two servers, one script: the same lines are struck."""

    def struck(seed: int) -> set[str]:
        lines = spoiled(start_server(), LineFault(kind="error", share=0.5), count=60, seed=seed)[2]
        return {line["custom_id"] for line in lines}

    assert struck(7) == struck(7) != struck(8)


def test_completed_before_the_file_ids(api: Api) -> None:
    """The ids come a moment after the status."""
    api.server.fail(BatchFault(kind="no_file_ids", seconds=5))
    batch = api.submit(chat_items(1))
    api.server.advance(0.9)
    early = api.batch(batch["id"])
    assert (early["status"], early["output_file_id"]) == ("completed", None)
    api.server.advance(5)
    assert len(api.lines(api.batch(batch["id"])["output_file_id"])) == 1


def test_stale_counts(api: Api) -> None:
    """Counts that stay behind the files for a while."""
    api.server.fail(BatchFault(kind="stale_counts", seconds=60))
    batch = api.submit(chat_items(10))
    api.server.advance(1)
    stale = api.batch(batch["id"])
    assert (stale["status"], stale["request_counts"]["completed"]) == ("completed", 5)
    assert len(api.lines(stale["output_file_id"])) == 10
    api.server.advance(60)
    assert api.batch(batch["id"])["request_counts"]["completed"] == 10


def test_slow_finalizing(api: Api) -> None:
    """The second of two batches ends an hour after the first."""
    api.server.fail(BatchFault(kind="slow_finalizing", batches=(2,), seconds=3600))
    quick, slow = (api.submit(chat_items(1))["id"] for _ in range(2))
    api.server.advance(3599)
    assert [api.batch(batch)["status"] for batch in (quick, slow)] == ["completed", "finalizing"]
    api.server.advance(2)
    assert api.batch(slow)["status"] == "completed"


def test_empty_ids(api: Api) -> None:
    """`""` where OpenAI's description says null."""
    api.server.fail(BatchFault(kind="empty_ids"))
    batch = api.submit(chat_items(1))
    assert (batch["output_file_id"], batch["error_file_id"]) == ("", "")
    api.server.advance(10)
    done = api.batch(batch["id"])
    assert done["output_file_id"].startswith("file-")
    assert done["error_file_id"] == ""


def test_a_batch_that_hangs_in_finalizing(api: Api) -> None:
    """Past its window, and completed in the end."""
    api.server.fail(BatchFault(kind="hang_finalizing", seconds=3600))
    batch = api.submit(chat_items(1))
    api.server.advance(86_400 + 3599)
    late = api.batch(batch["id"])
    assert (late["status"], late["output_file_id"]) == ("finalizing", None)
    api.server.advance(1)
    assert api.batch(batch["id"])["status"] == "completed"


def test_half_expired(api: Api) -> None:
    """It stops in the middle, until its window closes."""
    api.server.fail(BatchFault(kind="half_expired", share=0.25))
    batch = api.submit(chat_items(8))
    api.server.advance(86_000)
    assert api.batch(batch["id"])["request_counts"]["completed"] == 2
    api.server.advance(2000)
    expired = api.batch(batch["id"])
    assert expired["status"] == "expired"
    assert len(api.lines(expired["output_file_id"])) == 2
    assert {line["error"]["code"] for line in api.lines(expired["error_file_id"])} == {"batch_expired"}


def test_all_failed(api: Api) -> None:
    """Completed, without an output file."""
    api.server.fail(BatchFault(kind="all_failed", status=503))
    done = api.finish(chat_items(3))
    assert (done["status"], done["output_file_id"]) == ("completed", None)
    assert done["request_counts"] == {"total": 3, "completed": 0, "failed": 3}
    assert {line["response"]["status_code"] for line in api.lines(done["error_file_id"])} == {503}


def test_failed_at_validation(api: Api) -> None:
    """For a reason that is not in the file."""
    api.server.fail(BatchFault(kind="fail_validation", batches=(2,), code="billing_hard_limit_reached"))
    assert api.finish(chat_items(1))["status"] == "completed"
    failed = api.finish(chat_items(1))
    assert [error["code"] for error in failed["errors"]["data"]] == ["billing_hard_limit_reached"]


def test_cancelled_by_somebody_else(api: Api) -> None:
    """In the middle of its run."""
    api.server.fail(BatchFault(kind="cancelled", share=0.5))
    done = api.finish(chat_items(8))
    assert done["status"] == "cancelled"
    assert len(api.lines(done["output_file_id"])) == len(api.lines(done["error_file_id"])) == 4


def test_cancelled_by_somebody_else_before_anything_ran(api: Api) -> None:
    """With nothing executed at all."""
    api.server.fail(BatchFault(kind="cancelled", share=0))
    done = api.finish(chat_items(8))
    assert (done["status"], done["output_file_id"]) == ("cancelled", None)


def test_faults_over_http_and_from_a_file(start_server: Start, tmp_path: Any) -> None:
    """The same script by `PUT /emulator/faults`, and in the settings."""
    script = {"seed": 3, "faults": [{"kind": "half_expired", "share": 0.1}, {"kind": "refusal"}, {"kind": "cut"}]}
    path = tmp_path / "faults.json"
    path.write_text(json.dumps(script))
    assert start_server(faults=path).server.faults == Script.model_validate(script)
    api = start_server()
    url = f"{api.server.url}/emulator/faults"
    put = good(api.http.put(url, json=script))
    assert put["seed"] == 3
    assert [fault["kind"] for fault in put["faults"]] == ["half_expired", "refusal", "cut"]
    assert good(api.http.get(url)) == put
    assert error_of(api.http.put(url, json={"faults": [{"kind": "weather"}]}), 400)["param"] == "faults"
    assert (
        error_of(api.http.put(url, json={"faults": [{"kind": "refusal", "pattern": "("}]}), 400)["param"]
        == "faults"
    )


def test_a_fast_clock_needs_no_steps(start_server: Start) -> None:
    """A day's window passes in a moment; work takes no time on that clock."""
    api = start_server(clock=Clock(speed=1_000_000), timing=Timing.real())
    api.server.fail(BatchFault(kind="half_expired", batches=(2,)))
    first, second = api.submit(chat_items(2)), api.submit(chat_items(2))
    while any(
        batch["status"] in ("validating", "in_progress", "finalizing") for batch in api.server.state()["batches"]
    ):
        pass
    done, expired = api.batch(first["id"]), api.batch(second["id"])
    assert (done["status"], expired["status"]) == ("completed", "expired")
    assert done["completed_at"] - done["created_at"] == pytest.approx(192, abs=1)
    assert expired["expired_at"] - expired["created_at"] == pytest.approx(87_007, abs=1)
