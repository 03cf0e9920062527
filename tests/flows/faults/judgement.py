"""What is wrong with how a job under faults has ended."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pandas as pd
from prefect_openai_batch import JobReport
from prefect_openai_batch.emulator import BatchServer, RouteFault

from .cases import Case
from .ends import CANCELLED

NAMED = 3
"""Rows that a problem names."""


def judge_calls(case: Case, first: object, again: object) -> Iterator[str]:
    """The first call ends as it must, the second one ends well."""
    raised = type(first).__name__ if isinstance(first, Exception) else ""
    if raised != case.raises and not (raised == "BatchFailed" and case.may_be_refused):
        yield f"raised {raised}: {str(first)[:300]}" if raised else f"ended without {case.raises}"
    if isinstance(again, Exception):
        yield f"the second call raised {type(again).__name__}: {str(again)[:300]}"


def judge_end(
    case: Case, source: pd.DataFrame, answers: pd.DataFrame, report: JobReport, server: BatchServer
) -> Iterator[str]:
    """The table, the report, the bill, and what is left at the server."""
    if not answers[source.columns].astype(str).equals(source.astype(str)):
        yield "the rows of the results are not those of the input"
        return
    rows: list[Any] = list(answers.itertuples())
    yield from _judge_rows(case, rows)
    yield from _judge_report(case, report, answers)
    yield from _judge_bill(case, server, rows)
    yield from _judge_rest(case, server)
    yield from _judge_faults(case, server)


def _judge_rows(case: Case, rows: list[Any]) -> Iterator[str]:
    """Every row has its own answer, or a stated reason."""
    wrong = []
    for row in rows:
        end = row.outcome if pd.isna(row.error_code) else f"{row.outcome} {row.error_code}"
        allowed = case.allowed(row.review)
        if end not in allowed:
            wrong.append(f"row {row.number} ended as {end!r}, not as {sorted(allowed)}")
        elif reason := _unsaid(case, row):
            wrong.append(f"row {row.number}: {reason}")
    if wrong:
        yield f"{len(wrong)} rows: {'; '.join(wrong[:NAMED])}"
    left = {end for entry in case.entries for end in entry.end.left}
    if case.alone and left and all(pd.isna(row.error_code) for row in rows):
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
    least = 2 if case.alone and case.entries[0].end.rounds and case.entries[0].end.passing else 1
    if not least <= report.rounds <= most:
        yield f"there were {report.rounds} rounds, not {least} to {most}"
    counted = answers["outcome"].value_counts().sort_index().to_dict()
    if report.outcomes != counted or report.rows != len(answers):
        yield f"the report counts {report.outcomes}, the table {counted}"
    if report.answered != answers["answer"].notna().sum():
        yield f"the report says {report.answered} answered, the table {answers['answer'].notna().sum()}"


def _judge_bill(case: Case, server: BatchServer, rows: list[Any]) -> Iterator[str]:
    """No item is billed twice, unless the server lost its answer; what is billed is in the table."""
    billed = Counter(item["custom_id"] for item in server.billed_items() if item["billed"])
    if strangers := set(billed) - {row.custom_id for row in rows}:
        yield f"{len(strangers)} billed items are of no row"
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        times, most = billed[row.custom_id], case.bills(row.review)
        if times > most:
            found[f"billed more than {most} times"].append(row.number)
        if times and row.outcome != "succeeded" and most == 1:
            found["paid for, without their answer"].append(row.number)
        if not times and row.outcome == "succeeded":
            found["answered, but not by a batch of this bill"].append(row.number)
    for what, numbers in found.items():
        yield f"{len(numbers)} rows {what}: {', '.join(numbers[:NAMED])}"


_ENDS = ("completed", "failed", "expired", "cancelled")


def _judge_rest(case: Case, server: BatchServer) -> Iterator[str]:
    """Nothing is left at the server: no files, no open batches, no twins."""
    state, left = server.state(), [entry.end for entry in case.entries]
    batches, files = state["batches"], [file["filename"] for file in state["files"]]
    opened = [batch["id"] for batch in batches if not any(batch[f"{end}_at"] for end in _ENDS)]
    twins = [batch["id"] for batch in batches if batch["cancelled_at"]]
    if len(files) > sum(end.files for end in left):
        yield f"{len(files)} files are left: {', '.join(files[:NAMED])}"
    if opened:
        yield f"{len(opened)} batches are open: {', '.join(opened[:NAMED])}"
    if twins and not any(CANCELLED in end.left | end.passing for end in left):
        yield f"{len(twins)} batches were created twice and cancelled: {', '.join(twins[:NAMED])}"


def _judge_faults(case: Case, server: BatchServer) -> Iterator[str]:
    """The fault of a run with one fault has happened: calls that fit its route were made."""
    calls = [f"{request['method']} {request['path']}" for request in server.requests()]
    for fault in (fault for entry in case.entries for fault in entry.faults if case.alone):
        if isinstance(fault, RouteFault):
            met = sum(fnmatchcase(call, fault.route) for call in calls)
            if met < min(fault.calls or (1,)):
                yield f"only {met} calls fitted {fault.route}: the fault did not happen"
