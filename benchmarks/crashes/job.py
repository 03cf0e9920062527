"""The job that is killed: three input files, two of them in flight, two rounds."""

from pathlib import Path
from typing import Any

import pandas as pd
from prefect_openai_batch.emulator import BatchFault, LineFault, RouteFault

KEY = "crashes"
MODELS = ("gpt-5", "gpt-5-mini", "gpt-5-nano")
ROWS = 14 * len(MODELS)
SETTLE_SECONDS = 1.0
POLL_SECONDS = 0.3

LIMITED_ROW = 6
"""A row of the first input file, answered 429 in round 1 and 200 in round 2."""

BAD_ROW = 20
"""A row of the third input file, answered 400 whenever it is sent."""

HALF_BATCH = 3
"""The batch that expires when half of its lines have run: the last, for the first two are created side by side."""

LIST_LAG_SECONDS = 0.4
"""On the server's clock: how long the list leaves a new batch out."""

FAULTS = (
    LineFault(kind="error", pattern=f"Text {LIMITED_ROW}[.]", status=429, times=1),
    LineFault(kind="error", pattern=f"Text {BAD_ROW}[.]", status=400),
    BatchFault(kind="half_expired", batches=(HALF_BATCH,)),
    RouteFault(kind="lag", route="GET */batches", seconds=LIST_LAG_SECONDS),
)


def table() -> pd.DataFrame:
    """The input: the models take turns, so that each input file holds rows from all over the table."""
    numbers = range(ROWS)
    return pd.DataFrame(
        {
            "id": [f"item-{number}" for number in numbers],
            "model": [MODELS[number % len(MODELS)] for number in numbers],
            "text": [f"Text {number}." for number in numbers],
        }
    )


def parameters(source: Path, storage: Path, destination: Path) -> dict[str, Any]:
    """What the flow is started with, as JSON."""
    return {
        "source": str(source),
        "request": {"kind": "chat", "model": "{{ model }}", "prompt": "{{ text }}", "id_column": "id"},
        "destination": str(destination),
        "job_key": KEY,
        "storage": str(storage),
        "options": {
            "in_flight": 2,
            "max_rounds": 2,
            "settle_seconds": SETTLE_SECONDS,
            "poll_seconds": POLL_SECONDS,
        },
    }


def expected_results() -> pd.DataFrame:
    """The results: each row's own text for an answer, but for the row that nobody can answer."""
    rows = table()
    bad = rows.index == BAD_ROW
    rows["outcome"] = "succeeded"
    rows.loc[bad, "outcome"] = "failed"
    rows["answer"] = rows["text"].mask(bad)
    return rows


def expected_bill() -> list[str]:
    """The custom_ids that are billed, each once."""
    return [f"item-{number}" for number in range(ROWS) if number != BAD_ROW]
