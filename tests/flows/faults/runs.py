"""A job under faults, run in this process against a local server of its own."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
from prefect_openai_batch import ChatRequest, JobReport, ResponsesRequest, RunOptions, openai_batch
from prefect_openai_batch.batch import clock
from prefect_openai_batch.emulator import BatchServer, Timing
from prefect_openai_batch.emulator.settings import Profile
from prefect_openai_batch.flows.sending import flight
from prefect_openai_batch.tasks.remote.tries import brief_pauses

from .cases import Case
from .ends import MAX_ROUNDS
from .judgement import judge_calls, judge_end

ROWS = 40

MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-4-turbo", "gpt-3.5-turbo")
"""Each has an input file of its own."""

SETTLE_SECONDS = 1.5
"""It must exceed the lag of the list."""

LONGEST_SLEEP_SECONDS = 0.25
"""No pause lasts longer here: shortened is how long the code waits, never what it does."""

SHORTENED = ("prefect_openai_batch.", "prefect.task_engine")
"""Whose pauses: ours, and those of sensors; not those of Prefect's client."""

AZURE = "azure-of-the-environment"
"""A credentials block that holds nothing: all it needs is in the environment."""

PATIENT_SECONDS = 10.0
"""So long OpenAI may take nothing here, where an hour of it is not waited out."""

IDLE_SECONDS = 1.0
"""After so long without a call other than looks at batches a job is taken to wait."""


@dataclass(frozen=True)
class Finding:
    """What became of a run, and what is wrong with it."""

    end: str
    answered: int = 0
    billed_twice: int = 0
    files_left: int = 0
    seconds: float = 0.0
    problems: tuple[str, ...] = ()


def run_case(case: Case, folder: Path, profile: Profile = "openai") -> Finding:
    """Run a job under the faults of a case; where it fails, lift them and call it once more.

    A Prefect server must be there, and at Azure's the block `AZURE`. Everything else lies in `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = _rows(case)
    source.to_csv(folder / "rows.csv", index=False)
    begun = time.monotonic()
    faults = [fault for entry in case.entries for fault in entry.faults]
    settings: dict[str, Any] = {"answers": "echo", "seed": case.seed, "profile": profile}
    with BatchServer(data=folder / "server", timing=_timing(case), **settings) as server:
        server.fail(*faults, seed=case.seed)
        again = None
        with _surroundings(server, case):
            first = _call(case, folder)
            if isinstance(first, Exception):
                server.fail()
                again = _call(case, folder, first=False)
        return _find(case, folder, source, server, first, again, time.monotonic() - begun)


def _find(
    case: Case,
    folder: Path,
    source: pd.DataFrame,
    server: BatchServer,
    first: JobReport | Exception,
    again: JobReport | Exception | None,
    seconds: float,
) -> Finding:
    problems = [*judge_calls(case, first, again)]
    report = first if again is None else again
    if isinstance(report, Exception):
        return Finding(type(report).__name__, seconds=seconds, problems=tuple(problems))
    answers = pd.read_parquet(folder / "answers.parquet")
    problems += judge_end(case, source, answers, report, server)
    return Finding(
        end=_end(first, report),
        answered=report.answered,
        billed_twice=len(server.bill()["billed_more_than_once"]),
        files_left=len(server.state()["files"]),
        seconds=seconds,
        problems=tuple(problems),
    )


def _rows(case: Case) -> pd.DataFrame:
    models = max(entry.models for entry in case.entries) or 2 + case.seed % 2
    rows = [
        {
            "number": f"{number:03}",
            "model": MODELS[number * 7 % models],
            "review": f"Item {number:03} pleases me, I would buy it again.",
        }
        for number in range(ROWS)
    ]
    return pd.DataFrame(rows)


def _timing(case: Case) -> Timing:
    return max((entry.timing for entry in case.entries), key=lambda timing: timing.running)


def _finish_by(case: Case) -> str:
    """When the job has to be done, by the clock that both sides share."""
    seconds = next((entry.finish_in for entry in case.entries if entry.finish_in), None)
    return "" if seconds is None else datetime.fromtimestamp(clock.now() + seconds, UTC).isoformat()


def _call(case: Case, folder: Path, *, first: bool = True) -> JobReport | Exception:
    responses = any(entry.responses for entry in case.entries) or case.seed % 3 == 0
    kind = ResponsesRequest if responses else ChatRequest
    credentials = next((entry.credentials for entry in case.entries if entry.credentials), None)
    try:
        report: JobReport = openai_batch(
            str(folder / "rows.csv"),
            kind(model="{{ model }}", prompt="{{ review }}"),
            str(folder / "answers.parquet"),
            job_key="job",
            storage=str(folder / "jobs"),
            credentials=AZURE if "AZURE_OPENAI_ENDPOINT" in os.environ else credentials,
            options=RunOptions(
                in_flight=max(entry.in_flight for entry in case.entries),
                max_rounds=MAX_ROUNDS,
                settle_seconds=SETTLE_SECONDS,
                poll_seconds=0.05,
                max_poll_seconds=0.1,
                finish_by=_finish_by(case) if first else "",
            ),
        )
    except Exception as error:
        return error
    return report


@contextmanager
def _surroundings(server: BatchServer, case: Case) -> Iterator[None]:
    """The server named in the environment, one clock for both sides, short pauses, and leaps of the clock."""
    environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "test"}
    if server.settings.profile == "azure":
        environment = {
            "AZURE_OPENAI_ENDPOINT": server.url,
            "AZURE_OPENAI_API_KEY": "test",
            "OPENAI_API_VERSION": "2025-04-01-preview",
        }
    leap, leaps = max((entry.leap, entry.leaps) for entry in case.entries)
    with (
        patch.dict(os.environ, environment),
        patch.object(clock, "now", server.clock.now),
        patch("time.sleep", _briefly(time.sleep)),
        patch.object(flight, "PATIENT_SECONDS", PATIENT_SECONDS),
        brief_pauses(LONGEST_SLEEP_SECONDS),
        _leaping(server, leap, leaps if leap else 0),
    ):
        yield


def _briefly(sleep: Callable[[float], None]) -> Callable[[float], None]:
    """The same sleep, cut short for those who wait for OpenAI."""

    def briefly(seconds: float) -> None:
        caller = sys._getframe(1).f_globals.get("__name__", "")
        sleep(min(seconds, LONGEST_SLEEP_SECONDS) if caller.startswith(SHORTENED) else seconds)

    return briefly


@contextmanager
def _leaping(server: BatchServer, leap: float, leaps: int) -> Iterator[None]:
    """Move the clock on whenever the job does nothing but wait."""
    over = threading.Event()

    def watch() -> None:
        done, left = time.time(), leaps
        while left and not over.wait(0.1):
            worked = [request["received_at"] for request in server.requests() if not _is_look(request)]
            waits = bool(server.state()["batches"]) and time.time() - max(done, worked[-1]) > IDLE_SECONDS
            if waits:
                server.advance(leap)
                done, left = time.time(), left - 1

    watching = threading.Thread(target=watch, name="leaps", daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def _is_look(request: dict[str, Any]) -> bool:
    return request["method"] == "GET" and "/batches" in request["path"]


def _end(first: JobReport | Exception, report: JobReport) -> str:
    end = "complete" if set(report.outcomes) == {"succeeded"} else "partial"
    return f"{type(first).__name__}, then {end}" if isinstance(first, Exception) else end
