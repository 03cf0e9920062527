"""The flow in this process: a real Prefect server, our Batch API server over HTTP, real files."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import openai
import pandas as pd
import pytest
from prefect import flow
from prefect_openai_batch import (
    ChatRequest,
    EmbeddingRequest,
    FileSource,
    JobReport,
    RawRequest,
    ResponsesRequest,
    openai_batch,
    run_dataframe,
)
from prefect_openai_batch.batch.errors import (
    AccessError,
    BatchFailed,
    CustomIdError,
    DestinationError,
    JobKeyError,
    ModelNotFound,
    Refused,
    RequestError,
    SourceError,
)
from prefect_openai_batch.emulator import BatchServer, Reply, RouteFault

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]

REVIEW = ChatRequest(model="gpt-5-mini", prompt="Positive or negative? {{ review }}")


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """A small table."""
    path = tmp_path / "reviews.csv"
    rows = [{"number": f"{number:03}", "review": f"Review {number}: I like it."} for number in range(30)]
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def run(
    source: Path, tmp_path: Path, request: Any = REVIEW, name: str = "answers.parquet", **options: Any
) -> JobReport:
    options = {"job_key": "job", "storage": str(tmp_path / "jobs"), "poll_seconds": 0.2, **options}
    report: JobReport = openai_batch(str(source), request, str(tmp_path / name), **options)
    return report


def remote_files() -> list[str]:
    with openai.OpenAI() as client:
        return [file.id for file in client.files.list()]


def posts(server: BatchServer) -> int:
    return sum(request["method"] == "POST" for request in server.requests())


def test_a_table_comes_back_with_answers(batch_server: BatchServer, reviews: Path, tmp_path: Path) -> None:
    """The same rows in the same order, text as it was written, each billed once; nothing is left behind."""
    report = run(reviews, tmp_path)
    answers = pd.read_parquet(tmp_path / "answers.parquet")
    assert answers["number"].tolist() == [f"{number:03}" for number in range(30)]
    assert answers["answer"].notna().all()
    assert report.complete
    assert (report.rows, report.outcomes, report.rounds) == (30, {"succeeded": 30}, 1)
    assert [(batch.status, batch.items) for batch in report.batches] == [("completed", 30)]
    assert report.tokens.input_tokens == answers["input_tokens"].sum() > 0
    assert batch_server.bill()["billed"] == 30
    assert remote_files() == []


@pytest.mark.parametrize("profile", ["azure", "foreign"])
def test_other_servers_dialects_are_understood(
    reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    """Empty strings for null, absent fields, other spellings and types: the rows come back all the same."""
    with BatchServer(profile=profile) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        assert run(reviews, tmp_path).complete
        assert server.bill()["billed"] == 30


def test_many_batches_are_looked_at_in_one_listing(batch_server: BatchServer, tmp_path: Path) -> None:
    """More than a few open batches are read from the listing, 100 a call."""
    source = tmp_path / "rows.jsonl"
    models = [f"gpt-4o-{number}" for number in range(8)]
    pd.DataFrame({"model": models, "review": models}).to_json(source, orient="records", lines=True)
    assert run(source, tmp_path, ChatRequest(model="{{ model }}", prompt="{{ review }}")).complete
    created = max(place for place, request in enumerate(batch_server.requests()) if request["method"] == "POST")
    looks = [request["path"] for request in batch_server.requests()[created + 1 :]]
    assert looks[:2] == ["/v1/batches", "/v1/batches"]


def test_the_same_job_again_pays_nothing(batch_server: BatchServer, reviews: Path, tmp_path: Path) -> None:
    """A finished job answers from its folder."""
    first = run(reviews, tmp_path)
    sent = len(batch_server.requests())
    assert run(reviews, tmp_path) == first
    assert len(batch_server.requests()) == sent


def test_a_job_that_died_before_cleaning_up_is_cleaned_by_the_next_start(
    batch_server: BatchServer, reviews: Path, tmp_path: Path
) -> None:
    """Its results are written, its remote files are still there, and nothing is paid again."""
    batch_server.fail(RouteFault(kind="http_error", route="DELETE *", status=403))
    with pytest.raises(openai.PermissionDeniedError):
        run(reviews, tmp_path)
    assert len(remote_files()) == 2
    batch_server.fail()
    assert run(reviews, tmp_path).complete
    assert remote_files() == []
    assert batch_server.bill()["billed"] == 30


def test_results_that_were_lost_are_written_again(
    batch_server: BatchServer, reviews: Path, tmp_path: Path
) -> None:
    """From the job folder, without asking OpenAI for anything but to clean up."""
    run(reviews, tmp_path)
    (tmp_path / "answers.parquet").unlink()
    sent = posts(batch_server)
    assert run(reviews, tmp_path).complete
    assert len(pd.read_parquet(tmp_path / "answers.parquet")) == 30
    assert posts(batch_server) == sent


def test_batches_in_flight_are_bounded_and_refilled(batch_server: BatchServer, tmp_path: Path) -> None:
    """With one in flight at a time, each batch is created after the one before has ended."""
    source = tmp_path / "rows.jsonl"
    frame = pd.DataFrame({"model": ["gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-5"], "review": list("abcd")})
    frame.to_json(source, orient="records", lines=True)
    request = ChatRequest(model="{{ model }}", prompt="{{ review }}")
    report = run(source, tmp_path, request, in_flight=1)
    batches = sorted(batch_server.state()["batches"], key=lambda batch: batch["created_at"])
    assert len(report.batches) == len(batches) == 3
    for earlier, later in pairwise(batches):
        assert later["created_at"] >= earlier["completed_at"]
    assert pd.read_parquet(tmp_path / "answers.parquet")["review"].tolist() == list("abcd")


ENDPOINTS = [
    ResponsesRequest(model="gpt-5-mini", prompt="{{ review }}"),
    EmbeddingRequest(model="text-embedding-3-small", input="{{ review }}", dimensions=4),
    *(
        RawRequest.model_validate({"endpoint": endpoint, "body": {"model": model, field: "{{ review }}"}})
        for endpoint, model, field in [
            ("/v1/completions", "gpt-3.5-turbo-instruct", "prompt"),
            ("/v1/moderations", "omni-moderation-latest", "input"),
            ("/v1/images/generations", "gpt-image-1", "prompt"),
            ("/v1/images/edits", "gpt-image-1", "prompt"),
            ("/v1/videos", "sora-2", "prompt"),
        ]
    ),
]


@pytest.mark.parametrize("request_", ENDPOINTS, ids=lambda request: request.endpoint)
def test_every_endpoint_goes_the_whole_way(
    batch_server: BatchServer, reviews: Path, tmp_path: Path, request_: Any
) -> None:
    """Built, sent, answered and read."""
    assert run(reviews, tmp_path, request_).complete
    assert pd.read_parquet(tmp_path / "answers.parquet")["answer"].notna().all()


@pytest.mark.parametrize(("min_answered", "name"), [(0.0, "Partial"), (0.9, "Partial"), (0.97, "Failed")])
def test_rows_without_an_answer_make_a_partial_run(
    reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, min_answered: float, name: str
) -> None:
    """The run is completed, named Partial, and its result is still the report; below the share it has failed."""
    with BatchServer(answer=refuse_one) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        state = openai_batch(
            str(reviews),
            REVIEW,
            str(tmp_path / "answers.csv"),
            storage=str(tmp_path / "jobs"),
            poll_seconds=0.2,
            min_answered=min_answered,
            return_state=True,
        )
    assert state.name == name
    assert str(state.message).startswith("29 of 30 rows answered")
    if name == "Partial":
        assert state.is_completed()
        assert (state.result().answered, state.result().rows) == (29, 30)
    assert pd.read_csv(tmp_path / "answers.csv")["answer"].isna().sum() == 1


REFUSALS: dict[str, tuple[Any, dict[str, Any], type[Refused], str]] = {
    "unknown column": (ChatRequest(model="gpt-5-mini", prompt="{{ reveiw }}"), {}, RequestError, "reveiw"),
    "repeated id": (
        ChatRequest(model="gpt-5-mini", prompt="{{ review }}", id_column="same"),
        {},
        CustomIdError,
        "Rows 1 and 2",
    ),
    "model": (ChatRequest(model="no-such-model", prompt="{{ review }}"), {}, ModelNotFound, "no-such-model"),
    "absent request": ("absent.yaml", {}, RequestError, "absent.yaml does not exist"),
    "absent source": (REVIEW, {"source": "absent.csv"}, SourceError, "absent.csv"),
    "empty source": (REVIEW, {"source": "empty.csv"}, SourceError, "empty.csv.*no rows"),
    "broken csv": (REVIEW, {"source": "broken.csv"}, SourceError, "broken.csv.*row 2"),
    "broken jsonl": (REVIEW, {"source": "broken.jsonl"}, SourceError, "broken.jsonl.*row 2"),
    "existing destination": (REVIEW, {"name": "there.csv"}, DestinationError, "there.csv"),
    "job key": (REVIEW, {"job_key": "Not A Key"}, JobKeyError, "Not A Key"),
}


@pytest.mark.parametrize(("request_", "changes", "kind", "message"), REFUSALS.values(), ids=REFUSALS)
def test_bad_input_is_refused_before_anything_is_sent(
    batch_server: BatchServer,
    tmp_path: Path,
    request_: Any,
    changes: dict[str, Any],
    kind: type[Refused],
    message: str,
) -> None:
    """One clear error; the server has seen no POST, and the job's key is free again."""
    (tmp_path / "rows.csv").write_text("same,review\na,one\na,two\n")
    (tmp_path / "empty.csv").write_text("same,review\n")
    (tmp_path / "broken.csv").write_text("same,review\na,one\nb\n")
    (tmp_path / "broken.jsonl").write_text('{"review": "one"}\n{"review": \n')
    (tmp_path / "there.csv").write_text("mine\n")
    options = dict(changes)
    source = tmp_path / options.pop("source", "rows.csv")
    with pytest.raises(kind, match=f"(?is){message}"):
        run(source, tmp_path, request_, **options)
    assert posts(batch_server) == 0
    assert not (tmp_path / "jobs" / "job").exists()
    assert (tmp_path / "there.csv").read_text() == "mine\n"


def test_a_job_key_belongs_to_one_job(batch_server: BatchServer, reviews: Path, tmp_path: Path) -> None:
    """Another source, request or destination under the same key is refused, and nothing is sent."""
    run(reviews, tmp_path)
    sent = posts(batch_server)
    other = ChatRequest(model="gpt-5-mini", prompt="Else: {{ review }}")
    for changes in ({"request": other}, {"name": "else.csv"}, {"source_digest": "2"}):
        options: dict[str, Any] = dict(changes)
        if "source_digest" in options:
            run(reviews, tmp_path, name="c.csv", job_key="digested", source_digest="1")
            options |= {"name": "c.csv", "job_key": "digested"}
            sent = posts(batch_server)
        with pytest.raises(JobKeyError, match="was used before with another"):
            run(reviews, tmp_path, **options)
    assert posts(batch_server) == sent


def test_a_refused_key_is_told_at_once(
    batch_server: BatchServer, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong key, and a server that is not there, are told before anything is built."""
    with BatchServer(key="right") as strict:
        monkeypatch.setenv("OPENAI_BASE_URL", strict.base_url)
        with pytest.raises(AccessError, match="refuses the API key"):
            run(reviews, tmp_path)
    with pytest.raises(AccessError, match="cannot be reached"):
        run(reviews, tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(AccessError, match="OPENAI_API_KEY is not set"):
        run(reviews, tmp_path)


def test_a_model_that_only_validation_refuses_costs_nothing(
    batch_server: BatchServer, reviews: Path, tmp_path: Path
) -> None:
    """OpenAI's text is the error, the input file is removed, and a corrected call may use the key."""
    request = ChatRequest(model="{{ 'no-such-model' if number else '' }}", prompt="{{ review }}")
    with pytest.raises(BatchFailed, match="no-such-model"):
        run(reviews, tmp_path, request)
    assert remote_files() == []
    assert batch_server.bill()["billed"] == 0
    assert run(reviews, tmp_path).complete


@pytest.mark.parametrize("name", ["answers.csv", "answers.jsonl"])
def test_an_existing_destination_is_replaced_on_request(
    batch_server: BatchServer, reviews: Path, tmp_path: Path, name: str
) -> None:
    """Only when asked."""
    (tmp_path / name).write_text("old")
    assert run(reviews, tmp_path, name=name, if_exists="replace").complete
    assert (tmp_path / name).read_text() != "old"


def test_results_are_on_the_server_as_json(
    batch_server: BatchServer, reviews: Path, tmp_path: Path, prefect_server: str
) -> None:
    """The flow run's result is the report, by reference; its key names the job."""
    state = openai_batch(
        FileSource(path=str(reviews)), REVIEW, storage=str(tmp_path / "jobs"), poll_seconds=0.2, return_state=True
    )
    assert state.result().complete
    flow_run = httpx.get(f"{prefect_server}/flow_runs/{state.state_details.flow_run_id}").json()
    assert flow_run["state"]["data"]["serializer"]["type"] == "json"


FRAME = pd.DataFrame(
    {
        "review": ["good", "bad", None],
        "stars": pd.array([5, 1, None], dtype="Int64"),
        "shop": pd.Categorical(["a", "b", "a"]),
        "at": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"]),
    },
    index=pd.Index(["x", "y", "z"], name="key"),
)


def test_a_frame_comes_back_with_its_index_and_dtypes(batch_server: BatchServer, tmp_path: Path) -> None:
    """Its own columns are as they were, the answers stand beside them."""
    answered = run_dataframe(FRAME, REVIEW, storage=str(tmp_path), poll_seconds=0.2)
    pd.testing.assert_frame_equal(answered[FRAME.columns], FRAME)
    assert answered["answer"].notna().all()
    assert answered["input_tokens"].dtype == "Int64"


def test_the_same_frame_again_is_not_paid_again(batch_server: BatchServer, tmp_path: Path) -> None:
    """A re-run notebook cell continues the same job; a changed frame is another job."""
    run_dataframe(FRAME, REVIEW, storage=str(tmp_path), poll_seconds=0.2)
    run_dataframe(FRAME, REVIEW, storage=str(tmp_path), poll_seconds=0.2)
    assert batch_server.bill()["billed"] == 3
    run_dataframe(FRAME.iloc[::-1], REVIEW, storage=str(tmp_path), poll_seconds=0.2)
    assert batch_server.bill()["billed"] == 6


UNKEEPABLE = [pd.DataFrame({"review": []}), pd.DataFrame({"review": [1, "a"]}), pd.DataFrame([["a"]])]


def test_a_refused_frame_is_not_taken_for_the_next_one(batch_server: BatchServer, tmp_path: Path) -> None:
    """The same key with another frame answers that frame."""
    with pytest.raises(RequestError):
        run_dataframe(FRAME, ChatRequest(model="gpt-5", prompt="{{ absent }}"), job_key="k", storage=str(tmp_path))
    other = pd.DataFrame({"review": ["one", "two"]})
    answered = run_dataframe(other, REVIEW, job_key="k", storage=str(tmp_path), poll_seconds=0.2)
    assert answered["review"].tolist() == ["one", "two"]


def test_a_folder_that_is_no_jobs_is_left_alone(batch_server: BatchServer, reviews: Path, tmp_path: Path) -> None:
    """A job key that names somebody's folder is refused, and the folder stays."""
    (tmp_path / "jobs" / "job").mkdir(parents=True)
    (tmp_path / "jobs" / "job" / "precious.txt").write_text("mine")
    with pytest.raises(JobKeyError, match=r"precious\.txt"):
        run(reviews, tmp_path)
    assert (tmp_path / "jobs" / "job" / "precious.txt").read_text() == "mine"


def test_a_source_is_never_its_own_destination(batch_server: BatchServer, reviews: Path, tmp_path: Path) -> None:
    """Else each call would find another table, and pay again."""
    with pytest.raises(DestinationError, match="is the source itself"):
        run(reviews, tmp_path, name="reviews.csv", if_exists="replace")


@pytest.mark.parametrize("frame", UNKEEPABLE, ids=["no rows", "mixed values", "a number for a name"])
def test_a_frame_that_cannot_be_kept_is_refused(
    batch_server: BatchServer, tmp_path: Path, frame: pd.DataFrame
) -> None:
    """Nothing is sent."""
    with pytest.raises(SourceError):
        run_dataframe(frame, REVIEW, storage=str(tmp_path))
    assert posts(batch_server) == 0


def test_a_failed_subflow_continues_its_job_when_the_parent_is_retried(
    reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The retry is another run of the subflow, but the same job: each row is sent once."""
    attempts: list[int] = []

    @flow(retries=1)
    def parent() -> None:
        attempts.append(len(attempts))
        openai_batch(str(reviews), REVIEW, storage=str(tmp_path / "jobs"), poll_seconds=0.2, min_answered=1.0)

    with BatchServer(answer=refuse_one) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        with pytest.raises(Exception, match="29 of 30 rows answered; asked for 100%"):
            parent()
        assert attempts == [0, 1]
        assert server.bill()["billed"] == 30


def refuse_one(body: dict[str, Any]) -> Any:
    return Reply(refusal="I cannot.") if "Review 7:" in str(body) else Reply("fine")
