"""Typed answers through the flow: columns of their own, checked, and asked again where they break their type."""

import json
import runpy
from collections.abc import Iterator
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect_openai_batch import ChatRequest, ResponsesRequest, RunOptions, openai_batch, run_dataframe
from prefect_openai_batch.emulator import BatchServer
from pydantic import BaseModel

from ..conftest import ROOT
from .conftest import Run

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]


class Label(BaseModel):
    """What is to be told of a review."""

    mood: Literal["happy", "angry"]
    score: float
    stars: int | None
    topics: list[str]
    model: str


TYPES = {
    "mood": pa.string(),
    "score": pa.float64(),
    "stars": pa.int64(),
    "topics": pa.list_(pa.string()),
    "openai_model": pa.string(),
}
ASKED = {"model": "gpt-5-mini", "prompt": "{{ review }}", "answer": Label}


@pytest.mark.parametrize("kind", [ChatRequest, ResponsesRequest], ids=["chat", "responses"])
def test_each_field_is_a_column_of_its_type(
    batch_server: BatchServer, reviews: Path, tmp_path: Path, run: Run, kind: type[ChatRequest]
) -> None:
    """Behind the answer, which stays as JSON text; a name that is taken gets the prefix."""
    report = run(reviews, kind(**ASKED))
    table = pq.read_table(tmp_path / "answers.parquet")
    assert report.complete
    place = table.schema.names.index("answer")
    assert {field.name: field.type for field in list(table.schema)[place + 1 : place + 6]} == TYPES
    assert set(table["mood"].to_pylist()) <= {"happy", "angry"}
    assert [json.loads(text)["topics"] for text in table["answer"].to_pylist()] == table["topics"].to_pylist()


def test_csv_holds_nested_fields_as_json(
    batch_server: BatchServer, reviews: Path, tmp_path: Path, run: Run
) -> None:
    """As all that is nested."""
    run(reviews, ChatRequest(**ASKED), destination=str(tmp_path / "answers.csv"))
    topics = pd.read_csv(tmp_path / "answers.csv")["topics"]
    assert all(isinstance(json.loads(text), list) for text in topics)


def test_a_frame_has_nullable_types_and_categories(batch_server: BatchServer, tmp_path: Path) -> None:
    """Choices are categories, all of them, whether they occur or not."""
    frame = pd.DataFrame({"review": ["Good.", "Bad."]}, index=["a", "b"])
    options = RunOptions(poll_seconds=0.1)
    labelled = run_dataframe(frame, ChatRequest(**ASKED), storage=str(tmp_path), options=options)
    assert labelled["mood"].cat.categories.tolist() == ["happy", "angry"]
    assert [str(labelled[name].dtype) for name in ("score", "stars")] == ["Float64", "Int64"]


def test_the_example_counts_its_labels(batch_server: BatchServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A class in, typed columns out."""
    runpy.run_path(str(ROOT / "examples" / "typed_answers.py"), run_name="__main__")
    assert {"negative", "positive", "mixed"} <= set(capsys.readouterr().out.split())


def answers(good_from: int) -> Any:
    """The first so many answers break their schema, those that follow keep to it."""
    asked = count()

    def answer(body: dict[str, Any]) -> str:
        return '{"mood": "happy"}' if next(asked) >= good_from else '{"mood": "so-so"}'

    return answer


MOOD = ChatRequest(model="gpt-5-mini", prompt="{{ review }}", answer={"mood": "happy | angry"})


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    """A part that has parts."""

    name: str
    colour: Colour
    parts: list["Part"]


class Thing(BaseModel):
    colour: Colour
    whole: Part


def test_a_class_of_enums_and_classes_goes_through_the_flow(
    reviews: Path, tmp_path: Path, run: Run, batch_api: BatchServer
) -> None:
    """Its schema's references are its own, and no blocks of Prefect's; as a request of a deployed run too."""
    request = ChatRequest(model="gpt-5-mini", prompt="{{ review }}", answer=Thing)
    assert run(reviews, request).complete
    assert set(pd.read_parquet(tmp_path / "answers.parquet")["colour"]) <= {"red", "blue"}
    as_json = openai_batch.serialize_parameters({"source": "r.csv", "request": request})
    assert openai_batch.validate_parameters(as_json)["request"] == request


@pytest.fixture
def erring_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """A server whose first ten answers break their schema."""
    with BatchServer(answer=answers(good_from=10)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "local")
        yield server


def test_what_is_invalid_goes_again(erring_server: BatchServer, reviews: Path, tmp_path: Path, run: Run) -> None:
    """And is billed as it is: each answer that came was paid."""
    report = run(reviews, MOOD)
    assert (report.complete, report.rounds, erring_server.bill()["billed"]) == (True, 2, 40)
    assert set(pd.read_parquet(tmp_path / "answers.parquet")["mood"]) == {"happy"}


def test_what_is_invalid_stays_so_where_that_is_wanted(
    erring_server: BatchServer, reviews: Path, tmp_path: Path, run: Run
) -> None:
    """Its text is kept, its reason told, its columns are null, and it does not count as answered."""
    report = run(reviews, MOOD.model_copy(update={"retry_invalid": False}))
    assert (report.answered, report.rounds, report.outcomes) == (20, 1, {"invalid": 10, "succeeded": 20})
    invalid = pd.read_parquet(tmp_path / "answers.parquet").query("outcome == 'invalid'")
    assert set(invalid["answer"]) == {'{"mood": "so-so"}'}
    assert invalid["mood"].isna().all()
    assert invalid["error_message"].str.startswith("mood: ").all()


def test_a_forced_tools_arguments_are_the_answer(
    batch_server: BatchServer, reviews: Path, tmp_path: Path, run: Run
) -> None:
    """In the same columns."""
    tool = {"type": "function", "function": {"name": "label", "description": "Label a review."}}
    parameters = {"tools": [tool], "tool_choice": "required"}
    run(reviews, MOOD.model_copy(update={"parameters": parameters}))
    assert pd.read_parquet(tmp_path / "answers.parquet")["mood"].isin(["happy", "angry"]).all()
