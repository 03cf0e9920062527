"""Ten runs at once under one limit on enqueued tokens, and at one pace of creations: what each of them gets.

python -m benchmarks.enqueued [--runs 10] [--rows 600]

The runs are processes of their own, with a folder each, and know of each other only what OpenAI's list and Prefect
tell. The server enforces the limit; its batches take half a minute, as many as it has room for at once. How much
of the limit was in use is told from the server's own times, from the first creation to the last one. Then one run
holds the whole limit for minutes, and two small ones come later: one that is told the limit, and one that is not.
"""

import argparse
import os
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from prefect_openai_batch import RunOptions
from prefect_openai_batch.emulator import BatchServer, Limits, Timing

from .prefect_server import prefect_server, set_pace
from .turns import machine

MODEL = "gpt-5-mini"

WORDS = 25
"""In each row's prompt; about 45 tokens."""

JOB = """
import logging, sys, time
from pathlib import Path
from prefect_openai_batch import ChatRequest, RunOptions
from prefect_openai_batch.flows.job import openai_batch

logging.disable(logging.WARNING)
source, folder, go = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
options = RunOptions.model_validate_json(sys.argv[4])
(folder / "ready").touch()
while not go.exists():
    time.sleep(0.05)
request = ChatRequest(model="{{ model }}", prompt="{{ text }}")
place = {"job_key": folder.name, "storage": str(folder / "jobs")}
report = openai_batch(source, request, str(folder / "answers.parquet"), options=options, **place)
assert report.complete, report
"""


BRISK = RunOptions(poll_seconds=1, max_poll_seconds=5)
"""Looks as close together as batches of half a minute want them."""

LATE_SECONDS = 120.0
"""So long a small run is to wait for room at most: twice as long as room is left, or looked for, at most."""


@dataclass(frozen=True)
class Wanted:
    """A run: its rows, its options, and so many seconds after the others it begins."""

    rows: pd.DataFrame
    options: RunOptions
    after: float = 0.0


@dataclass(frozen=True)
class Measured:
    """What became of runs at once, told by the server; times in seconds since the first batch's creation."""

    batches: list[dict[str, Any]]
    billed_twice: int

    @property
    def begun(self) -> float:
        """When the first batch was created."""
        return float(min(batch["created_at"] for batch in self.batches))

    def done_at(self) -> list[float]:
        """When the last batch of each run ended."""
        ends: dict[str, float] = {}
        for batch in self.batches:
            key = batch["metadata"]["job_key"]
            ends[key] = max(ends.get(key, 0.0), (batch["completed_at"] or batch["failed_at"]) - self.begun)
        return sorted(ends.values())

    def sent_at(self, key: str) -> float:
        """When the last batch of a run was created that was not refused."""
        times = [
            batch["created_at"]
            for batch in self.batches
            if batch["metadata"]["job_key"] == key and batch["status"] != "failed"
        ]
        return float(max(times) - self.begun)

    def refused(self) -> int:
        """How many batches validation refused."""
        return sum(batch["status"] == "failed" for batch in self.batches)

    def most_refusals(self) -> int:
        """How often the same content was refused at most."""
        digests = [batch["metadata"]["input_file_sha256"] for batch in self.batches if batch["status"] == "failed"]
        return max(map(digests.count, digests), default=0)

    def used(self, limit: int) -> float:
        """The share of the limit in use, on average, until the last batch was created."""
        last = max(batch["created_at"] for batch in self.batches)
        seconds = sum(
            int(batch["metadata"]["enqueued_tokens"]) * (min(batch["completed_at"], last) - batch["created_at"])
            for batch in self.batches
            if batch["status"] == "completed"
        )
        return float(seconds / (limit * (last - self.begun)))

    def most_enqueued(self) -> int:
        """The most tokens that were enqueued at once."""
        moves = [(batch["created_at"], int(batch["metadata"]["enqueued_tokens"])) for batch in self.batches]
        ended = [
            (batch["completed_at"] or batch["failed_at"], -int(batch["metadata"]["enqueued_tokens"]))
            for batch in self.batches
        ]
        now = most = 0
        for _, tokens in sorted([*moves, *ended]):
            now += tokens
            most = max(most, now)
        return most

    def most_within(self, seconds: float) -> int:
        """The most batches that were created in any stretch of so many seconds."""
        times: list[float] = sorted(batch["created_at"] for batch in self.batches)
        return max(bisect_left(times, first + seconds) - place for place, first in enumerate(times))


def main() -> int:
    """Run both and print what was measured; 1 where a promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--rows", type=int, default=600)
    arguments = parser.parse_args()
    print(machine(), flush=True)
    with TemporaryDirectory() as scratch, prefect_server(Path(scratch)) as api:
        bounded = measure_bound(Path(scratch), api, arguments.runs, arguments.rows)
        late = measure_late(Path(scratch), api, arguments.rows)
        paced = measure_pace(Path(scratch), api, arguments.runs)
    return 0 if bounded and late and paced else 1


def measure_bound(scratch: Path, api: str, runs: int, rows: int) -> bool:
    """Runs at once, which together have six times as much to send as the limit lets be enqueued."""
    tokens = rows * tokens_a_row()
    limit = tokens * runs // 6
    limits, timing = Limits(enqueued_tokens={"*": limit}), Timing(validating=1, running=28, finalizing=1)
    with BatchServer(limits=limits, timing=timing, data=scratch / "bounded") as server:
        options = BRISK.model_copy(update={"max_enqueued_tokens": limit})
        found = run_together(scratch / "bound", server, api, [Wanted(table(rows, [MODEL]), options)] * runs)
    done = found.done_at()
    print(f"\n{runs} runs at once, {rows} rows and about {tokens:,} tokens each; limit {limit:,} enqueued tokens")
    print(f"batches                                     {len(found.batches):>10,}")
    print(f"refused for want of room                    {found.refused():>10,}")
    print(f"the same content refused at most            {found.most_refusals():>10,}  times")
    print(f"most tokens enqueued at once                {found.most_enqueued() / limit:>10.0%}  of the limit")
    print(f"limit in use until the last batch was sent  {found.used(limit):>10.0%}")
    print(f"runs were done after (seconds)              {' '.join(f'{end:.0f}' for end in done)}")
    print(f"the longest against the mean                {done[-1] / mean(done):>10.2f}")
    print(f"items billed twice                          {found.billed_twice:>10,}", flush=True)
    return found.most_refusals() <= 1 and found.used(limit) >= 0.8 and not found.billed_twice


def measure_late(scratch: Path, api: str, rows: int, seconds: float = 60.0) -> bool:
    """One run that holds the whole limit, and two small ones that begin so much later; all wait as usual."""
    tokens = rows * tokens_a_row()
    limits, timing = Limits(enqueued_tokens={"*": tokens}), Timing(validating=1, running=28, finalizing=1)
    told = RunOptions(max_enqueued_tokens=tokens)
    few = table(rows // 10, [MODEL])
    wanted = [
        Wanted(table(10 * rows, [MODEL]), told),
        Wanted(few, told, after=seconds),
        Wanted(few, RunOptions(), after=seconds),
    ]
    with BatchServer(limits=limits, timing=timing, data=scratch / "held") as server:
        found = run_together(scratch / "late", server, api, wanted)
    waited = [found.sent_at(f"run-{number}") - seconds for number in (1, 2)]
    print(
        f"\none run of {10 * rows:,} rows, {seconds:.0f} s later two of {len(few)}; "
        f"limit {tokens:,} enqueued tokens"
    )
    print(f"its last batch was sent after (seconds)     {found.sent_at('run-0'):>10.0f}")
    print(f"the small ones waited for room (seconds)    {waited[0]:>10.0f}  that was told the limit")
    print(f"                                            {waited[1]:>10.0f}  that was told nothing")
    print(f"refused for want of room                    {found.refused():>10,}")
    print(f"the same content refused at most            {found.most_refusals():>10,}  times")
    print(f"limit in use until the last batch was sent  {found.used(tokens):>10.0%}", flush=True)
    return found.most_refusals() <= 1 and max(waited) <= LATE_SECONDS and not found.billed_twice


def measure_pace(scratch: Path, api: str, runs: int, slots: int = 10, a_second: float = 1.0) -> bool:
    """Runs at once, whose creations have a small pace: ten at once, and one more a second."""
    seconds, models = 20, [f"model-{number}" for number in range(10)]
    timing = Timing(validating=0.1, running=0.2, finalizing=0.1)
    with BatchServer(models=("*",), timing=timing, data=scratch / "paced") as server:
        set_pace(api, server.base_url, slots, a_second)
        found = run_together(scratch / "pace", server, api, [Wanted(table(40, models), BRISK)] * runs)
    most, allowed = found.most_within(seconds), slots + a_second * seconds
    span, done = max(batch["created_at"] for batch in found.batches) - found.begun, found.done_at()
    print(
        f"\n{runs} runs at once, {len(found.batches)} batches; {slots} creations at once and {a_second:g} a second"
    )
    print(f"most creations in any {seconds} seconds            {most:>10,}  of {allowed:.0f} allowed")
    print(f"creations a second, after the first {slots}      {(len(found.batches) - slots) / span:>10.2f}")
    print(f"runs were done after (seconds)              {' '.join(f'{end:.0f}' for end in done)}")
    print(f"the longest against the mean                {done[-1] / mean(done):>10.2f}")
    return most <= allowed and not found.billed_twice


def table(rows: int, models: Sequence[str]) -> pd.DataFrame:
    """So many rows, whose models take turns."""
    return pd.DataFrame({"model": models[number % len(models)], "text": text_of(number)} for number in range(rows))


def tokens_a_row() -> int:
    """About how many tokens an item takes, as building tells it."""
    return (len("run-0 " + text_of(0)) + len('[{"role":"user","content":""}]')) // 4 + 1


def text_of(number: int) -> str:
    """A row's prompt."""
    return f"{number:06d} " + "word " * WORDS


def run_together(folder: Path, server: BatchServer, api: str, wanted: Sequence[Wanted]) -> Measured:
    """What became of runs, which begin when all of them have imported what they need, or so much later."""
    folder.mkdir()
    environment = {
        **os.environ,
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": "any",
        "PREFECT_API_URL": api,
        "PREFECT_HOME": str(folder / "prefect"),
        "DO_NOT_TRACK": "1",
    }
    places = [folder / f"run-{number}" for number in range(len(wanted))]
    started = [begin(place, one, environment) for place, one in zip(places, wanted, strict=True)]
    while not all((place / "ready").exists() for place in places):
        time.sleep(0.1)
    begun = time.monotonic()
    for place, one in sorted(zip(places, wanted, strict=True), key=lambda pair: pair[1].after):
        time.sleep(max(0.0, begun + one.after - time.monotonic()))
        (place / "go").touch()
    wait_for(started)
    return Measured(server.state()["batches"], len(server.bill()["billed_more_than_once"]))


def begin(place: Path, wanted: Wanted, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """A run's process, which waits for its `go`."""
    place.mkdir()
    source = place / "rows.csv"
    wanted.rows.assign(text=f"{place.name} " + wanted.rows["text"]).to_csv(source, index=False)
    given = [str(source), str(place), str(place / "go"), wanted.options.model_dump_json()]
    return subprocess.Popen([sys.executable, "-c", JOB, *given], env=environment)


def wait_for(started: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Wait until all have ended.

    Raises:
        RuntimeError: one has failed.
    """
    codes = [process.wait() for process in started]
    if any(codes):
        raise RuntimeError("a run failed")


if __name__ == "__main__":
    sys.exit(main())
