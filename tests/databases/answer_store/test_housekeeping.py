"""What a store holds, seen and forgotten, by the command line too."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from prefect_openai_batch.batch.answer_store.answers import KeptAnswer
from prefect_openai_batch.batch.answer_store.housekeeping import Chosen, forget_answers, forget_keeper, held
from prefect_openai_batch.batch.answer_store.kept_marks import KeptMarks
from prefect_openai_batch.batch.answer_store.store import AnswerStore
from prefect_openai_batch.batch.watermarks.mark import KeptMark, Mark
from prefect_openai_batch.blocks.databases import open_store
from prefect_openai_batch.cli.answers.answers_command import answers_command
from prefect_openai_batch.cli.answers.marks_command import marks_command
from prefect_openai_batch.cli.process import stopped

SERVER = "https://api.openai.com/v1"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, database: str) -> Iterator[AnswerStore]:
    """A store with three answers of one job and one of another."""
    monkeypatch.setenv("TEAM_ANSWERS", database)
    with open_store("TEAM_ANSWERS") as opened:
        for job, ids in {"first": "abc", "second": "a"}.items():
            opening = opened.open_job(job, SERVER)
            opened.keep([answer(job, custom_id) for custom_id in ids], opening)
        yield opened


def answer(job: str, custom_id: str) -> KeptAnswer:
    digest = f"{job} {custom_id}".encode()
    return KeptAnswer(digest, b"{}", "/v1/responses", "gpt-5-mini", job, custom_id, 10, 5, "0.25")


def ask(*words: str, said: str = "") -> str:
    done = CliRunner().invoke(answers_command, [*words, "--answers", "TEAM_ANSWERS"], input=said)
    assert done.exit_code == 0, done.output
    return done.output


def test_it_tells_what_is_kept_and_what_that_cost(store: AnswerStore) -> None:
    first, second = held(store)
    assert (first.keeper.key, first.model, first.answers, first.bytes, first.unpriced) == (
        *("first", "gpt-5-mini"),
        *(3, 6, 0),
    )
    assert (first.cost_usd, second.cost_usd) == (Decimal("0.75"), Decimal("0.25"))
    shown = ask("show").splitlines()
    assert " 6 B " in shown[1]
    assert shown[-1] == "4 answers in all, for $1.00"
    told = [json.loads(line) for line in ask("show", "--json").splitlines()]
    assert [(one["job"], one["answers"]) for one in told] == [("first", 3), ("second", 1)]


def test_more_than_was_named_is_asked_before_it_goes(store: AnswerStore) -> None:
    """One custom_id that two jobs have kept is two answers."""
    assert ask("forget", "--custom-id", "b") == "1 answer removed\n"
    assert "Remove 2 answers" in ask("forget", "--custom-id", "a", said="n\n")
    assert "1 answer removed" in ask("forget", "--custom-id", "a", "--job", "second")
    assert sum(one.answers for one in held(store)) == 2
    assert "2 answers removed" in ask("prune", "--older-than", "0", "--yes")
    assert held(store) == []


def test_a_forgotten_job_leaves_nothing_and_begins_anew(store: AnswerStore) -> None:
    before = store.open_job("first", SERVER)
    assert forget_keeper(store, "first") == 3
    again = store.open_job("first", SERVER)
    assert again.number > before.number
    assert [one.answers for one in held(store)] == [1]


def test_nothing_named_forgets_nothing(store: AnswerStore) -> None:
    assert forget_answers(store, Chosen()) == 0
    assert sum(one.answers for one in held(store)) == 4


@pytest.mark.parametrize("command", [answers_command, marks_command], ids=["answers", "marks"])
def test_a_store_that_is_not_there_is_not_made_by_looking(command: click.Command, tmp_path: Path) -> None:
    """A misspelt name would read as if nothing were kept."""
    missing = tmp_path / "typo.db"
    done = CliRunner().invoke(command, ["show", "--answers", str(missing)])
    assert (done.exit_code, missing.exists()) == (2, False)
    assert "There is no answer store" in done.output


def test_who_does_not_confirm_is_told_that_nothing_was_removed() -> None:
    """Not that the same command continues a job: there is none."""
    for command in ("answers", "marks"):
        assert stopped(command) == "stopped before anything was removed; --yes does not ask"


def test_marks_of_two_prompts_over_one_table_are_told_apart(store: AnswerStore) -> None:
    """By what their jobs ask, and where that goes."""
    marks, now = KeptMarks(store), datetime(2026, 11, 24, tzinfo=UTC)
    for key, asks in {
        "1" * 64: "gpt-5-mini: Good? {{ text }} → good.csv",
        "2" * 64: "gpt-5-mini: Why? → why.csv",
    }.items():
        mark = Mark(kind="integer", value=7, floor=7, read_at=now, job_key="nightly", asks=asks)
        assert marks.move(key, KeptMark(mark, b""), name="orders", column="id")
    done = CliRunner().invoke(marks_command, ["show", "--answers", "TEAM_ANSWERS"])
    assert [line.split("2026-11-24  ")[-1] for line in done.output.splitlines()[1:]] == [
        "gpt-5-mini: Good? {{ text }} → good.csv",
        "gpt-5-mini: Why? → why.csv",
    ]
    done = CliRunner().invoke(marks_command, ["forget", "2222", "--yes", "--answers", "TEAM_ANSWERS"])
    assert "Why? → why.csv" in done.output
