"""The flow in this process: a real Prefect server, our Batch API server over HTTP, real files."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import openai
import pandas as pd
import pytest
from prefect_openai_batch import (
    ChatRequest,
    EmbeddingRequest,
    JobReport,
    RawRequest,
    ResponsesRequest,
    openai_batch,
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
from prefect_openai_batch.emulator import BatchServer, RouteFault, Timing

from .conftest import looked_at, with_options

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]

REVIEW = ChatRequest(model="gpt-5-mini", prompt="Positive or negative? {{ review }}")


def run(
    source: Path, tmp_path: Path, request: Any = REVIEW, name: str = "answers.parquet", **options: Any
) -> JobReport:
    options = {"job_key": "job", "storage": str(tmp_path / "jobs"), "poll_seconds": 0.2, **options}
    report: JobReport = openai_batch(str(source), request, str(tmp_path / name), **with_options(options))
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


@pytest.mark.unhurried
def test_many_batches_are_looked_at_in_one_listing(batch_server: BatchServer, tmp_path: Path) -> None:
    """More than a few open batches are read from the listing, 100 a call."""
    source = tmp_path / "rows.jsonl"
    models = ["gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "o3"]
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
    batch_server.fail(RouteFault(kind="http_error", route="DELETE *", status=401))
    with pytest.raises(openai.AuthenticationError):
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


def test_batches_in_flight_are_bounded_and_refilled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With one in flight at a time, each batch is created after the one before has ended."""
    source = tmp_path / "rows.jsonl"
    frame = pd.DataFrame({"model": ["gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-5"], "review": list("abcd")})
    frame.to_json(source, orient="records", lines=True)
    request = ChatRequest(model="{{ model }}", prompt="{{ review }}")
    with looked_at(monkeypatch, seconds=20, timing=Timing(running=30)) as server:
        report = run(source, tmp_path, request, in_flight=1)
        batches = sorted(server.state()["batches"], key=lambda batch: batch["created_at"])
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
    "empty source": (REVIEW, {"source": "empty.csv"}, SourceError, "empty.csv.*no header"),
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
    (tmp_path / "empty.csv").write_text("")
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


@pytest.mark.parametrize(
    "said",
    [
        {"message": "You have insufficient permissions for this operation. Missing scopes: api.model.read."},
        {"message": "You have insufficient permissions.", "code": "missing_scope"},
    ],
    ids=["by its text", "by its code"],
)
def test_a_key_that_may_not_ask_for_models_is_no_wrong_key(
    batch_server: BatchServer, reviews: Path, tmp_path: Path, said: dict[str, str]
) -> None:
    """OpenAI answers 401 for that as well; the batch is what counts."""
    batch_server.fail(RouteFault(kind="http_error", route="GET */models*", status=401, **said))
    assert run(reviews, tmp_path).complete


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
