"""Jobs one after another with one answer store: nobody pays twice, read off the server's bill."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import openai
import pandas as pd
import pytest
from prefect.variables import Variable
from prefect_openai_batch import BatchFailed, ChatRequest, DatabaseError, JobReport, forget_job, try_rows
from prefect_openai_batch.emulator import BatchFault, BatchServer, LineFault, RouteFault
from prefect_openai_batch.flows.defaults import ANSWERS_VARIABLE

from ..conftest import REVIEW, Run

pytestmark = pytest.mark.server

Night = Callable[..., JobReport]

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def night(run: Run, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str) -> Night:
    """A job over the reviews with a key of its own and a store, on each kind of database."""
    monkeypatch.setenv("TEAM_ANSWERS", database)

    def run_night(key: str, request: Any = REVIEW, **options: Any) -> JobReport:
        table = options.pop("source", reviews)
        wishes = {"answers": "TEAM_ANSWERS", "destination": str(tmp_path / f"{key}.parquet"), **options}
        return run(table, request, job_key=key, **wishes)

    return run_night


def test_the_second_night_pays_for_what_is_new_alone(
    night: Night, batch_server: BatchServer, reviews: Path, tmp_path: Path
) -> None:
    """Rows that were answered come from the store, with no file and no batch where nothing else is asked."""
    first = night("monday")
    second = night("tuesday")
    assert (len(batch_server.billed_items()), second.batches, second.from_store) == (30, (), 30)
    assert second.complete
    assert second.saved_usd == first.bill.cost_usd  # type: ignore[union-attr]  # it is known
    assert not second.tokens.input_tokens
    old, new = (pd.read_parquet(tmp_path / f"{key}.parquet") for key in ("monday", "tuesday"))
    assert old["answer"].equals(new["answer"])
    assert not old["from_store"].any()
    assert new["from_store"].all()

    rows = pd.read_csv(reviews, dtype=str)
    rows.loc[[3, 17], "review"] = ["Another one.", "And another."]
    changed = tmp_path / "changed.csv"
    rows.to_csv(changed, index=False)
    third = night("wednesday", source=changed)
    assert (len(batch_server.billed_items()), third.from_store) == (32, 28)
    table = pd.read_parquet(tmp_path / "wednesday.parquet")
    assert table.index[~table["from_store"]].tolist() == [3, 17]
    assert table["number"].tolist() == old["number"].tolist()


@ON_SQLITE
def test_another_model_or_schema_is_asked_anew(night: Night, batch_server: BatchServer) -> None:
    typed = ChatRequest(model="gpt-5-mini", prompt=REVIEW.prompt, answer={"mood": "happy | angry"})
    asked = [REVIEW, ChatRequest(model="gpt-5-nano", prompt=REVIEW.prompt), typed]
    for number, request in enumerate(asked, 1):
        night(f"job-{number}", request)
        assert len(batch_server.billed_items()) == 30 * number
    assert night("again", typed).from_store == 30
    assert len(batch_server.billed_items()) == 90


@ON_SQLITE
def test_a_lost_folder_is_adopted_whatever_came_into_the_store_since(
    night: Night, batch_server: BatchServer, tmp_path: Path
) -> None:
    """A job sees what was kept before it began, so that begun anew it makes the same files, and pays once."""
    batch_server.fail(RouteFault(kind="http_error", route="GET */batches/*", status=401))
    with pytest.raises(openai.AuthenticationError):
        night("monday")
    shutil.rmtree(tmp_path / "jobs" / "monday")
    batch_server.fail()
    other = night("other")
    assert other.from_store == 0, "nothing of the first is fetched yet"
    billed = len(batch_server.billed_items())
    report = night("monday")
    assert (report.complete, report.from_store, len(batch_server.billed_items())) == (True, 0, billed)
    assert billed == 60


@ON_SQLITE
def test_a_store_that_cannot_be_reached_refuses_the_job_and_loses_no_answer(
    night: Night, batch_server: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is sent it is refused; once answers are paid for it is only said."""
    monkeypatch.setenv("GONE", f"sqlite:///{tmp_path / 'no folder' / 'answers.db'}")
    with pytest.raises(DatabaseError, match="There is no folder"):
        night("monday", answers="GONE")
    assert not batch_server.state()["batches"]
    assert not (tmp_path / "jobs" / "monday").exists()
    assert night("monday", answers="none").from_store == 0


@ON_SQLITE
def test_repeats_are_sent_once_and_all_of_them_answered(
    night: Night, batch_server: BatchServer, tmp_path: Path
) -> None:
    """The first of them is sent and paid for; a failure is shared, and goes again for all together."""
    rows = pd.DataFrame({"review": [f"Review {number % 7}" for number in range(40)]})
    table = tmp_path / "repeats.csv"
    rows.to_csv(table, index=False)
    request = ChatRequest(model="gpt-5-mini", prompt="Good? {{ review }}", keep_cost=True)
    report = night("monday", request, source=table, deduplicate=True, answers="none")
    assert (report.answered, report.copies, len(batch_server.billed_items())) == (40, 33, 7)
    answers = pd.read_parquet(tmp_path / "monday.parquet")
    assert answers.groupby("review")["answer"].nunique().eq(1).all()
    assert (answers["cost_usd"] > 0).sum() == 7
    assert answers["cost_usd"].notna().all()
    assert answers["custom_id"].is_unique
    assert "from_store" not in answers


@ON_SQLITE
def test_what_is_no_answer_goes_to_the_model_again(night: Night, batch_server: BatchServer) -> None:
    """A refusal, an answer that is cut, and one that breaks its schema are not kept."""
    kinds: list[Literal["refusal", "length", "invalid_answer"]] = ["refusal", "length", "invalid_answer"]
    batch_server.fail(*(LineFault(kind=kind, pattern=f"Review {number}:") for number, kind in enumerate(kinds)))
    typed = ChatRequest(model="gpt-5-mini", prompt=REVIEW.prompt, answer={"mood": "happy | angry"})
    night("monday", typed, max_rounds=1)
    batch_server.fail()
    report = night("tuesday", typed)
    assert (report.from_store, report.complete, len(batch_server.billed_items())) == (27, True, 33)


@ON_SQLITE
def test_a_failure_is_shared_by_repeats_and_they_go_again_together(
    night: Night, batch_server: BatchServer, tmp_path: Path
) -> None:
    """Of the three that fail at first one is sent again; of those that fail for good each says why."""
    table = tmp_path / "repeats.csv"
    pd.DataFrame({"review": ["once", "never", "fine"] * 3}).to_csv(table, index=False)
    batch_server.fail(
        LineFault(kind="error", pattern="once", times=1), LineFault(kind="error", pattern="never", status=400)
    )
    wishes = {"source": table, "deduplicate": True, "answers": "none"}
    report = night("monday", ChatRequest(model="gpt-5-mini", prompt="{{ review }}"), **wishes)
    assert (report.rows, report.answered, report.rounds, report.copies) == (9, 6, 2, 6)
    answers = pd.read_parquet(tmp_path / "monday.parquet")
    assert answers["outcome"].tolist() == ["succeeded", "failed", "succeeded"] * 3
    assert len(batch_server.billed_items()) == 4


@ON_SQLITE
def test_a_job_of_repeats_that_validation_refuses_fails_and_its_key_is_free(
    night: Night, batch_server: BatchServer, tmp_path: Path
) -> None:
    """Copies share the refusal: they are no answers that somebody might keep."""
    table = tmp_path / "repeats.csv"
    pd.DataFrame({"review": ["once", "twice", "once"]}).to_csv(table, index=False)
    wishes = {"source": table, "deduplicate": True, "answers": "none", "if_exists": "replace"}
    batch_server.fail(BatchFault(kind="fail_validation", code="mismatched_model"))
    with pytest.raises(BatchFailed):
        night("monday", **wishes)
    batch_server.fail()
    corrected = ChatRequest(model="gpt-5-nano", prompt="{{ review }}")
    assert night("monday", corrected, **wishes).complete


@ON_SQLITE
def test_a_job_does_not_pay_for_what_its_trial_asked(
    night: Night, batch_server: BatchServer, reviews: Path
) -> None:
    """A trial keeps what is new under a name of its own, which it tells, and by which that can be forgotten."""
    trial, again = (try_rows(str(reviews), REVIEW, rows=4, answers="TEAM_ANSWERS") for _ in range(2))
    assert trial.report.complete
    assert f"4 answers more are kept in TEAM_ANSWERS, as {trial.report.kept_as};" in " ".join(str(trial).split())
    assert again.report.kept_as == ""
    report = night("monday")
    assert (report.from_store, sum(batch.items for batch in report.batches)) == (4, 26)


@ON_SQLITE
def test_jobs_of_one_key_in_two_storages_are_two(night: Night, batch_server: BatchServer, tmp_path: Path) -> None:
    """The second finds what the first has paid for, and forgotten it takes nothing of the first's away."""
    other = {"storage": str(tmp_path / "other"), "destination": str(tmp_path / "other.parquet")}
    assert [night("nightly").from_store, night("nightly", **other).from_store] == [0, 30]
    forget_job("nightly", storage=other["storage"])
    assert night("tuesday").from_store == 30
    assert "removed: 30 answers in the answer store" in forget_job("nightly", storage=str(tmp_path / "jobs"))


@ON_SQLITE
def test_a_teams_variable_names_the_store_and_a_run_may_do_without(
    night: Night, batch_server: BatchServer
) -> None:
    Variable.set(ANSWERS_VARIABLE, "TEAM_ANSWERS")
    try:
        assert night("monday", answers="").from_store == 0
        assert night("tuesday", answers="").from_store == 30
        assert night("wednesday", answers="none").from_store == 0
    finally:
        Variable.unset(ANSWERS_VARIABLE)
