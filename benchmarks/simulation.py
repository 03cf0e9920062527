"""Ten and a hundred million rows against OpenAI's limits: days, calls and bytes, on a driven clock.

python -m benchmarks.simulation

The decisions are the flow's own: which files go when and what waits (`Departures`), what is enqueued (`Enqueued`),
when the next look comes (`sensor_options`), into what a refused file is cut (`pieces_of`), the paces that Prefect
is asked for (`CREATIONS`). OpenAI is a model of it: a batch is validated in two seconds or a minute, refused where
its tokens find no room, and takes as long as the table says, half to one and a half times, at most its window of a
day; what runs at once does not slow down the others.

A row is 200 input tokens, 1,000 bytes of input and 1,500 of output; the way to OpenAI takes 12.5 MB a second. All
rows are answered in the first round. A job on disk is its rows and answers in Parquet, its input files until they
are answered, and four outputs.
"""

import sys
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate, chain, repeat
from math import ceil

from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.files.batches import Batch, BatchStatus
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.flight.bounds import Bounds, Told
from prefect_openai_batch.batch.flight.cuts import pieces_of
from prefect_openai_batch.batch.flight.departures import Departures
from prefect_openai_batch.batch.flight.enqueued import Enqueued
from prefect_openai_batch.batch.jobs.options import RunOptions
from prefect_openai_batch.flows.sending.flight import STOP_LOOK_SECONDS
from prefect_openai_batch.flows.sending.submitting import UPLOADS
from prefect_openai_batch.tasks import sensor_options
from prefect_openai_batch.tasks.remote.connection import PAGE
from prefect_openai_batch.tasks.remote.paces import CREATIONS

from .simulated.cases import ROW_BYTES, ROW_OUTPUT_BYTES, Case, input_file, input_files
from .simulated.service import OpenAI
from .turns import machine

LINK_BYTES = 12_500_000
"""A second."""

KEPT_SHARE = 0.4
"""What Parquet makes of the bytes of rows and answers."""

DAY = 86_400.0


class Simulation:
    """A round of a job, gone through as `Flight` does, in no time."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.now = 0.0
        self.options = RunOptions(in_flight=case.in_flight, max_enqueued_tokens=case.bound)
        files = list(input_files(case))
        self.put_off: dict[str, float] = {}
        self.departures = Departures(
            files,
            [],
            case.in_flight,
            Bounds(case.bound),
            self.options.pauses,
            not_before=lambda file: self.put_off.get(file.folder, 0.0),
        )
        self.openai = OpenAI(case.limit, case.hours)
        self.calls: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()
        self.bucket, self.bucket_at = float(CREATIONS.slots), 0.0
        self.created: deque[float] = deque()
        self.peak = 0
        self.input_bytes = case.rows * ROW_BYTES
        self.rows_bytes = self.disk = self.input_bytes * KEPT_SHARE
        self.most_disk = self.disk + self.input_bytes
        self.done_rows = 0

    def run(self) -> "Simulation":
        """Go through it."""
        departures = self.departures
        with self.clock_in_place():
            while departures.waiting or departures.flying:
                self.submit()
                self.peak = max(self.peak, len(departures.flying))
                begun, reason = self.now, self.what_is_waited_for()
                for batch in self.wait():
                    self.take(batch)
                self.waits[reason] += round(self.now - begun)
        return self

    def submit(self) -> None:
        """Send what may go, as the flow does."""
        self.departures.bounds.let_go(self.now)
        look_at = self.departures.looks_again_at()
        if look_at is None or self.now < look_at:
            return
        enqueued = None
        if self.departures.is_bounded:
            enqueued = Enqueued.of(self.departures.flying)
            self.calls["looks for room"] += self.pages_of_a_day()
        while going := self.departures.leave(UPLOADS, lambda _: True, self.now, enqueued):
            self.pass_time(sum(file.bytes for file in going) / LINK_BYTES)
            for file in going:
                self.take_turn()
                self.calls["uploads"] += 1
                self.calls["creations"] += 1
                self.calls["looks for room"] += enqueued is not None  # of what is newer
                self.created.append(self.now)
                self.departures.flying.append(self.openai.create(file, self.now))
        self.departures.looked(self.now)

    def pages(self) -> int:
        """How many calls list the open batches."""
        return max(1, ceil(len(self.departures.flying) / PAGE))

    def pages_of_a_day(self) -> int:
        """How many calls list the batches of a day, those that have ended too."""
        while self.created and self.created[0] < self.now - DAY:
            self.created.popleft()
        return max(1, ceil(len(self.created) / PAGE))

    def take_turn(self) -> None:
        """Wait for a slot among the creations."""
        slots = self.bucket + (self.now - self.bucket_at) * CREATIONS.decay
        self.bucket, self.bucket_at = min(float(CREATIONS.slots), slots), self.now
        if self.bucket < 1:
            seconds = (1 - self.bucket) / CREATIONS.decay
            self.waits["creations an hour"] += round(seconds)
            self.pass_time(seconds)
            self.bucket, self.bucket_at = 1.0, self.now
        self.bucket -= 1

    def what_is_waited_for(self) -> str:
        """What keeps what waits from going now; where nothing waits, the last batches."""
        departures = self.departures
        if not departures.waiting:
            return "the last batches"
        return "in_flight" if len(departures.flying) >= departures.in_flight else "enqueued tokens"

    def wait(self) -> list[Batch]:
        """Look as often as the sensor does, until something has ended or room is looked for."""
        flying, look_at = self.departures.flying, self.departures.looks_again_at()
        if not flying:
            self.pass_time(max(STOP_LOOK_SECONDS, (look_at or 0.0) - self.now))
            return []
        until = max(look_at, self.now + self.options.poll_seconds) if look_at is not None else None
        begun, oldest = self.now, min(batch.created_at or 0 for batch in flying)
        delays = sensor_options(oldest)["retry_delay_seconds"]
        known = {batch.id: batch for batch in flying}
        for passed in accumulate(chain([0.0], delays, repeat(delays[-1]))):
            at = begun + passed if until is None else min(begun + passed, until)
            self.pass_time(at - self.now)
            self.calls["looks"] += 1 if len(flying) == 1 else self.pages()
            ended = [known[batch_id] for batch_id in self.openai.ended]
            if ended or (until is not None and at >= until):
                return ended
        raise AssertionError("the last delay repeats")

    def take(self, batch: Batch) -> None:
        """Fetch it, or cut what was refused."""
        file = batch.input_file
        assert file is not None, "it was sent here"
        self.departures.landed(batch, self.now)
        if self.openai.ended.pop(batch.id) == BatchStatus.FAILED:
            self.calls["refused"] += 1
            self.departures.bounds.told[file.model] = Told(self.now, self.case.limit)
            alone = not self.departures.flying
            pieces = cut(file, pieces_of(file, self.case.limit, alone=alone))
            not_before = 0.0 if alone else self.now + self.options.poll_seconds
            self.put_off |= {piece.folder: not_before for piece in pieces}
            self.departures.lacked_room(pieces)
            return
        self.departures.had_room(file)
        self.calls["downloads"] += 1
        self.calls["deletions"] += 2
        self.done_rows += file.items
        outcomes = self.done_rows * ROW_OUTPUT_BYTES * KEPT_SHARE
        left = self.input_bytes - self.done_rows * ROW_BYTES
        downloaded = 4 * file.items * ROW_OUTPUT_BYTES
        self.most_disk = max(self.most_disk, self.rows_bytes + outcomes + left + downloaded)

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.now += max(seconds, 0.0)
        self.openai.pass_time(self.now)

    @contextmanager
    def clock_in_place(self) -> Iterator[None]:
        """Let our clock be this one."""
        true_now, clock.now = clock.now, lambda: self.now
        try:
            yield
        finally:
            clock.now = true_now


def cut(file: InputFile, pieces: int) -> list[InputFile]:
    """The pieces of a file, or itself."""
    size = ceil(file.items / max(pieces, 1))
    return [
        input_file(f"{file.name}-cut-{number}", min(size, file.items - first))
        for number, first in enumerate(range(0, file.items, size))
    ]


TIERS = (("Build", 3_000_000), ("Launch", 200_000_000), ("Grow", 15_000_000_000))

MILLION = 1_000_000

CASES = [
    *(Case(10 * MILLION, tier, limit, hours) for tier, limit in TIERS for hours in (1.0, 6.0, 24.0)),
    Case(10 * MILLION, "Launch", 200_000_000, 6.0, bounded=False),
    Case(10 * MILLION, "Build", 3_000_000, 1.0, bounded=False),
    Case(10 * MILLION, "Grow", 15_000_000_000, 6.0, in_flight=1_000),
    *(Case(100 * MILLION, tier, limit, 6.0) for tier, limit in TIERS[1:]),
    Case(100 * MILLION, "Launch", 200_000_000, 24.0),
    Case(100 * MILLION, "Grow", 15_000_000_000, 6.0, in_flight=1_000),
    Case(100 * MILLION, "Grow", 15_000_000_000, 24.0, in_flight=5_000),
    Case(100 * MILLION, "Build", 3_000_000, 1.0),
]

HEAD = (
    f"{'rows':>12} {'account':<7} {'enqueued':>15} {'hours':>5} {'in':>6} {'days':>8} {'batches':>8} "
    f"{'refused':>7} "
    f"{'looks':>8} {'for room':>8} {'up+down':>8} {'deleted':>8} {'peak':>5} {'disk':>6}  what is waited for\n"
    f"{'':>12} {'':<7} {'token limit':>15} {'each':>5} {'flight':>6}"
)


LEGEND = """
Simulated by the scheduler's own code on a driven clock, not run. A row is 200 input tokens, 1,000 bytes of input
and 1,500 of output; 12.5 MB a second go up and down; all rows are answered in the first round. A batch takes the
hours each on average, half of them to one and a half times. In flight is the option; peak, how many batches were
open at most; looks, how often open batches were looked at, and for room, how often was listed what is enqueued;
disk, the job folder at most. A limit in brackets is not told to the run: it learns of it by refusals."""


def line(case: Case, done: Simulation) -> str:
    """A case in the table."""
    calls, waited = done.calls, done.waits.total() or 1
    shares = ", ".join(f"{reason} {seconds / waited:.0%}" for reason, seconds in done.waits.most_common(2))
    limit = f"{case.limit:,}" if case.bounded else f"({case.limit:,})"
    return (
        f"{case.rows:>12,} {case.tier:<7} {limit:>15} {case.hours:>5g} {case.in_flight:>6,} "
        f"{done.now / DAY:>8.1f} "
        f"{calls['creations']:>8,} {calls['refused']:>7,} {calls['looks']:>8,} {calls['looks for room']:>8,} "
        f"{calls['uploads'] + calls['downloads']:>8,} {calls['deletions']:>8,} {done.peak:>5,} "
        f"{done.most_disk / 1e9:>5.0f}G  {shares}"
    )


def main() -> int:
    """Print the table."""
    print(machine())
    print(HEAD)
    for case in CASES:
        print(line(case, Simulation(case).run()), flush=True)
    print(LEGEND)
    return 0


if __name__ == "__main__":
    sys.exit(main())
