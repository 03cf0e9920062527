"""What a job that was killed and started again has come to."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from prefect_openai_batch.emulator import BatchServer

from .job import expected_bill, expected_results
from .pace import ENDED

End = dict[str, str] | None


@dataclass(frozen=True)
class Verdict:
    """What is counted and what is wrong.

    Attributes:
        billed: Lines that were billed.
        rows: Rows of the results.
        files_left: Remote files that are still there.
        problems: What does not hold.
    """

    billed: int = 0
    rows: int = 0
    files_left: int = 0
    problems: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        """Whether everything holds."""
        return not self.problems


def judge(server: BatchServer, destination: Path, end: End) -> Verdict:
    """Look into the server's bill and files, and into the results.

    Args:
        server: Where the job was sent, its clock moved past everything that was to come.
        destination: Where the results are.
        end: How the last start has ended.
    """
    billed = [item["custom_id"] for item in server.billed_items() if item["billed"]]
    files = len(server.state()["files"])
    results = pd.read_parquet(destination) if destination.exists() else None
    problems = [*_of_end(end), *_of_bill(billed), *_of_results(results), *_of_batches(server)]
    if files:
        problems.append(f"{files} remote files left")
    return Verdict(len(billed), 0 if results is None else len(results), files, tuple(problems))


def _of_end(end: End) -> Iterator[str]:
    if end is None:
        yield "the second start did not end"
    elif end["type"] != "COMPLETED":
        yield f"the second start ended {end['state']}: {end['error']}: {end['message']}"


def _of_bill(billed: list[str]) -> Iterator[str]:
    wanted, found = Counter(expected_bill()), Counter(billed)
    if twice := found - wanted:
        yield f"billed too often: {_named(twice)}"
    if never := wanted - found:
        yield f"not billed: {_named(never)}"


def _named(items: Counter[str]) -> str:
    first = ", ".join(sorted(items)[:3])
    return f"{items.total()} items ({first}{', …' if len(items) > 3 else ''})"


def _of_results(results: pd.DataFrame | None) -> Iterator[str]:
    if results is None:
        yield "no results"
        return
    wanted = expected_results()
    if results["id"].tolist() != wanted["id"].tolist():
        yield "the rows are not those of the input, in its order"
        return
    for column in ("text", "outcome", "answer"):
        differs = results[column].fillna("") != wanted[column].fillna("")
        if differs.any():
            first = results[differs].iloc[0].to_dict()
            yield f"{int(differs.sum())} rows differ in {column}, such as {first}"


def _of_batches(server: BatchServer) -> Iterator[str]:
    if running := [batch["id"] for batch in server.state()["batches"] if batch["status"] not in ENDED]:
        yield f"{len(running)} batches have not ended"
