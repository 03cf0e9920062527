"""A job under faults: run it in this process against a local server of its own, and judge what became of it."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
from prefect_openai_batch import ChatRequest, JobReport, ResponsesRequest, openai_batch
from prefect_openai_batch.batch import clock
from prefect_openai_batch.emulator import BatchServer, RouteFault

from .fault_table import CANCELLED, MAX_ROUNDS, ROWS, TABLE, Entry, combination

SETTLE_SECONDS = 2.0
"""It must exceed the lag of the list."""

LONGEST_SLEEP_SECONDS = 0.25
"""No pause lasts longer here: shortened is how long the code waits, never what it does."""

IDLE_SECONDS = 1.0
"""After so long without a call other than looks at batches a job is taken to wait."""

NAMED = 3
"""Rows that a problem names."""


@dataclass(frozen=True)
class Case:
    """One run: some faults of the table, and the seed that decides the rest."""

    entries: tuple[Entry, ...]
    seed: int = 0
    alone: bool = False

    @property
    def name(self) -> str:
        """Its faults."""
        return " + ".join(entry.name for entry in self.entries)

    @property
    def tight(self) -> bool:
        """Whether its faults may cost a row every round there is."""
        return sum(entry.end.rounds for entry in self.entries) >= MAX_ROUNDS

    @property
    def raises(self) -> str:
        """The exception that must end the first call."""
        return next((entry.end.raises for entry in self.entries if entry.end.raises), "")

    def allowed(self, text: str) -> set[str]:
        """How the row with this text may end."""
        met = [entry.end for entry in self.entries if entry.befalls(text)]
        left = {end for one in met for end in one.left}
        some = all(one.some for one in met if one.left)
        passing = {end for entry in self.entries for end in entry.end.passing} if self.tight else set()
        return left | passing | ({"succeeded"} if some or not self.alone else set())

    def bills(self, text: str) -> int:
        """How often the row with this text may be billed."""
        return 1 + sum(entry.end.bills for entry in self.entries if entry.befalls(text))


def alone() -> list[Case]:
    """Each fault of the table by itself."""
    return [Case((entry,), seed=number, alone=True) for number, entry in enumerate(TABLE)]


def combined(seed: int) -> Case:
    """Several faults together."""
    return Case(combination(seed), seed=seed)


@dataclass(frozen=True)
class Finding:
    """What became of a run, and what is wrong with it."""

    end: str
    answered: int = 0
    billed_twice: int = 0
    files_left: int = 0
    seconds: float = 0.0
    problems: tuple[str, ...] = ()


def run_case(case: Case, folder: Path) -> Finding:
    """Run a job under the faults of a case; where it fails, lift them and call it once more.

    A Prefect server must be there. Everything else lies in `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = _rows(case)
    source.to_csv(folder / "rows.csv", index=False)
    begun = time.monotonic()
    faults = [fault for entry in case.entries for fault in entry.faults]
    with BatchServer(data=folder / "server", timing=_timing(case), answers="echo", seed=case.seed) as server:
        server.fail(*faults, seed=case.seed)
        with _surroundings(server, case):
            first = _call(case, folder)
            again = None
            if isinstance(first, Exception):
                server.fail()
                again = _call(case, folder, first=False)
        seconds = time.monotonic() - begun
        problems = [*_judge_calls(case, first, again)]
        report = first if again is None else again
        if isinstance(report, Exception):
            return Finding(type(report).__name__, seconds=seconds, problems=tuple(problems))
        answers = pd.read_parquet(folder / "answers.parquet")
        problems += [*_judge_rows(case, source, answers), *_judge_report(case, report, answers)]
        problems += [*_judge_bill(case, server, answers), *_judge_rest(case, server)]
        problems += _judge_faults(case, server)
        return Finding(
            _end(first, report),
            report.answered,
            len(server.bill()["billed_more_than_once"]),
            len(server.state()["files"]),
            seconds,
            tuple(problems),
        )


def _rows(case: Case) -> pd.DataFrame:
    models = max(entry.models for entry in case.entries) or 2 + case.seed % 2
    rows = [
        {
            "number": f"{number:03}",
            "model": f"gpt-4o-{number * 7 % models}",
            "review": f"Item {number:03} pleases me, I would buy it again.",
        }
        for number in range(ROWS)
    ]
    return pd.DataFrame(rows)


def _timing(case: Case) -> Any:
    return max((entry.timing for entry in case.entries), key=lambda timing: timing.running)


def _call(case: Case, folder: Path, *, first: bool = True) -> JobReport | Exception:
    kind = (
        ResponsesRequest if any(entry.responses for entry in case.entries) or case.seed % 3 == 0 else ChatRequest
    )
    credentials = next((entry.credentials for entry in case.entries if entry.credentials), None)
    finish_in = next((entry.finish_in for entry in case.entries if entry.finish_in), None) if first else None
    try:
        report: JobReport = openai_batch(
            str(folder / "rows.csv"),
            kind(model="{{ model }}", prompt="{{ review }}"),
            str(folder / "answers.parquet"),
            job_key="job",
            storage=str(folder / "jobs"),
            credentials=credentials,
            in_flight=max(entry.in_flight for entry in case.entries),
            max_rounds=MAX_ROUNDS,
            settle_seconds=SETTLE_SECONDS,
            poll_seconds=0.05,
            max_poll_seconds=0.1,
            finish_by=datetime.fromtimestamp(clock.now() + finish_in, UTC).isoformat() if finish_in else None,
        )
    except Exception as error:
        return error
    return report


@contextmanager
def _surroundings(server: BatchServer, case: Case) -> Iterator[None]:
    """The server named in the environment, one clock for both sides, short pauses, and leaps of the clock."""
    environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "test"}
    leap, leaps = max((entry.leap, entry.leaps) for entry in case.entries)
    sleep = time.sleep
    with (
        patch.dict(os.environ, environment),
        patch.object(clock, "now", server.clock.now),
        patch("time.sleep", lambda seconds: sleep(min(seconds, LONGEST_SLEEP_SECONDS))),
        _leaping(server, leap, leaps if leap else 0),
    ):
        yield


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


def _judge_calls(case: Case, first: object, again: object) -> Iterator[str]:
    """The first call ends as it must, the second one ends well."""
    raised = type(first).__name__ if isinstance(first, Exception) else ""
    if raised != case.raises:
        yield f"raised {raised}: {str(first)[:300]}" if raised else f"ended without {case.raises}"
    if isinstance(again, Exception):
        yield f"the second call raised {type(again).__name__}: {str(again)[:300]}"


def _judge_rows(case: Case, source: pd.DataFrame, answers: pd.DataFrame) -> Iterator[str]:
    """Every row is there once, in order, with its own answer or with a stated reason."""
    if not answers[source.columns].astype(str).equals(source.astype(str)):
        yield "the rows of the results are not those of the input"
        return
    wrong = []
    for row in answers.itertuples():
        end = row.outcome if pd.isna(row.error_code) else f"{row.outcome} {row.error_code}"
        allowed = case.allowed(row.review)
        if end not in allowed:
            wrong.append(f"row {row.number} ended as {end!r}, not as {sorted(allowed)}")
        elif reason := _unsaid(case, row):
            wrong.append(f"row {row.number}: {reason}")
    if wrong:
        yield f"{len(wrong)} rows: {'; '.join(wrong[:NAMED])}"
    left = {end for entry in case.entries for end in entry.end.left}
    if case.alone and left and answers["error_code"].isna().all():
        yield f"no row was left as {sorted(left)}"


def _unsaid(case: Case, row: Any) -> str | None:
    """What a row does not say: its own answer, or why there is none."""
    if row.outcome != "succeeded" or not pd.isna(row.error_code):
        return "no reason is given" if pd.isna(row.error_message) else None
    kinds = {kind for entry in case.entries for kind in entry.kinds}
    if pd.isna(row.answer):
        return None if row.finish_reason == "content_filter" else "it succeeded without an answer"
    own = f"Item {row.number}" in row.answer
    return None if own or kinds & {"invalid_answer", "length"} else f"its answer is {row.answer!r}"


def _judge_report(case: Case, report: JobReport, answers: pd.DataFrame) -> Iterator[str]:
    """The report counts what the table holds, and there were no more rounds than the faults cost."""
    most = 1 + sum(entry.end.rounds for entry in case.entries)
    least = 2 if case.alone and case.entries[0].end.passing else 1
    if not least <= report.rounds <= most:
        yield f"there were {report.rounds} rounds, not {least} to {most}"
    counted = answers["outcome"].value_counts().sort_index().to_dict()
    if report.outcomes != counted or report.rows != len(answers):
        yield f"the report counts {report.outcomes}, the table {counted}"
    if report.answered != answers["answer"].notna().sum():
        yield f"the report says {report.answered} answered, the table {answers['answer'].notna().sum()}"


def _judge_bill(case: Case, server: BatchServer, answers: pd.DataFrame) -> Iterator[str]:
    """No item is billed twice, unless the server lost its answer; what is billed is in the table."""
    billed = Counter(item["custom_id"] for item in server.billed_items() if item["billed"])
    rows = {row.custom_id: row for row in answers.itertuples()}
    if strangers := set(billed) - set(rows):
        yield f"{len(strangers)} billed items are of no row"
    twice, lost, unpaid = [], [], []
    for custom_id, row in rows.items():
        most = case.bills(row.review)
        if billed[custom_id] > most:
            twice.append(f"{row.number} {billed[custom_id]} times, {most} allowed")
        if billed[custom_id] and row.outcome != "succeeded" and most == 1:
            lost.append(f"{row.number} ({row.outcome} {row.error_code})")
        if row.outcome == "succeeded" and not billed[custom_id]:
            unpaid.append(row.number)
    for what, found in {"billed too often": twice, "paid, but no answer": lost, "answered unpaid": unpaid}.items():
        if found:
            yield f"{len(found)} rows {what}: {', '.join(found[:NAMED])}"


def _judge_rest(case: Case, server: BatchServer) -> Iterator[str]:
    """Nothing is left at the server: no files, no open batches."""
    state = server.state()
    if len(state["files"]) > sum(entry.end.files for entry in case.entries):
        yield f"{len(state['files'])} files are left: {', '.join(file['filename'] for file in state['files'][:NAMED])}"
    opened = [batch["id"] for batch in state["batches"] if not any(batch[f"{end}_at"] for end in _ENDS)]
    if len(opened) > sum(entry.end.open_batches for entry in case.entries):
        yield f"{len(opened)} batches are open: {', '.join(opened[:NAMED])}"
    twins = [batch["id"] for batch in state["batches"] if batch["cancelled_at"]]
    if twins and not any(CANCELLED in entry.end.left for entry in case.entries):
        yield f"{len(twins)} batches were created twice and cancelled: {', '.join(twins[:NAMED])}"


_ENDS = ("completed", "failed", "expired", "cancelled")


def _judge_faults(case: Case, server: BatchServer) -> Iterator[str]:
    """The fault of a run with one fault has happened: calls that fit its route were made."""
    calls = [f"{request['method']} {request['path']}" for request in server.requests()]
    for fault in (fault for entry in case.entries for fault in entry.faults if case.alone):
        if isinstance(fault, RouteFault):
            met = sum(fnmatchcase(call, fault.route) for call in calls)
            if met < min(fault.calls or (1,)):
                yield f"only {met} calls fitted {fault.route}: the fault did not happen"
