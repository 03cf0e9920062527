"""Some rows answered at once: what they say, and what they foretell. No server of Prefect's is there."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect_openai_batch import (
    AccessError,
    ChatRequest,
    EmbeddingRequest,
    Endpoint,
    FileSource,
    ModelNotFound,
    RawRequest,
    RequestError,
    ResponsesRequest,
    SourceError,
    try_rows,
)
from prefect_openai_batch.batch.trials.trial_report import ModelTrial
from prefect_openai_batch.emulator import BatchServer, Reply

pytestmark = pytest.mark.usefixtures("no_prefect_server")

MOODS = ChatRequest(
    model="gpt-5-mini", prompt="{{ review }}", answer={"mood": "happy | angry", "stars": "integer?"}
)
NAMES = ChatRequest(model="gpt-5-mini", prompt="{{ review }}")


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """A server whose answers say the mood that a review names; the small model is always happy."""
    with BatchServer(answer=mood_of) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        yield server


def mood_of(body: dict[str, Any]) -> Reply:
    angry = "angry" in str(body["messages"]).lower() and body["model"] != "gpt-5-nano"
    return Reply(json.dumps({"mood": "angry" if angry else "happy", "stars": 1 if angry else None}))


def asked(server: BatchServer) -> list[str]:
    return [one["path"] for one in server.requests() if one["method"] == "POST"]


def price_of_the_whole(model: ModelTrial) -> Decimal:
    """What the whole table costs in batches."""
    assert model.whole is not None
    assert model.whole.batch_usd is not None
    return model.whole.batch_usd


def test_nothing_is_uploaded(batch_server: BatchServer, frame: pd.DataFrame) -> None:
    """Twenty synchronous calls, no file, no batch."""
    trial = try_rows(frame, MOODS)
    assert asked(batch_server) == ["/v1/chat/completions"] * 20
    assert batch_server.state()["files"] == batch_server.state()["batches"] == []
    assert batch_server.bill()["synchronous"] == 20
    assert (trial.report.sampled, trial.report.rows, trial.report.batches) == (20, 40, 1)


def test_the_rows_come_back_with_their_answers(answering: BatchServer, frame: pd.DataFrame) -> None:
    """Their own columns and index, and beside them what a batch's table has, types and all."""
    answers = try_rows(frame, MOODS, rows=8).answers
    pd.testing.assert_frame_equal(answers[["review", "label"]], frame.loc[answers.index])
    assert answers["mood"].cat.categories.tolist() == ["happy", "angry"]
    assert str(answers["stars"].dtype) == "Int64"
    assert ("angry" in " ".join(answers["review"]).lower()) == ("angry" in set(answers["mood"]))
    assert set(answers["batch_id"]) == {"synchronous"}


WRITERS: dict[str, Any] = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "parquet": lambda frame, path: frame.to_parquet(path),
    "jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_file_is_tried_too(answering: BatchServer, frame: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    """Its rows are called by their numbers, from 0."""
    path = tmp_path / f"reviews.{suffix}"
    WRITERS[suffix](frame, path)
    trial = try_rows(FileSource(path=str(path)), MOODS, rows=3, first=True, expect={"mood": "label"})
    assert trial.answers.index.tolist() == [0, 1, 2]
    assert trial.answers["review"].tolist() == frame["review"][:3].tolist()
    assert trial.report.models[0].scores[0].right == 2


def test_a_batch_would_send_the_same(batch_server: BatchServer, frame: pd.DataFrame) -> None:
    """The same bodies: what is asked at once is told apart by nothing but its price."""
    trial = try_rows(frame, NAMES, rows=40)
    ids = trial.answers["custom_id"]
    assert ids.str.startswith("row-").all()
    assert ids.is_unique


def test_some_have_no_answer(monkeypatch: pytest.MonkeyPatch, frame: pd.DataFrame) -> None:
    """Each is counted once, as what it is; the cut off are among them. The report says why, row by row."""
    replies = [
        Reply('{"mood": "happy", "stars": 5}'),
        Reply('{"mood": "so-so", "stars": 5}'),
        Reply('{"mood": "hap', finish_reason="length"),
        Reply(refusal="I cannot."),
        Reply(status=400, body={"error": {"message": "Too odd.", "code": "odd"}}),
    ]
    with BatchServer(answer=lambda body: replies[int(str(body["messages"]).split("Review ")[1][0])]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        trial = try_rows(frame[:5], MOODS, expect={"mood": "label"})
    model = trial.report.models[0]
    counts = (model.asked, model.answered, model.invalid, model.refused, model.failed, model.cut_off)
    assert counts == (5, 1, 2, 1, 1, 1)
    assert not trial.report.complete
    assert [one.given for one in model.scores[0].wrong] == [None] * 3
    assert all(said in str(trial) for said in ("I cannot.", "Too odd.", "cut off by length"))


def test_models_are_asked_the_same_rows(answering: BatchServer, frame: pd.DataFrame) -> None:
    """Side by side: a block of answers each, how many are right, and how often they agree, field by field."""
    trial = try_rows(frame, MOODS, rows=40, models=["gpt-5", "gpt-5-nano"], expect={"mood": "label"})
    assert trial.answers.groupby("asked_model")["outcome"].count().to_dict() == {"gpt-5": 40, "gpt-5-nano": 40}
    right = {
        one.model: (one.scores[0].right, one.scores[0].compared, one.scores[0].left_out)
        for one in trial.report.models
    }
    assert right == {"gpt-5": (30, 30, 10), "gpt-5-nano": (10, 30, 10)}
    agreed = {one.field: (one.agreed, one.compared) for one in trial.report.agreements}
    assert agreed == {"mood": (20, 40), "stars": (20, 40)}
    assert trial.answers_of("gpt-5").index.tolist() == frame.index.tolist()
    dear, cheap = map(price_of_the_whole, trial.report.models)
    assert dear > cheap


def test_wrong_rows_are_named(answering: BatchServer, frame: pd.DataFrame) -> None:
    """By number, custom_id, what was expected and what was given."""
    report = try_rows(frame, MOODS, rows=40, models=["gpt-5-nano"], expect={"mood": "label"}).report
    wrong = report.models[0].scores[0].wrong[0]
    assert (wrong.row, wrong.expected, wrong.given) == (2, " Angry ", "happy")
    assert wrong.custom_id.startswith("row-2-")


def test_untyped_answers_are_compared_by_their_text(answering: BatchServer, frame: pd.DataFrame) -> None:
    """The field is called answer."""
    frame = frame.assign(said='{"mood": "happy", "stars": null}')
    score = try_rows(frame, NAMES, rows=40, expect={"answer": "said"}).report.models[0].scores[0]
    assert (score.compared, score.right) == (40, 20)


NOT_THERE: dict[str, tuple[Any, dict[str, str], str]] = {
    "no such field": (MOODS, {"tone": "label"}, "no field 'tone'. It has mood, stars"),
    "no such column": (MOODS, {"mood": "truth"}, "no column 'truth'. Its columns: review, label"),
    "text of typed answers": (MOODS, {"answer": "label"}, "no field 'answer'"),
    "vectors": (
        EmbeddingRequest(model="text-embedding-3-small", input="{{ review }}"),
        {"answer": "label"},
        "Vectors cannot be compared",
    ),
}


@pytest.mark.parametrize(("request_", "expect", "why"), NOT_THERE.values(), ids=NOT_THERE)
def test_what_cannot_be_compared_is_refused(
    batch_server: BatchServer, frame: pd.DataFrame, request_: Any, expect: dict[str, str], why: str
) -> None:
    """Before anything is asked."""
    with pytest.raises(RequestError, match=why):
        try_rows(frame, request_, expect=expect)
    assert asked(batch_server) == []


def test_a_model_that_is_not_known_is_refused(batch_server: BatchServer, frame: pd.DataFrame) -> None:
    """Before anything is asked of the others."""
    with pytest.raises(ModelNotFound, match="gpt-none"):
        try_rows(frame, NAMES, models=["gpt-5", "gpt-none"])
    assert asked(batch_server) == []


def test_nobody_answers(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said at once."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    with pytest.raises(AccessError, match="cannot be reached"):
        try_rows(frame, NAMES)


def test_a_table_of_no_rows_has_none_to_try(batch_server: BatchServer, frame: pd.DataFrame) -> None:
    """It is refused, where a job would only have nothing to do."""
    with pytest.raises(SourceError, match="no rows to try"):
        try_rows(frame[:0], NAMES)


KINDS: dict[str, Any] = {
    "responses": ResponsesRequest(model="gpt-5-mini", prompt="{{ review }}"),
    "embeddings": EmbeddingRequest(model="text-embedding-3-small", input="{{ review }}"),
    "moderations": RawRequest(
        endpoint_path=Endpoint.MODERATIONS, body={"model": "omni-moderation-latest", "input": "{{ review }}"}
    ),
}


@pytest.mark.parametrize("request_", KINDS.values(), ids=KINDS)
def test_every_kind_of_request_is_tried(batch_server: BatchServer, frame: pd.DataFrame, request_: Any) -> None:
    """And reported, as text, as Markdown and as JSON."""
    trial = try_rows(frame, request_, rows=3)
    assert trial.report.complete
    assert trial.report.models[0].model in str(trial)
    assert trial._repr_markdown_().count("\n| --: |") >= 1
    assert len(json.loads(trial.as_json())["answers"]) == 3


def test_what_is_not_reported_is_not_known(batch_server: BatchServer, frame: pd.DataFrame) -> None:
    """Moderations tell of no tokens: nothing is foretold by guess."""
    trial = try_rows(frame, KINDS["moderations"], rows=3)
    assert trial.report.models[0].whole is None
    assert "not known" in str(trial)


def test_embeddings_have_no_output_to_pay(batch_server: BatchServer, frame: pd.DataFrame) -> None:
    """So their price is known, though they report none."""
    whole = try_rows(frame, KINDS["embeddings"], rows=3).report.models[0].whole
    assert whole is not None
    assert (whole.output_tokens, bool(whole.synchronous_usd)) == (0, True)


def test_each_row_may_name_its_model(batch_server: BatchServer, frame: pd.DataFrame) -> None:
    """The whole is priced by each one's own; given models take their place."""
    frame = frame.assign(asks=["gpt-5", "gpt-5-nano"] * 20)
    request = NAMES.model_copy(update={"model": "{{ asks }}"})
    own = try_rows(frame, request)
    assert (own.report.models[0].model, own.report.batches) == ("gpt-5, gpt-5-nano", 2)
    dear = try_rows(frame, request, models=["gpt-5"])
    assert (dear.report.models[0].model, dear.report.batches) == ("gpt-5", 1)
    assert price_of_the_whole(*own.report.models) < price_of_the_whole(*dear.report.models)


def test_a_price_of_ones_own_is_that_of_batches(batch_server: BatchServer, frame: pd.DataFrame) -> None:
    """It says nothing of what is asked at once: that is not known then, and never half of it by guess."""
    model = try_rows(frame, NAMES, price_in=2.0, price_out=0.0).report.models[0]
    assert model.whole is not None
    assert model.whole.input_tokens is not None
    assert model.whole.batch_usd == Decimal(2) * model.whole.input_tokens / 1_000_000
    assert (model.whole.synchronous_usd, model.trial_usd) == (None, None)


def test_what_each_row_cost_stands_beside_it(batch_server: BatchServer, frame: pd.DataFrame) -> None:
    """Where that is asked for, and at the price of the synchronous API; together they are what the trial cost."""
    trial = try_rows(frame, NAMES.model_copy(update={"keep_cost": True}))
    assert (
        trial.answers["cost_usd"].sum() == trial.report.models[0].trial_usd == Decimal(batch_server.bill()["usd"])
    )


def bodies(row: Any) -> dict[str, Any]:
    return {"model": "gpt-5-mini", "messages": [{"role": "user", "content": row["review"]}]}


def test_a_function_that_names_its_model_is_asked_no_other(batch_server: BatchServer, frame: pd.DataFrame) -> None:
    """It is refused, where the trial would else compare a model with itself."""
    path = f"{__name__}:bodies"
    request = RawRequest(endpoint_path=Endpoint.CHAT_COMPLETIONS, function=path)
    with pytest.raises(RequestError, match="names 'gpt-5-mini' itself"):
        try_rows(frame, request, models=["gpt-5"])
    assert asked(batch_server) == []


def test_ready_bodies_are_asked_with_another_model(batch_server: BatchServer, frame: pd.DataFrame) -> None:
    """What a column holds of it is replaced."""
    frame = frame.assign(body=[json.dumps(bodies(row)) for row in frame.to_dict("records")])
    request = RawRequest(endpoint_path=Endpoint.CHAT_COMPLETIONS, body_column="body")
    trial = try_rows(frame, request, rows=2, models=["gpt-5", "gpt-5-nano"])
    assert [model.split("-2")[0] for model in trial.answers["model"]] == ["gpt-5"] * 2 + ["gpt-5-nano"] * 2


def test_one_model_may_be_named_by_its_name(batch_server: BatchServer, frame: pd.DataFrame) -> None:
    """And is not taken for its letters."""
    assert [model.model for model in try_rows(frame, NAMES, 1, models="gpt-5").report.models] == ["gpt-5"]


@pytest.mark.parametrize("wanted", [{"rows": 0}, {"rows": -1}, {"seed": -1}], ids=["none", "fewer", "seed"])
def test_what_chooses_no_rows_is_refused(wanted: dict[str, int]) -> None:
    """By its name, before the table is even looked for."""
    (named,) = wanted
    with pytest.raises(RequestError, match=f"{named}="):
        try_rows("nowhere.csv", NAMES, **wanted)  # type: ignore[arg-type]
