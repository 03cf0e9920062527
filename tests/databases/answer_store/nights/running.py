"""Ten nights: the flow on what is new, the clock driven from night to night, and what became of each row."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from prefect_openai_batch import ChatRequest, RunOptions, openai_batch
from prefect_openai_batch.batch import clock
from prefect_openai_batch.emulator import BatchServer, LineFault, Timing

from .arrivals import BASE, FAILING, NIGHTS, Kind, arrivals
from .growing import DATABASE, Growing, GrowingFile, GrowingTable

DAY_SECONDS = 86_400

REQUEST = ChatRequest(model="gpt-5-mini", prompt="{{ label }}")

OPTIONS = RunOptions(answers="NIGHTS_ANSWERS", min_answered=0.5, max_rounds=1, poll_seconds=0.1)


AT_ONCE = Timing(validating=0, running=0, finalizing=0, cancelling=0)
"""Batches are done as soon as they are sent: the clock moves from night to night alone."""


@dataclass
class Verdict:
    """What ten nights came to: rows that came, rows of the finished nights' tables, and items that were paid."""

    came: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    by_night: list[int | None] = field(default_factory=list)
    billed: int = 0
    billed_twice: int = 0

    @property
    def lost(self) -> int:
        """Rows that no finished night has taken."""
        return (self.came - self.taken).total()

    @property
    def twice(self) -> int:
        """Rows that finished nights have taken more often than they came."""
        return (self.taken - self.came).total()

    @property
    def holds(self) -> bool:
        """Whether each row was taken once, none was lost, and each question was paid once."""
        return not self.lost and not self.twice and not self.billed_twice and self.billed == len(self.came)


def ten_nights(
    kind: Kind, url: str | None, folder: Path, *, first_rows: int = BASE, nights: int = NIGHTS
) -> Verdict:
    """Run the nights on a file, or on a table of the database at a URL, which keeps the marks too."""
    verdict = Verdict()
    os.environ |= {DATABASE: url or "", "NIGHTS_ANSWERS": url or f"sqlite:///{folder / 'answers.db'}"}
    growing: Growing = GrowingTable(url, kind) if url else GrowingFile(folder, kind)
    with BatchServer(timing=AT_ONCE) as server, _driven_by(server):
        for number in range(nights):
            night = datetime.fromtimestamp(server.advance(DAY_SECONDS), UTC)
            rows = arrivals(kind, number, night, first_rows)
            growing.add(rows)
            verdict.came.update(row.label for row in rows)
            server.fail(*[LineFault(kind="error", status=400)] if number == FAILING else [])
            destination = folder / f"night-{number}.parquet"
            state = openai_batch(
                growing.source,
                REQUEST,
                str(destination),
                job_key=f"night-{number}",
                storage=str(folder / "jobs"),
                options=OPTIONS,
                return_state=True,
            )
            if state.is_completed() == (number == FAILING):
                raise RuntimeError(f"night {number} ended as {state.name}: {state.message}")
            taken = pd.read_parquet(destination)["label"].tolist()
            verdict.by_night.append(None if number == FAILING else len(taken))
            verdict.taken.update([] if number == FAILING else taken)
        billed = Counter(item["body_sha256"] for item in server.billed_items() if item["billed"])
        verdict.billed, verdict.billed_twice = billed.total(), sum(count > 1 for count in billed.values())
    return verdict


@contextmanager
def _driven_by(server: BatchServer) -> Iterator[None]:
    """Let our clock be the server's, and our requests go there."""
    true_now = clock.now
    clock.now = server.clock.now
    before = dict(os.environ)
    os.environ |= {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "test"}
    try:
        yield
    finally:
        clock.now = true_now
        for name in {"OPENAI_BASE_URL", "OPENAI_API_KEY"}:
            os.environ.pop(name)
        os.environ |= before
