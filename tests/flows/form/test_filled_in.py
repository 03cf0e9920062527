"""What was filled in becomes the parameters of a job; what cannot is refused by its field's title."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect_openai_batch import (
    AccessError,
    BudgetError,
    DatabaseError,
    DeadlineError,
    DestinationError,
    FileSource,
    JobAtWork,
    JobKeyError,
    ModelNotFound,
    OpenAIBatchError,
    Refused,
    RunOptions,
    SourceError,
    StorageError,
    WaitError,
)
from prefect_openai_batch.batch.errors import DatabaseLocked
from prefect_openai_batch.batch.tables.destinations import check_destination
from prefect_openai_batch.batch.tables.sources import open_source
from prefect_openai_batch.flows.form import openai_batch_form
from prefect_openai_batch.flows.form.answer_columns import KINDS, AnswerColumn, FormKind
from prefect_openai_batch.flows.form.filled_in import LONGEST_ANSWER, JobParameters, job_parameters
from prefect_openai_batch.flows.form.titles import FIELDS, fields_named
from prefect_openai_batch.flows.healing import JOB_FLOWS
from prefect_openai_batch.flows.runs import credentials_of, job_key_of, options_of


def filled_in(**changes: Any) -> JobParameters:
    """The form as it opens, with a table, and what else was changed."""
    form = {
        "credentials": "openai-batch-credentials/team",
        "table": "/data/reviews.csv",
        "question": "{{ review }}",
        "answer": [],
        "model": "gpt-5-mini",
        "result": "",
        "replace": False,
        "rows": 0,
        "budget_usd": 0.0,
        "suspend": False,
    }
    with fields_named():
        return job_parameters(**(form | changes))  # type: ignore[arg-type]


def test_a_field_left_alone_wishes_nothing() -> None:
    """An empty text and 0 are no destination, no limit and no budget."""
    wanted = filled_in()
    assert wanted["source"] == FileSource(path="/data/reviews.csv")
    assert wanted["destination"] is None
    assert wanted["if_exists"] == "refuse"
    assert wanted["options"] == RunOptions()
    assert wanted["request"].answer is None


def test_each_field_arrives() -> None:
    """Without the blanks, line ends and quotes around it that a text box lets in."""
    wanted = filled_in(
        table=' "/data/reviews.csv"\n',
        result="/data/out.csv\n",
        replace=True,
        rows=20,
        budget_usd=1.5,
        suspend=True,
    )
    assert wanted["source"] == FileSource(path="/data/reviews.csv", limit=20)
    assert wanted["destination"] == "/data/out.csv"
    assert wanted["if_exists"] == "replace"
    assert wanted["options"] == RunOptions(wait="suspend", budget_usd=1.5)
    assert wanted["request"].parameters == {"max_completion_tokens": LONGEST_ANSWER}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_answer_is_one_that_a_request_takes(kind: FormKind) -> None:
    """And the model is told its name, and what is meant by it."""
    choices = "yes, no" if kind == "choice" else ""
    column = AnswerColumn(name=" mood ", kind=kind, choices=choices, meaning="the writer's")
    schema = filled_in(answer=[column])["request"].model_dump()["answer"]
    assert schema["required"] == ["mood"]
    assert schema["properties"]["mood"]["description"] == "the writer's"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("positive, negative,mixed", ["positive", "negative", "mixed"]),
        ("yes, fully\nno, not at all\n", ["yes, fully", "no, not at all"]),
        ("good, bad,\n", ["good", "bad"]),
    ],
    ids=["commas", "lines", "a line end at the end"],
)
def test_choices_are_typed_as_people_list_them(typed: str, words: list[str]) -> None:
    """With commas between them; where they stand one a line, commas belong to them."""
    assert AnswerColumn(name="mood", kind="choice", choices=typed).words() == words


CHOICE = AnswerColumn(name="mood", kind="choice", choices="good, bad")
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "no table": ({"table": " \n"}, "Table: nothing is filled in"),
    "no question": ({"question": " "}, "What to ask about each row: nothing is filled in"),
    "no model": ({"model": " "}, "Model: nothing is filled in"),
    "one word": (
        {"answer": [AnswerColumn(name="mood", kind="choice", choices="good")]},
        "Columns of the answer: mood is a choice: fill in two words or more",
    ),
    "words of a number": (
        {"answer": [AnswerColumn(name="stars", kind="number", choices="1, 2")]},
        "Columns of the answer: stars has words to choose from, so its kind of answer is choice, not number",
    ),
    "a column twice": (
        {"answer": [CHOICE, CHOICE]},
        "Columns of the answer: two columns are called mood: give each a name of its own",
    ),
    "a word twice": (
        {"answer": [AnswerColumn(name="mood", kind="choice", choices="good, good")]},
        "Columns of the answer: mood has the word good twice to choose from",
    ),
    "no name": ({"answer": [AnswerColumn(name=" ")]}, "Columns of the answer: a column has no name"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_the_form_cannot_check_is_refused_by_its_title(case: str) -> None:
    """Before a file is looked at, in one sentence."""
    changes, message = REFUSALS[case]
    with pytest.raises(Refused, match=f"^{message}"):
        filled_in(**changes)


def test_every_refusal_is_about_a_field_that_can_be_refused() -> None:
    """But for what the form does not ask: a time to be done by, a job's key, and to forget one."""
    assert set(Refused.__subclasses__()) - set(FIELDS) == {DeadlineError, JobAtWork, JobKeyError}


NAMED: dict[type[OpenAIBatchError], str] = {
    AccessError: "Account",
    SourceError: "Table",
    ModelNotFound: "Model",
    DestinationError: "Where the result goes",
    BudgetError: "Budget in US dollars",
    WaitError: "Free the worker while waiting",
}


@pytest.mark.parametrize("kind", NAMED, ids=lambda kind: kind.__name__)
def test_a_later_refusal_names_its_field_too(kind: type[OpenAIBatchError]) -> None:
    """It stays what it was, with its details and notes."""
    with pytest.raises(kind, match=f"^{NAMED[kind]}: no") as caught, fields_named():
        raise kind("no", path="x")
    assert caught.value.details == {"path": "x"}


@pytest.mark.parametrize("kind", [StorageError, DatabaseError, DatabaseLocked], ids=lambda kind: kind.__name__)
def test_what_no_field_is_about_is_for_whoever_deployed_it(kind: type[OpenAIBatchError]) -> None:
    """The form asks for no storage and no answer store."""
    with pytest.raises(kind, match="^For whoever deployed this form: no"), fields_named():
        raise kind("no")


def test_a_way_out_is_one_that_the_form_has(tmp_path: Path) -> None:
    """It has no options of a command, and no parameters of a function."""
    (tmp_path / "there.csv").write_text("a\n")
    with pytest.raises(DestinationError, match=r"let it be replaced \(Replace an older result\)"), fields_named():
        check_destination(str(tmp_path / "there.csv"), "refuse")
    (tmp_path / "mixed.jsonl").write_text('{"a": 1}\n{"a": "x"}\n')
    with pytest.raises(SourceError, match=r"; write all its values as text in the file\.$"), fields_named():
        open_source(FileSource(path=str(tmp_path / "mixed.jsonl")))


@pytest.mark.parametrize("wait", ["sensor", "suspend"])
def test_a_run_is_read_as_those_of_the_full_flow_are(wait: str) -> None:
    """By who wakes, cancels, collects and heals, from the parameters that each has."""
    name = "openai-batch-credentials/team"
    form = {"account": {"$ref": {"block_document_slug": name}}, "suspend": wait == "suspend"}
    for parameters in (form, {"credentials": name, "options": {"wait": wait}}):
        run = FlowRun(flow_id=uuid4(), parameters=parameters)
        assert credentials_of(run) == name
        assert options_of(run).wait == wait
    assert openai_batch_form.name in JOB_FLOWS
    assert job_key_of(FlowRun(flow_id=uuid4(), parameters={"job_key": " night "})) == "night"
