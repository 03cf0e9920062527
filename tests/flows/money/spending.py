"""Jobs on a budget, each drawn from a seed: what they cost on the server's own account."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from zlib import crc32

import pandas as pd
import pytest
from prefect_openai_batch import ChatRequest, JobReport, ResponsesRequest, RunOptions, openai_batch, resume_job
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.opening import open_job
from prefect_openai_batch.batch.jobs.rounds import plan_round
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.money.estimates import estimate_files
from prefect_openai_batch.emulator import BatchServer, Reply, Timing

MODELS = ("gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-4.1", "gpt-4o-mini", "gpt-5.4", "gpt-6-astra")
AT_ONCE = Timing(validating=0.02, running=0.05, finalizing=0.02, cancelling=0.02, expiring=0.02)
LARGE = 1_000.0

Request = ChatRequest | ResponsesRequest


@dataclass(frozen=True)
class Spent:
    """A job that ran on its budget, and then was resumed with a large one; the server's dollars after each."""

    seed: int
    budget: Decimal
    stopped: JobReport
    stopped_usd: Decimal
    resumed: JobReport
    resumed_usd: Decimal
    billed_twice: list[Any]

    @property
    def held(self) -> bool:
        """Whether the budget held, no row was lost or billed twice, and our bill is the server's."""
        reports = ((self.stopped, self.stopped_usd), (self.resumed, self.resumed_usd))
        return (
            self.stopped_usd <= self.budget
            and not self.billed_twice
            and all(sum(report.outcomes.values()) == report.rows for report, _ in reports)
            and all(report.bill is not None and report.bill.cost_usd == usd for report, usd in reports)
            and self.resumed.complete
        )


def spend(seed: int, folder: Path) -> Spent:
    """Run the job of a seed on a budget between its input's price and a little more than it could cost."""
    dice = random.Random(seed)
    source, request = _table(dice, folder / f"{seed}.csv"), _request(dice)
    budget = _budget(dice, source, request, folder / f"{seed}-tried")
    options = RunOptions(budget_usd=budget, in_flight=dice.randint(1, 3), poll_seconds=0.05, settle_seconds=0.5)
    with (
        BatchServer(answer=_answerer(seed), timing=AT_ONCE) as server,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("OPENAI_BASE_URL", server.base_url)
        environment.setenv("OPENAI_API_KEY", "test")
        place: dict[str, Any] = {"storage": str(folder / f"{seed}-jobs")}
        results = str(folder / f"{seed}.parquet")
        stopped = openai_batch(str(source), request, results, job_key="job", options=options, **place)
        stopped_usd = Decimal(server.bill()["usd"])
        richer = options.model_copy(update={"budget_usd": LARGE, "max_rounds": 9})
        resumed = resume_job("job", options=richer, **place)
        bill = server.bill()
    twice = bill["billed_more_than_once"]
    return Spent(seed, Decimal(repr(budget)), stopped, stopped_usd, resumed, Decimal(bill["usd"]), twice)


def _table(dice: random.Random, path: Path) -> Path:
    models = dice.sample(MODELS, dice.randint(2, 5))
    rows = [
        {"model": dice.choice(models), "text": f"{number} " + "so it goes " * dice.randint(0, 40)}
        for number in range(dice.randint(10, 60))
    ]
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def _request(dice: random.Random) -> Request:
    limit = dice.randint(80, 400)
    if dice.random() < 0.5:
        return ChatRequest(model="{{ model }}", prompt="{{ text }}", parameters={"max_completion_tokens": limit})
    return ResponsesRequest(model="{{ model }}", prompt="{{ text }}", parameters={"max_output_tokens": limit})


def _budget(dice: random.Random, source: Path, request: Request, storage: Path) -> float:
    job = open_job(str(source), request, job_key="job", storage=str(storage))
    keep_rows(job)
    estimate = estimate_files(file for one in plan_round(job) for file in build_selection(job, one))
    assert estimate.input_usd is not None
    assert estimate.output_usd is not None
    return float(estimate.input_usd) + dice.uniform(0, 1.2) * float(estimate.output_usd)


def _answerer(seed: int) -> Callable[[dict[str, Any]], Reply]:
    """Answers of any length, cut off where the request says; some fail at first, and go again."""
    failed: set[str] = set()

    def answer(body: dict[str, Any]) -> Reply:
        text = str(body.get("messages", body.get("input")))
        dice = random.Random(seed + crc32(text.encode()))
        if dice.random() < 0.1 and text not in failed:
            failed.add(text)
            return Reply("later", status=500)
        return Reply("word " * dice.randint(1, 300))

    return answer
