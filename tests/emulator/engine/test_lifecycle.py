"""A batch's way from status to status."""

from collections.abc import Callable

import pytest
from prefect_openai_batch.emulator import BatchFault, Clock, Timing

from ..conftest import START
from ..support import TIMES, Api, Item, chat_item, chat_items, error_of, good

Start = Callable[..., Api]


def times(batch: Item) -> dict[str, float]:
    """A batch's timestamps that are set, in seconds after the start."""
    return {name: batch[name] - START for name in TIMES if batch[name] is not None}


@pytest.fixture
def real(start_server: Start) -> Api:
    """A server that takes its time as OpenAI does."""
    return start_server(timing=Timing.real())


def test_the_way_to_completed(real: Api) -> None:
    """Each status at its time, with what it brings: model and total, final counts, files and usage."""
    batch = real.submit(chat_items(10))
    real.server.advance(60)
    assert real.batch(batch["id"])["status"] == "validating"
    real.server.advance(1)
    running = real.batch(batch["id"])
    assert (running["status"], running["model"]) == ("in_progress", "gpt-4o-mini-2024-07-18")
    assert running["request_counts"] == {"total": 10, "completed": 0, "failed": 0}
    real.server.advance(65)
    half = real.batch(batch["id"])
    assert half["request_counts"] == {"total": 10, "completed": 4, "failed": 0}
    real.server.advance(65)
    finalizing = real.batch(batch["id"])
    assert (finalizing["status"], finalizing["output_file_id"]) == ("finalizing", None)
    assert finalizing["request_counts"]["completed"] == 10
    assert finalizing["usage"]["total_tokens"] == 0
    real.server.advance(1)
    done = real.batch(batch["id"])
    assert (done["status"], done["error_file_id"]) == ("completed", None)
    assert times(done) == {"in_progress_at": 61, "finalizing_at": 191, "completed_at": 192}
    assert done["usage"]["total_tokens"] == done["usage"]["input_tokens"] + done["usage"]["output_tokens"] > 0
    assert len(real.lines(done["output_file_id"])) == 10


def test_the_output_file_is_a_file(api: Api) -> None:
    """It has a name, a purpose and an end of its own; deleting it leaves the batch as it is."""
    done = api.finish(chat_items(2))
    file = good(api.http.get(f"/files/{done['output_file_id']}"))
    assert (file["purpose"], file["filename"]) == ("batch_output", f"{done['id']}_output.jsonl")
    assert file["created_at"] == done["completed_at"]
    assert file["expires_at"] == done["completed_at"] + 2_592_000
    content = api.http.get(f"/files/{file['id']}/content")
    assert len(content.content) == file["bytes"]
    assert content.content.endswith(b"}\n")
    good(api.http.delete(f"/files/{file['id']}"))
    assert api.batch(done["id"]) == done


def test_output_may_expire_sooner(api: Api) -> None:
    """`output_expires_after` counts from the file's own creation."""
    expiry = {"anchor": "created_at", "seconds": 3600}
    done = api.finish(chat_items(1), output_expires_after=expiry)
    file_id = done["output_file_id"]
    assert good(api.http.get(f"/files/{file_id}"))["expires_at"] == done["completed_at"] + 3600
    api.server.advance(3600)
    error_of(api.http.get(f"/files/{file_id}/content"), 404)
    assert api.batch(done["id"])["output_file_id"] == file_id


def test_the_input_file_may_go_while_its_batch_runs(real: Api) -> None:
    """A running batch has what it needs."""
    batch = real.submit(chat_items(10))
    real.server.advance(70)
    good(real.http.delete(f"/files/{batch['input_file_id']}"))
    real.server.advance(3600)
    assert real.batch(batch["id"])["request_counts"]["completed"] == 10


@pytest.mark.parametrize("count", [1, 7, 4999, 10_007])
def test_however_many_lines_they_all_run(api: Api, count: int) -> None:
    """Whatever the rounding of times makes of the last line."""
    batch = api.submit(chat_items(count))
    for _ in range(40):
        api.server.advance(0.1)
    assert api.batch(batch["id"])["request_counts"] == {"total": count, "completed": count, "failed": 0}


def test_a_leap_over_months(api: Api) -> None:
    """Each event at its time: the batch ran long before its files expired."""
    batch = api.submit(chat_items(1))
    api.server.advance(90 * 86_400)
    done = api.batch(batch["id"])
    assert done["status"] == "completed"
    error_of(api.http.get(f"/files/{done['output_file_id']}"), 404)


def test_a_window_that_closes_keeps_what_was_done(start_server: Start) -> None:
    """Expired: finalizing a second after the end, ten minutes later expired; the rest are batch_expired lines."""
    api = start_server(timing=Timing(validating=1, running=172_800, finalizing=1, expiring=606))
    batch = api.submit(chat_items(8))
    api.server.advance(86_399)
    assert api.batch(batch["id"])["status"] == "in_progress"
    api.server.advance(2)
    closing = api.batch(batch["id"])
    assert (closing["status"], closing["finalizing_at"]) == ("finalizing", closing["expires_at"] + 1)
    api.server.advance(606)
    expired = api.batch(batch["id"])
    assert expired["status"] == "expired"
    assert times(expired) == {"in_progress_at": 1, "finalizing_at": 86_401, "expired_at": 87_007}
    counts = expired["request_counts"]
    assert counts == {"total": 8, "completed": 3, "failed": 0}
    assert len(api.lines(expired["output_file_id"])) == 3
    errors = api.lines(expired["error_file_id"])
    assert len(errors) == 5
    for line in errors:
        assert set(line) == {"id", "custom_id", "response", "error"}
        assert line["response"] is None
        assert line["error"] == {
            "code": "batch_expired",
            "message": "This request could not be executed before the completion window expired.",
        }
    assert expired["usage"]["output_tokens"] > 0


def test_a_window_that_closes_before_anything_ran_leaves_no_output(start_server: Start) -> None:
    """Only an error file, and nobody counts as failed: as OpenAI's own sample shows."""
    api = start_server(timing=Timing(running=1_000_000))
    batch = api.submit(chat_items(2))
    api.server.advance(90_000)
    expired = api.batch(batch["id"])
    assert (expired["status"], expired["output_file_id"]) == ("expired", None)
    assert expired["request_counts"] == {"total": 2, "completed": 0, "failed": 0}
    assert len(api.lines(expired["error_file_id"])) == 2


def test_cancelling_takes_ten_minutes_and_keeps_what_was_done(real: Api) -> None:
    """Cancelled in the middle: what ran stays, the rest are batch_cancelled lines, finalizing_at is null."""
    batch = real.submit(chat_items(10))
    real.server.advance(61 + 65)
    response = real.http.post(f"/batches/{batch['id']}/cancel")
    assert b"\n" not in response.content, "OpenAI does not indent this one"
    assert good(response)["status"] == "cancelling"
    real.server.advance(605)
    assert real.batch(batch["id"])["status"] == "cancelling"
    real.server.advance(1)
    cancelled = real.batch(batch["id"])
    assert cancelled["status"] == "cancelled"
    assert times(cancelled) == {"in_progress_at": 61, "cancelling_at": 126, "cancelled_at": 732}
    assert cancelled["request_counts"] == {"total": 10, "completed": 4, "failed": 0}
    assert len(real.lines(cancelled["output_file_id"])) == 4
    assert {line["error"]["code"] for line in real.lines(cancelled["error_file_id"])} == {"batch_cancelled"}
    assert real.server.bill()["executed"] == 4
    assert good(real.http.post(f"/batches/{batch['id']}/cancel")) == cancelled


def test_cancelling_while_it_validates_leaves_nothing(real: Api) -> None:
    """No files, no counts, no in_progress_at."""
    batch = real.submit(chat_items(10))
    good(real.http.post(f"/batches/{batch['id']}/cancel"))
    real.server.advance(3600)
    cancelled = real.batch(batch["id"])
    assert times(cancelled) == {"cancelling_at": 0, "cancelled_at": 606}
    assert (cancelled["output_file_id"], cancelled["error_file_id"]) == (None, None)
    assert cancelled["request_counts"]["total"] == 0


@pytest.mark.parametrize("text", [b"no json", None], ids=["failed", "completed"])
def test_what_has_ended_cannot_be_cancelled(api: Api, text: bytes | None) -> None:
    """409 for completed and failed, in OpenAI's words."""
    ended = api.finish([chat_item(), *([text] if text else [])])
    assert error_of(api.http.post(f"/batches/{ended['id']}/cancel"), 409) == {
        "message": f"Cannot cancel a batch with status '{ended['status']}'.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    assert api.batch(ended["id"]) == ended


def test_an_expired_batch_cannot_be_cancelled(start_server: Start) -> None:
    """409 here too."""
    api = start_server(timing=Timing(running=1_000_000))
    batch = api.submit(chat_items(2))
    api.server.advance(90_000)
    assert "'expired'" in error_of(api.http.post(f"/batches/{batch['id']}/cancel"), 409)["message"]


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
