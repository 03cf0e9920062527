"""The form's flow is the same job as the full one's, and what it is refused for names the field."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect import State
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_HOME, temporary_settings
from prefect_openai_batch import AccessError, JobReport, OpenAICredentials, Refused
from prefect_openai_batch.blocks.loading import Credentials, load_credentials
from prefect_openai_batch.blocks.references import name_at, name_of
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.flows.form import openai_batch_form, prefilled
from prefect_openai_batch.flows.form.answer_columns import AnswerColumn
from prefect_openai_batch.flows.form.form_flow import QUESTION

pytestmark = pytest.mark.server

Fill = Callable[..., State[JobReport]]


@pytest.fixture
def account(batch_server: BatchServer, prefect_server: str) -> Credentials:
    """A saved account."""
    OpenAICredentials(api_key="test", base_url=batch_server.base_url).save("form-flow", overwrite=True)
    return load_credentials("form-flow")


@pytest.fixture
def fill(account: Credentials, reviews: Path, tmp_path: Path) -> Iterator[Fill]:
    """The form as it opens, with an account and a table, and what else was changed; the state it ended in."""

    def run(**changes: Any) -> State[JobReport]:
        given = {
            "account": account,
            "table": str(reviews),
            "question": "Is this review good? {{ review }}",
            "model": "gpt-5-mini",
            "result": str(tmp_path / "answers.csv"),
            **changes,
        }
        state: State[JobReport] = openai_batch_form(**given, return_state=True)
        return state

    with temporary_settings({PREFECT_HOME: tmp_path / "home"}):
        yield run


def test_what_is_filled_in_is_asked(fill: Fill, tmp_path: Path) -> None:
    """Of the rows that are wished; the run keeps the account by reference."""
    state = fill(rows=5, answer=[AnswerColumn(name="good", kind="choice", choices="yes, no")])
    answers = pd.read_csv(tmp_path / "answers.csv")
    assert state.name == "Completed"
    assert len(answers) == 5
    assert set(answers["good"]) <= {"yes", "no"}
    run_id = state.state_details.flow_run_id
    assert run_id is not None
    with get_client(sync_client=True) as client:
        stored = client.read_flow_run(run_id).parameters
    assert name_at(stored["account"]) == "openai-batch-credentials/form-flow"
    assert list(stored["account"]) == ["$ref"]


def test_the_question_that_it_opens_with_is_refused(
    fill: Fill, batch_server: BatchServer, caplog: pytest.LogCaptureFixture
) -> None:
    """By its field's title, with the columns that the table has, and calmly; nothing is sent."""
    state = fill(question=QUESTION)
    assert (state.type.value, str(state.message).partition(":")[0]) == ("FAILED", "What to ask about each row")
    assert "Traceback" not in caplog.text
    assert caplog.text.count("What to ask about each row") == 1
    with pytest.raises(Refused, match="^What to ask about each row: .*'column', .* Its columns: number, review"):
        state.result()
    assert batch_server.state()["files"] == []


def test_an_older_result_stays_unless_the_switch_is_on(fill: Fill, tmp_path: Path) -> None:
    """The refusal names the field."""
    (tmp_path / "answers.csv").write_text("somebody's own")
    with pytest.raises(Refused, match="^Where the result goes: .*exists already"):
        fill(rows=1).result()
    assert fill(rows=1, replace=True).name == "Completed"


def test_an_account_is_kept_by_reference_alone(prefect_server: str) -> None:
    """Whatever stands in it: a gateway's address may hold a password."""
    block = OpenAICredentials(api_key="test", base_url="http://someone:pass-word@127.0.0.1/v1")
    block.save("form-gateway", overwrite=True)
    kept = openai_batch_form.serialize_parameters({"account": block, "rows": 5})
    assert kept == {"account": {"$ref": {"block_document_id": str(block._block_document_id)}}, "rows": 5}


def test_only_a_saved_account_has_a_name(account: Credentials) -> None:
    """It is the name that travels; of a block that is deleted nobody knows it any more."""
    assert name_of(account) == "openai-batch-credentials/form-flow"
    with pytest.raises(AccessError, match="no saved block"):
        name_of(OpenAICredentials(api_key="test"))
    OpenAICredentials(api_key="test").save("form-gone", overwrite=True)
    gone = load_credentials("form-gone")._block_document_id
    OpenAICredentials.delete("form-gone")
    with pytest.raises(AccessError, match="is there no more"):
        name_at({"$ref": {"block_document_id": str(gone)}})


def test_the_one_account_there_is_is_picked(prefect_server: str) -> None:
    """Where there are two, the person picks."""
    with get_client(sync_client=True) as client:
        for kind in ("openai-batch-credentials", "azure-openai-batch-credentials"):
            for document in client.read_block_documents_by_type(kind):
                client.delete_block_document(document.id)
    assert prefilled() == {}
    OpenAICredentials(api_key="test").save("one", overwrite=True)
    assert name_at(prefilled()["account"]) == "openai-batch-credentials/one"
    OpenAICredentials(api_key="test").save("two", overwrite=True)
    assert prefilled() == {}
