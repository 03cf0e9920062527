"""The faults of lines and of whole batches, each with the end that a job must come to under it."""

from dataclasses import replace
from typing import Any

from prefect_openai_batch.emulator import BatchFault, LineFault

from .ends import CANCELLED, COMPLETE, EXPIRED, MAX_ROUNDS, End, Entry, ends, passes

HOUR = 3_600.0
DAY = 24 * HOUR

FEW = "Item 00[0-7]"
"""The rows that a fault of lines befalls where it stands alone."""

KEPT = 2 * 3 * MAX_ROUNDS
"""So many files stay at most where lines are lost: the output and error files of each batch that lacks one."""


LINES: tuple[Entry, ...] = tuple(
    Entry(f"line {name}", (fault,), end, responses=fault.kind == "two_messages")
    for name, fault, end in (
        ("error 500", LineFault(kind="error", pattern=FEW, times=1), passes("failed server_error")),
        (
            "error 503, twice",
            LineFault(kind="error", status=503, pattern=FEW, times=2),
            passes("failed server_error", 2),
        ),
        (
            "error 429",
            LineFault(kind="error", status=429, pattern=FEW, times=1),
            passes("failed rate_limit_exceeded"),
        ),
        ("status 0", LineFault(kind="status_zero", pattern=FEW, times=1), passes("failed 0")),
        ("timeout", LineFault(kind="timeout", pattern=FEW, times=1), passes("failed request_timeout")),
        ("doubled", LineFault(kind="doubled"), COMPLETE),
        ("foreign", LineFault(kind="foreign"), COMPLETE),
        ("separators", LineFault(kind="separators"), COMPLETE),
        ("two messages", LineFault(kind="two_messages"), COMPLETE),
        ("cut at its length", LineFault(kind="length", pattern=FEW), COMPLETE),
        ("content filter", LineFault(kind="content_filter", pattern=FEW), COMPLETE),
        ("invalid answer", LineFault(kind="invalid_answer", pattern=FEW), COMPLETE),
        ("refusal", LineFault(kind="refusal", pattern=FEW), ends("succeeded refusal")),
        (
            "missing, once",
            LineFault(kind="missing", pattern=FEW, times=1),
            End(passing=frozenset({"missing missing"}), rounds=1, bills=1, files=KEPT),
        ),
        (
            "missing for good",
            LineFault(kind="missing", pattern=FEW),
            ends("missing missing", rounds=MAX_ROUNDS, bills=MAX_ROUNDS - 1, files=KEPT),
        ),
        (
            "error 500 for good",
            LineFault(kind="error", pattern=FEW),
            ends("failed server_error", rounds=MAX_ROUNDS),
        ),
        (
            "timeout for good",
            LineFault(kind="timeout", pattern=FEW),
            ends("failed request_timeout", rounds=MAX_ROUNDS),
        ),
        (
            "error 400",
            LineFault(kind="error", status=400, pattern=FEW),
            ends("failed context_length_exceeded"),
        ),
        (
            "insufficient quota",
            LineFault(kind="error", status=429, code="insufficient_quota", pattern=FEW),
            ends("failed insufficient_quota", rounds=MAX_ROUNDS),
        ),
    )
)
# What is missing for good comes to a batch without a single line, whose files are waited for.
LINES = tuple(replace(entry, leap=1300.0) if "missing" in entry.kinds else entry for entry in LINES)


def _batch(name: str, end: End, fault: BatchFault, **more: Any) -> Entry:
    return Entry(f"batch {name}", (fault,), end, **more)


BATCHES: tuple[Entry, ...] = (
    _batch("file ids late", COMPLETE, BatchFault(kind="no_file_ids", seconds=0.7)),
    _batch("file ids 5 min late", COMPLETE, BatchFault(kind="no_file_ids", seconds=300), leap=200.0),
    _batch("stale counts", COMPLETE, BatchFault(kind="stale_counts", seconds=60)),
    _batch("empty ids", COMPLETE, BatchFault(kind="empty_ids")),
    _batch("slow finalizing", COMPLETE, BatchFault(kind="slow_finalizing", batches=(1,), seconds=1)),
    _batch("hangs past its window", COMPLETE, BatchFault(kind="hang_finalizing", batches=(1,)), leap=1.1 * DAY),
    _batch(
        "a day late",
        COMPLETE,
        BatchFault(kind="hang_finalizing", batches=(1,), seconds=DAY),
        leap=1.1 * DAY,
        mixes=False,
    ),
    _batch(
        "never ends",
        End(passing=frozenset({CANCELLED}), some=True),  # it is cancelled, and what it had done is fetched
        BatchFault(kind="hang_finalizing", batches=(1,), seconds=300 * DAY),
        leap=1.1 * DAY,
        mixes=False,
    ),
    _batch(
        "half expired", passes(EXPIRED, some=True), BatchFault(kind="half_expired", batches=(1,)), leap=1.1 * DAY
    ),
    _batch(
        "expired, nothing done",
        passes(EXPIRED, some=True),
        BatchFault(kind="half_expired", batches=(2,), share=0),
        leap=1.1 * DAY,
    ),
    _batch(
        "half expired, every time",
        ends(EXPIRED, some=True, rounds=MAX_ROUNDS),
        BatchFault(kind="half_expired"),
        leap=1.1 * DAY,
        mixes=False,
    ),
    _batch("all failed", passes("failed server_error", some=True), BatchFault(kind="all_failed", batches=(1,))),
    _batch(
        "all failed with 400",
        ends("failed context_length_exceeded", some=True),
        BatchFault(kind="all_failed", batches=(1,), status=400),
    ),
    _batch(
        "all failed, every time",
        ends("failed server_error", rounds=MAX_ROUNDS),
        BatchFault(kind="all_failed"),
        mixes=False,
    ),
    _batch("cancelled by somebody", ends(CANCELLED, some=True), BatchFault(kind="cancelled", batches=(1,))),
    _batch(
        "cancelled, nothing done", ends(CANCELLED, some=True), BatchFault(kind="cancelled", batches=(2,), share=0)
    ),
    _batch("no room", COMPLETE, BatchFault(kind="fail_validation", batches=(1,))),
    _batch("no room, four times", COMPLETE, BatchFault(kind="fail_validation", batches=(1, 2, 3, 4)), mixes=False),
    _batch(
        "no room for ever",
        End(raises="BatchFailed"),
        BatchFault(kind="fail_validation"),
        leap=1.1 * DAY,
        mixes=False,
    ),
    _batch(
        "input file not found",
        COMPLETE,
        BatchFault(
            kind="fail_validation",
            batches=(1,),
            code="invalid_request",
            message="Cannot find file file-1, or organization org-1 does not have access to it.",
        ),
    ),
    _batch(
        "model cannot be batched",
        ends("failed model_not_found", some=True, rounds=MAX_ROUNDS),
        BatchFault(kind="fail_validation", batches=(1,), code="model_not_found"),
    ),
    _batch(
        "validation without quota",
        ends("failed insufficient_quota", some=True, rounds=MAX_ROUNDS),
        BatchFault(kind="fail_validation", batches=(1,), code="insufficient_quota"),
    ),
    _batch(
        "validation fails otherwise",
        ends("failed mismatched_model", some=True),
        BatchFault(kind="fail_validation", batches=(1,), code="mismatched_model"),
    ),
    _batch(
        "validation fails always",
        End(raises="BatchFailed"),
        BatchFault(kind="fail_validation", code="mismatched_model"),
        mixes=False,
    ),
)
