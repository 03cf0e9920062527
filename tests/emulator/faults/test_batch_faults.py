"""What goes wrong with batches, provoked, and seen from a plain client."""

from prefect_openai_batch.emulator import BatchFault

from ..support import Api, chat_items


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


def test_expired_with_every_line_run(api: Api) -> None:
    """An output file alone, as OpenAI has it."""
    api.server.fail(BatchFault(kind="half_expired", share=1.0))
    batch = api.submit(chat_items(8))
    api.server.advance(90_000)
    expired = api.batch(batch["id"])
    assert (expired["status"], expired["error_file_id"]) == ("expired", None)
    assert len(api.lines(expired["output_file_id"])) == 8


def test_cancelled_with_every_line_run(api: Api) -> None:
    """Somebody else's cancelling comes before the end."""
    api.server.fail(BatchFault(kind="cancelled", share=1.0))
    cancelled = api.finish(chat_items(8))
    assert (cancelled["status"], cancelled["error_file_id"]) == ("cancelled", None)


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
