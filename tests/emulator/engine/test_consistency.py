"""Any sequence of calls and clock steps keeps every batch consistent."""

from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from prefect_openai_batch.emulator import BatchFault, BatchServer, Clock, LineFault, Timing

from ..conftest import START
from ..support import Api, Item, chat_items

FINAL = {"completed", "failed", "expired", "cancelled"}
ORDERED = (
    ("created_at", "in_progress_at"),
    ("in_progress_at", "finalizing_at"),
    ("finalizing_at", "completed_at"),
    ("finalizing_at", "expired_at"),
    ("created_at", "failed_at"),
    ("created_at", "cancelling_at"),
    ("in_progress_at", "cancelling_at"),
    ("cancelling_at", "cancelled_at"),
)
NEXT = {
    "validating": {"in_progress", "finalizing", "failed", "cancelling"} | FINAL,
    "in_progress": {"finalizing", "cancelling", "completed", "expired", "cancelled"},
    "finalizing": {"completed", "expired", "cancelling", "cancelled"},
    "cancelling": {"cancelled"},
}


class Batches(RuleBasedStateMachine):
    """Creates, cancels, deletes and waits, in any order."""

    batches = Bundle("batches")

    @initialize(running=st.sampled_from([0.0, 150.0, 150_000.0]), faulty=st.booleans())
    def start(self, running: float, faulty: bool) -> None:
        """A server of some pace."""
        timing = Timing(validating=60, running=running, finalizing=150, cancelling=606, expiring=606)
        self.server = BatchServer(clock=Clock(speed=0, start=START), timing=timing)
        self.server.start()
        self.api = Api(self.server)
        self.seen: dict[str, Item] = {}
        if faulty:
            self.server.fail(
                LineFault(kind="error", share=0.3),
                BatchFault(kind="half_expired", batches=(2,)),
                BatchFault(kind="cancelled", batches=(3,), share=0.3),
                BatchFault(kind="hang_finalizing", batches=(4,), seconds=100),
            )

    def teardown(self) -> None:
        """The end of one sequence."""
        if hasattr(self, "server"):
            self.api.http.close()
            self.server.stop()

    @rule(target=batches, count=st.integers(1, 12), bad=st.booleans())
    def create(self, count: int, bad: bool) -> str:
        """A batch of a few lines, some of them broken."""
        items: list[Any] = chat_items(count)
        return str(self.api.submit([*items, b"?"] if bad and count > 8 else items)["id"])

    def cancel(self, batch_id: str) -> None:
        """A cancellation, which may come too late."""
        assert self.api.http.post(f"/batches/{batch_id}/cancel").status_code in (200, 409)

    @rule(batch_id=batches)
    def delete_input(self, batch_id: str) -> None:
        """The input file goes, or is gone."""
        file_id = self.seen[batch_id]["input_file_id"] if batch_id in self.seen else "file-none"
        assert self.api.http.delete(f"/files/{file_id}").status_code in (200, 404)

    @rule(seconds=st.sampled_from([70.0, 100.0, 140.0, 620.0, 40_000.0, 90_000.0]))
    def wait(self, seconds: float) -> None:
        """About one stage passes, or a good part of the window."""
        self.server.advance(seconds)

    @rule(batch_id=batches, seconds=st.sampled_from([0.0, 70.0, 100.0, 140.0, 200.0]))
    def cancel_later(self, batch_id: str, seconds: float) -> None:
        """A cancellation in whatever stage it meets."""
        self.server.advance(seconds)
        self.cancel(batch_id)

    @invariant()
    def each_batch_is_consistent(self) -> None:
        """Times in order, final states final, counts within the total, files for what ran."""
        if not hasattr(self, "server"):
            return
        listed = self.api.http.get("/batches", params={"limit": 100}).json()["data"]
        assert listed == self.server.state()["batches"]
        for batch in listed:
            self._times_in_order(batch)
            self._goes_only_forward(batch)
            counts = batch["request_counts"]
            assert 0 <= counts["completed"] + counts["failed"] <= counts["total"]
            if batch["status"] in FINAL and (self.seen.get(batch["id"]) or batch) != batch:
                self._files_hold_every_line(batch)
            self.seen[batch["id"]] = batch

    @invariant()
    def the_bill_is_what_ran(self) -> None:
        """Every line executed is on the bill, and those of status 200 are billed."""
        if not hasattr(self, "server"):
            return
        bill = self.server.bill()
        counts = [batch["request_counts"] for batch in self.server.state()["batches"]]
        assert bill["executed"] == sum(count["completed"] + count["failed"] for count in counts)
        assert bill["billed"] == sum(count["completed"] for count in counts)
        items = self.server.billed_items()
        assert (len(items), sum(item["billed"] for item in items)) == (bill["executed"], bill["billed"])
        assert len({(item["custom_id"], item["batch_id"]) for item in items}) == len(items)

    def _times_in_order(self, batch: Item) -> None:
        for earlier, later in ORDERED:
            if batch[earlier] is not None and batch[later] is not None:
                assert batch[earlier] <= batch[later], (earlier, later, batch)
        assert batch["status"] not in ("cancelling", "cancelled") or batch["finalizing_at"] is None
        ends = [name for name in FINAL if batch[f"{name}_at"] is not None]
        assert ends == ([batch["status"]] if batch["status"] in FINAL else [])

    def _goes_only_forward(self, batch: Item) -> None:
        before = self.seen.get(batch["id"])
        if before is None:
            return
        if before["status"] in FINAL:
            assert batch == before
        elif batch["status"] != before["status"]:
            assert batch["status"] in NEXT[before["status"]]
        assert batch["request_counts"]["completed"] >= before["request_counts"]["completed"]

    def _files_hold_every_line(self, batch: Item) -> None:
        counts = batch["request_counts"]
        assert len(self._lines(batch["output_file_id"])) == counts["completed"]
        left = (
            0
            if batch["status"] in ("completed", "failed")
            else counts["total"] - counts["completed"] - counts["failed"]
        )
        assert len(self._lines(batch["error_file_id"])) == counts["failed"] + left

    def _lines(self, file_id: str | None) -> list[Item]:
        return self.api.lines(file_id)


TestBatches = Batches.TestCase
TestBatches.settings = settings(
    max_examples=30, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
