"""A job filled in as a form by somebody who writes no JSON, in a real browser (`make external`: Chromium)."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect import Flow
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools import validate
from prefect_openai_batch import (
    AzureOpenAICredentials,
    ChatRequest,
    OpenAICredentials,
    openai_batch,
    openai_batch_trial,
    resume_job,
)
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.flows.form import openai_batch_form

from ...conftest import ROOT
from ..support import deployment, wait_for_state
from .custom_run_form import Field, Form, open_browser, open_form

CHOICES = ["positive", "negative", "mixed"]

TITLES = [
    "Account",
    "Table",
    "What to ask about each row",
    "Columns of the answer",
    "Model",
    "Where the result goes",
    "Replace an older result",
    "Only the first rows",
    "Budget in US dollars",
    "Free the worker while waiting",
]
"""The fields of the form for people, from the top."""


def fill_in_job(form: Form, destination: Path) -> None:
    """What is asked of which table, and where the answers go."""
    form.field("Path").write(str(ROOT / "examples" / "reviews.csv"))
    form.field("Model").write("gpt-5-mini")
    form.field("Prompt").write("How is this review meant? {{ review }}")
    filled_in = (("Destination", "A path or URL", str(destination)), ("Credentials", "str", "form"))
    for title, tab, words in filled_in:
        form.field(title).click(tab)
        form.field(title).write(words)


def fill_in_answer(answer: Field) -> None:
    """Two columns: a number, and a choice of words."""
    for number, (name, kind) in enumerate([("stars_meant", "integer"), ("sentiment", "choice")]):
        answer.click("Add item")
        answer.field("Column name", number).write(name)
        answer.field("Kind of answer", number).choose(kind)
    choices = answer.field("Choices", 1)
    for number, word in enumerate(CHOICES):
        choices.click("Add item")
        choices.write(word, number)


def fill_in_form(form: Form, result: Path) -> None:
    """The form for people: twenty rows asked for two columns."""
    form.field("Account").choose("form")
    form.field("Table").write(str(ROOT / "examples" / "reviews.csv"))
    form.field("What to ask about each row").write("How is this review meant? {{ review }}")
    form.field("Where the result goes").write(str(result))
    form.field("Only the first rows").write_number(20)
    columns = form.field("Columns of the answer")
    for number, (name, kind) in enumerate([("stars_meant", "whole number"), ("sentiment", "choice")]):
        columns.click("Add item")
        columns.field("Column name", number).write(name)
        columns.field("Kind of answer", number).choose(kind)
    columns.field("Choices", 1).write(", ".join(CHOICES))


def started_run(api: httpx.Client, deployment_id: str) -> str:
    """The latest run of the deployment."""
    wanted = {"deployments": {"id": {"any_": [deployment_id]}}, "sort": "EXPECTED_START_TIME_DESC", "limit": 1}
    (run,) = api.post("/flow_runs/filter", json=wanted).raise_for_status().json()
    return str(run["id"])


@pytest.mark.external
@pytest.mark.server
@pytest.mark.parametrize("path", ["/v2", ""], ids=["new-ui", "old-ui"])
def test_an_answer_of_two_columns_is_filled_in_without_json(
    api: httpx.Client,
    deployed: dict[str, Any],
    worker: Path,
    batch_server: BatchServer,
    tmp_path: Path,
    path: str,
) -> None:
    """The run completes, and its table has both columns, each with its type."""
    OpenAICredentials(api_key="test", base_url=batch_server.base_url).save("form", overwrite=True)
    chosen = deployment(api, "on-demand")["id"]
    with open_browser() as page:
        form = open_form(page, str(api.base_url).removesuffix("/api/") + path, chosen)
        fill_in_job(form, tmp_path / "answers.parquet")
        fill_in_answer(form.field("Answer"))
        form.submit()
    wait_for_state(api, started_run(api, chosen), "Completed", worker=worker)
    answers = pq.read_table(tmp_path / "answers.parquet")
    assert answers.schema.field("stars_meant").type == pa.int64()
    assert answers.schema.field("sentiment").type == pa.string()
    assert set(answers["sentiment"].to_pylist()) <= set(CHOICES)
    assert answers["stars_meant"].null_count == 0


@pytest.mark.external
@pytest.mark.server
def test_a_person_fills_in_one_screen_of_the_old_ui(
    api: httpx.Client,
    deployed: dict[str, Any],
    worker: Path,
    batch_server: BatchServer,
    tmp_path: Path,
) -> None:
    """What has to be filled in says so at its field; then the run completes, with a column for each box.

    The new UI's form is filled in by the test of the whole way.
    """
    OpenAICredentials(api_key="test", base_url=batch_server.base_url).save("form", overwrite=True)
    AzureOpenAICredentials.register_type_and_schema()
    chosen = deployment(api, "form")["id"]
    with open_browser() as page:
        form = open_form(page, str(api.base_url).removesuffix("/api/"), chosen)
        form.field("What to ask about each row").write("")
        form.click("Submit")
        for title in ("Account", "Table", "What to ask about each row"):
            form.field(title).says("is a required property")
        assert [title for title in form.titles() if title in TITLES] == TITLES
        fill_in_form(form, tmp_path / "answers.csv")
        form.submit()
    wait_for_state(api, started_run(api, chosen), "Completed", worker=worker)
    answers = pd.read_csv(tmp_path / "answers.csv")
    assert len(answers) == 20
    assert set(answers["sentiment"]) <= set(CHOICES)
    assert answers["stars_meant"].dtype == "int64"


@pytest.mark.parametrize(
    ("account", "problems"),
    [({"$ref": {"block_document_id": str(uuid4())}}, 0), ({}, 1), ({"api_key": "sk-of-somebody"}, 1)],
    ids=["a block", "nothing", "a key"],
)
def test_an_account_is_picked_and_nothing_else(account: dict[str, Any], problems: int) -> None:
    """Prefect's server takes a block by reference; a key typed in its place is refused before it is kept."""
    schema = parameter_schema(openai_batch_form).model_dump(mode="json")
    filled_in = {
        "account": account,
        "table": "/data/reviews.csv",
        "question": "{{ review }}",
        "model": "gpt-5-mini",
    }
    assert len(validate(filled_in, schema)) == problems


@pytest.mark.parametrize("answer", [None, {"sentiment": "positive | negative"}], ids=["text", "columns"])
def test_the_form_takes_what_python_sends(answer: dict[str, str] | None) -> None:
    """A request comes with None in each field that is left out, and with its answer as JSON Schema."""
    request = ChatRequest(model="gpt-5-mini", prompt="{{ review }}", answer=answer).model_dump(mode="json")
    schema = parameter_schema(openai_batch).model_dump(mode="json")
    assert validate({"source": "reviews.csv", "request": request}, schema) == []


@pytest.mark.parametrize("flow", [openai_batch, openai_batch_trial, resume_job], ids=["job", "trial", "resume"])
def test_what_may_be_left_alone_can_be(flow: Flow[..., Any]) -> None:
    """An object's defaults are sent unless None may be chosen; with a required field in it nobody could submit."""
    schema = parameter_schema(flow).model_dump(mode="json")
    objects = {f"#/definitions/{name}": one for name, one in schema["definitions"].items()}
    needed = {place for place, one in objects.items() if one.get("required")}
    optional = [
        (title, field)
        for one in (schema, *objects.values())
        for title, field in one.get("properties", {}).items()
        if title not in one.get("required", [])
    ]
    assert [title for title, field in optional if _only_object(field) in needed] == []


def _only_object(field: dict[str, Any]) -> str | None:
    """The one object that a field can be; None where it can be nothing, or something else."""
    parts = field.get("anyOf") or field.get("allOf") or [field]
    return parts[0].get("$ref") if len(parts) == 1 else None
