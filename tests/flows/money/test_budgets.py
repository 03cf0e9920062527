"""A budget that holds: what cannot be is refused, what could be too much is not sent."""

from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect import flow
from prefect_openai_batch import (
    BudgetError,
    ChatRequest,
    EmbeddingRequest,
    FileSource,
    GivenPrice,
    OpenAICredentials,
    RunOptions,
    resume_job,
)
from prefect_openai_batch.batch.files.input_files import items_of
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.opening import open_job
from prefect_openai_batch.batch.jobs.rounds import plan_answers, plan_round
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.jobs.submissions import fetched, note_upload
from prefect_openai_batch.batch.jobs.terms import Terms
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.flows.job_run import JobRun
from prefect_openai_batch.flows.sending.answering import answer_round

from ...batch.conftest import answered
from ..conftest import Run
from .spending import spend

pytestmark = pytest.mark.server

LIMITED = {"max_completion_tokens": 100}
BY_MODEL = ChatRequest(model="{{ model }}", prompt="{{ review }}", parameters=LIMITED, keep_cost=True)


@pytest.mark.parametrize("seed", range(4), ids=lambda seed: f"seed {seed}")
def test_a_budget_holds_and_a_larger_one_goes_on(seed: int, tmp_path: Path, prefect_server: str) -> None:
    """On the server's own account; many more seeds are in benchmarks/matrices/budgets.txt."""
    assert spend(seed, tmp_path).held


def test_a_job_whose_input_alone_is_too_dear_uploads_nothing(
    by_model: Path, tmp_path: Path, run: Run, batch_api: BatchServer
) -> None:
    """Both figures are named, and the key may be used again."""
    with pytest.raises(BudgetError, match=r"would cost about \$0\.000\d+, and the budget is \$0\.000010"):
        run(by_model, BY_MODEL, budget_usd=0.00001)
    assert batch_api.state()["files"] == []
    assert not (tmp_path / "jobs" / "job" / "job.json").exists()


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (ChatRequest(model="gpt-5", prompt="{{ review }}"), "Set max_completion_tokens"),
        (
            ChatRequest(model="gpt-6.2-astra", prompt="{{ review }}", parameters=LIMITED),
            "of gpt-6.2-astra.*price_in",
        ),
        (
            EmbeddingRequest(model="text-embedding-3-small", input="{{ review }}"),
            "price of text-embedding-3-small",
        ),
        (
            ChatRequest(model="gpt-5", prompt="{{ review }}", image="https://x.example/a.png", parameters=LIMITED),
            "images, sounds, files",
        ),
    ],
    ids=["answers without a limit", "a model without a price", "embeddings", "images"],
)
def test_a_budget_that_nobody_can_hold_is_refused(
    request_: Any, why: str, by_model: Path, run: Run, batch_api: BatchServer
) -> None:
    """With the way out, before anything is uploaded."""
    with pytest.raises(BudgetError, match=why):
        run(by_model, request_, budget_usd=100)
    assert batch_api.state()["files"] == []


def test_a_given_price_lets_a_budget_hold(by_model: Path, run: Run, batch_api: BatchServer) -> None:
    """And the bill is by it."""
    request = EmbeddingRequest(model="text-embedding-3-small", input="{{ review }}")
    report = run(by_model, request, budget_usd=1, price_in=0.01)
    assert report.bill is not None
    assert report.bill.cost_usd == Decimal(report.tokens.input_tokens) / 100_000_000
    assert report.bill.synchronous_usd is None


def test_a_price_of_the_credentials_holds_in_budget_and_bill(
    reviews: Path, run: Run, batch_api: BatchServer
) -> None:
    """By the asked model's name, though answers bear its snapshot's; the run's own price stands before."""
    dear = GivenPrice(model="gpt-5-mini", input=10, output=20)
    OpenAICredentials(api_key="test", base_url=batch_api.base_url, prices=(dear,)).save("dear", overwrite=True)
    request = ChatRequest(model="gpt-5-mini", prompt="{{ review }}", parameters=LIMITED)
    report = run(reviews, request, credentials="dear", budget_usd=0.03)
    assert report.bill is not None
    tokens = report.tokens
    cost = (Decimal(10) * tokens.input_tokens + Decimal(20) * tokens.output_tokens) / 1_000_000
    assert report.bill.cost_usd == cost < Decimal("0.03")
    assert report.stopped is not None
    other = request.model_copy(update={"prompt": "Good? {{ review }}"})
    own = run(reviews, other, credentials="dear", price_in=1, price_out=2, job_key="own", destination=None)
    assert own.bill is not None
    assert own.bill.cost_usd == (Decimal(own.tokens.input_tokens) + 2 * own.tokens.output_tokens) / 1_000_000


def test_rows_say_that_the_budget_was_used_up(
    by_model: Path, tmp_path: Path, run: Run, batch_api: BatchServer
) -> None:
    """The job ends like any stopped one, and resuming it without a larger budget sends nothing."""
    report = run(by_model, BY_MODEL, budget_usd=0.002)
    assert report.stopped is not None
    assert report.stopped.startswith("The budget of $0.0020 lets nothing more through")
    answers = pd.read_parquet(tmp_path / "answers.parquet")
    unsent = answers[answers["outcome"] == "cancelled"]
    assert set(unsent["error_code"]) == {"budget"}
    assert 0 < len(unsent) < len(answers)
    assert sum(answers["cost_usd"].dropna()) == report.bill.cost_usd == Decimal(batch_api.bill()["usd"])  # type: ignore[union-attr]
    again = resume_job("job", storage=str(tmp_path / "jobs"), options=RunOptions(poll_seconds=0.1))
    assert (again.outcomes, again.stopped) == (report.outcomes, report.stopped)


LONG = ChatRequest(model="gpt-5-mini", prompt="{{ review }}", parameters={"max_completion_tokens": 4_000})
"""An answer of it may cost $0.004."""


def test_a_budget_that_pays_for_some_rows_is_spent_on_those(
    reviews: Path, run: Run, batch_api: BatchServer
) -> None:
    """All together could cost three times as much, and each more than a tenth of it; they cost less."""
    report = run(FileSource(path=str(reviews), limit=4), LONG, budget_usd=0.006)
    assert report.complete
    assert len(batch_api.state()["batches"]) == 4


def test_a_budget_that_pays_for_no_row_is_refused_with_what_it_takes(
    reviews: Path, run: Run, batch_api: BatchServer
) -> None:
    """Nothing is sent, and all figures are named."""
    said = r"\$0\.0030 lets nothing through: 30 items make 30 batches, .* up to \$0\.004\d .* up to \$0\.13"
    with pytest.raises(BudgetError, match=said):
        run(reviews, LONG, budget_usd=0.003)
    assert batch_api.state()["files"] == []


def test_a_start_that_is_refused_leaves_the_folder_to_one_that_uploads(
    reviews: Path, tmp_path: Path, run: Run, batch_api: BatchServer
) -> None:
    """Its files would be gone under it: a budget is no part of the job."""
    table, storage = str(tmp_path / "answers.parquet"), str(tmp_path / "jobs")
    job = open_job(str(reviews), LONG, table, job_key="job", storage=storage)
    keep_rows(job)
    (file,) = (one for selection in plan_round(job) for one in build_selection(job, selection))
    note_upload(file)
    with pytest.raises(BudgetError, match="lets nothing through"):
        run(reviews, LONG, budget_usd=0.003)
    assert file.files.exists("input.jsonl")
    assert run(reviews, LONG, budget_usd=1.0).complete


def test_what_is_answered_at_once_already_is_taken_whatever_the_budget(
    reviews: Path, tmp_path: Path, batch_api: BatchServer
) -> None:
    """It is paid; nothing more is asked."""
    request = ChatRequest(model="gpt-5-mini", prompt="{{ review }}", parameters=LIMITED)
    job = open_job(str(reviews), request, job_key="rest", storage=str(tmp_path / "jobs"))
    keep_rows(job)
    (file,) = (one for selection in plan_answers(job, 2) for one in build_selection(job, selection))
    answers = file.files / "answers"
    answers.make()
    with answers.create("000000.jsonl") as record:
        record.writelines(answered(custom_id, "Fine.") for _, custom_id in islice(items_of(file), 5))
    poor = JobRun(job.with_terms(Terms(budget_usd=Decimal("0.0000001"))), RunOptions(), None)
    flow(answer_round)(poor, 2)
    output = fetched(file)
    assert output is not None
    assert (output.outcomes["succeeded"], batch_api.bill()["synchronous"]) == (5, 0)
