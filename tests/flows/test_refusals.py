"""Batches that OpenAI's validation refuses: nothing is lost, nothing paid twice, and nothing sent in vain."""

from pathlib import Path

import openai
import pandas as pd
import pytest
from prefect_openai_batch import FileSource, RawRequest, RunOptions, collect_job, resume_job
from prefect_openai_batch.batch.errors import BatchFailed
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.files.pieces import CUT
from prefect_openai_batch.batch.outcomes.by_row.without_lines import without_line
from prefect_openai_batch.emulator import BatchFault, BatchServer, Limits, LineFault, RouteFault, Timing

from .conftest import BY_MODEL, Run, looked_at

pytestmark = pytest.mark.server


def created(server: BatchServer) -> int:
    return len(server.state()["batches"])


def take_room(words: int) -> None:
    """A batch of somebody's who does not say in it what it enqueues."""
    line = '{"custom_id":"x","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-5-mini",'
    content = f'{line}"messages":[{{"role":"user","content":"{"word " * words}"}}]}}}}\n'.encode()
    with openai.OpenAI() as client:
        file = client.files.create(file=("other.jsonl", content), purpose="batch")
        client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")


def test_a_batch_that_lacks_room_is_cut_and_goes_again(
    reviews: Path, by_model: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pieces, when another has ended; it is no round, and each item is billed once."""
    limits = Limits(enqueued_tokens={"*": 200})
    with looked_at(monkeypatch, seconds=0.5, limits=limits, timing=Timing(running=3)) as server:
        take_room(words=150)
        source = tmp_path / "few.csv"
        pd.read_csv(reviews).head(5).to_csv(source, index=False)
        report = run(source)
        assert report.complete
        assert report.rounds == 1
        mine = [batch for batch in server.state()["batches"] if batch["metadata"]]
        assert [batch["status"] for batch in mine].count("completed") > 1
        assert {batch["status"] for batch in mine} == {"completed", "failed"}
        names = [batch["metadata"]["input_file"] for batch in mine]
        assert [name for name in names if CUT not in name] == ["00000-0"]
        assert server.bill()["billed_more_than_once"] == []
        assert [one["filename"] for one in server.state()["files"] if one["purpose"] == "batch"] == ["other.jsonl"]


def test_room_that_somebody_unseen_holds_is_asked_for_by_one_file(
    reviews: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And less often each time: neither is each refused in its turn, nor all cut to crumbs."""
    limits = Limits(enqueued_tokens={"*": 200})
    with looked_at(monkeypatch, seconds=0.5, limits=limits, timing=Timing(running=15)) as server:
        take_room(words=150)
        report = run(reviews, max_poll_seconds=0.2)
        mine = [batch for batch in server.state()["batches"] if batch["metadata"]]
    assert report.complete
    refused = [batch["metadata"]["input_file"] for batch in mine if batch["status"] == "failed"]
    assert len({*refused}) <= 3, refused
    assert max(name.count(CUT) for name in refused) <= 2
    assert len(refused) <= 12


def test_an_item_over_the_limit_has_failed_and_the_others_have_answers(
    monkeypatch: pytest.MonkeyPatch, run: Run, tmp_path: Path
) -> None:
    """Its file is cut until it is alone, and it is never sent again unchanged."""
    source = tmp_path / "few.jsonl"
    texts = ["word " * 400 if number == 3 else f"Review {number}" for number in range(8)]
    pd.DataFrame({"review": texts}).to_json(source, orient="records", lines=True)
    with looked_at(monkeypatch, seconds=0.5, limits=Limits(enqueued_tokens={"*": 200})) as server:
        report = run(source)
        answers = pd.read_parquet(tmp_path / "answers.parquet")
        digests = [batch["metadata"]["input_file_sha256"] for batch in server.state()["batches"]]
    assert report.outcomes == {"succeeded": 7, "failed": 1}
    assert answers["error_code"][3] == "token_limit_exceeded"
    assert report.rounds == 1
    assert len(digests) == len(set(digests))


def test_a_limit_that_a_refusal_tells_is_kept_to(monkeypatch: pytest.MonkeyPatch, run: Run, reviews: Path) -> None:
    """Of a file's pieces later starts send as many as fit, and all of them that do."""
    limits, few = Limits(enqueued_tokens={"*": 80}), FileSource(path=str(reviews), limit=12)
    with looked_at(monkeypatch, seconds=2, limits=limits, timing=Timing(running=3000)) as server:
        for _ in range(4):
            run(few, wait="detach")
        batches = server.state()["batches"]
    tokens = [int(batch["metadata"]["enqueued_tokens"]) for batch in batches if batch["status"] != "failed"]
    assert len(batches) == len(tokens) + 1
    assert sum(tokens) <= 80 < sum(tokens) + min(tokens), tokens


def test_a_bound_on_enqueued_tokens_holds(monkeypatch: pytest.MonkeyPatch, run: Run, reviews: Path) -> None:
    """Files are cut for it and wait for room, so that OpenAI refuses none."""
    with looked_at(monkeypatch, seconds=0.5, limits=Limits(enqueued_tokens={"*": 200})) as server:
        report = run(reviews, max_enqueued_tokens=200, max_poll_seconds=0.2)
        batches = server.state()["batches"]
    assert report.complete
    assert len(batches) > 10
    assert {batch["status"] for batch in batches} == {"completed"}
    assert {batch["metadata"]["model"] for batch in batches} == {"gpt-5-mini"}


def test_without_a_process_nothing_stands_for_want_of_room(
    monkeypatch: pytest.MonkeyPatch, run: Run, reviews: Path, tmp_path: Path
) -> None:
    """A detached run sends what there is room for and ends; later ones send the rest."""
    with looked_at(monkeypatch, seconds=0.5, timing=Timing(running=20)) as server:
        first = run(reviews, max_enqueued_tokens=200, wait="detach")
        assert 0 < len(first.open_batches) < 30
        done = resume_job(
            "job", storage=str(tmp_path / "jobs"), options=RunOptions(poll_seconds=0.1, max_poll_seconds=0.2)
        )
        assert done.complete
        assert server.bill()["billed_more_than_once"] == []


def test_bad_lines_are_taken_out_and_named(batch_server: BatchServer, tmp_path: Path, run: Run) -> None:
    """The lines that validation names have failed for good, with its words; all others have their answers."""
    source = tmp_path / "rows.jsonl"
    rows = [{"review": f"Review {number}", "stream": "yes" if number % 10 == 3 else ""} for number in range(30)]
    pd.DataFrame(rows).to_json(source, orient="records", lines=True)
    messages = [{"role": "user", "content": "{{ review }}"}]
    body = {"model": "gpt-5-mini", "messages": messages, "stream": "{{ stream }}"}
    report = run(source, RawRequest(endpoint="/v1/chat/completions", body=body))  # type: ignore[call-arg]
    answers = pd.read_parquet(tmp_path / "answers.parquet")
    bad = answers["stream"] == "yes"
    assert (answers.loc[bad, "outcome"] == "failed").all()
    assert answers.loc[bad, "error_code"].tolist() == ["streaming_unsupported"] * 3
    assert answers.loc[~bad, "answer"].notna().all()
    assert (report.answered, report.rounds) == (27, 1)
    assert batch_server.bill()["billed"] == 27
    assert batch_server.state()["files"] == []


def test_a_model_that_cannot_be_batched_stops_the_job(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """What was sent before is kept, nothing more is sent, and the rows say why."""
    batch_server.fail(
        BatchFault(
            kind="fail_validation",
            batches=(2,),
            code="model_not_found",
            message="The provided model 'gpt-5-mini' is not supported by the Batch API.",
        )
    )
    report = run(by_model, BY_MODEL, in_flight=1)
    answers = pd.read_parquet(tmp_path / "answers.parquet")
    assert created(batch_server) == 2
    assert report.answered == batch_server.bill()["billed"] == 10
    assert report.stopped is not None
    assert "not supported by the Batch API" in report.stopped
    unanswered = answers[answers["answer"].isna()]
    assert set(unanswered["error_code"]) == {"model_not_found"}
    assert set(unanswered["outcome"]) == {"failed"}
    batch_server.fail()
    assert resume_job("job", storage=str(tmp_path / "jobs"), options=RunOptions(poll_seconds=0.1)).answered == 20


def test_a_file_that_validation_does_not_find_is_uploaded_anew(
    batch_server: BatchServer, reviews: Path, run: Run
) -> None:
    """A second attempt, with a file of its own; after a third that fails too its rows go again."""
    missing = "Cannot find file file-x, or organization org-x does not have access to it."
    batch_server.fail(BatchFault(kind="fail_validation", batches=(1,), code="invalid_request", message=missing))
    assert run(reviews).complete
    assert len({batch["input_file_id"] for batch in batch_server.state()["batches"]}) == 2
    assert batch_server.state()["files"] == []
    batch_server.fail(BatchFault(kind="fail_validation", code="invalid_request", message=missing))
    with pytest.raises(BatchFailed, match="Cannot find file"):
        run(reviews, job_key="other", if_exists="replace")
    assert created(batch_server) == 2 + 3 * 3


@pytest.mark.parametrize(
    "error",
    [
        {"code": "invalid_request", "message": "Cannot find file file-x."},
        {"code": "too_many_tasks", "message": "Too many batches."},
        None,
    ],
    ids=["no file", "too many", "no reason"],
)
def test_what_was_refused_in_passing_goes_again(error: dict[str, str] | None) -> None:
    """A job that is resumed once that has passed sends it, and needs no other key."""
    refused = Batch.model_validate({"id": "b", "status": "failed", "errors": [error] if error else []})
    assert without_line(refused).again
    last = Batch.model_validate({"id": "b", "status": "failed", "errors": [{"code": "mismatched_model"}]})
    assert not without_line(last).again


def test_a_used_up_quota_stops_new_rounds(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """Lines that fail for want of quota are not sent again before somebody says so."""
    batch_server.fail(LineFault(kind="error", status=429, code="insufficient_quota", pattern="Review 7:"))
    report = run(by_model, BY_MODEL)
    assert (report.answered, report.rounds) == (29, 1)
    assert report.stopped is not None
    assert "quota" in report.stopped
    batch_server.fail()
    assert resume_job("job", storage=str(tmp_path / "jobs"), options=RunOptions(poll_seconds=0.1)).complete
    assert batch_server.bill()["billed_more_than_once"] == []


def test_a_creation_refused_for_want_of_quota_keeps_what_is_open(
    batch_server: BatchServer, by_model: Path, run: Run
) -> None:
    """The batches that were created before are waited for and fetched."""
    batch_server.fail(
        RouteFault(kind="http_error", route="POST */batches", calls=(3,), status=429, code="insufficient_quota")
    )
    report = run(by_model, BY_MODEL)
    assert report.answered == 20
    assert report.stopped is not None


def test_lines_that_fail_in_passing_go_again_alone(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """Up to three rounds; a bad request does not, and each item is billed once."""
    batch_server.fail(
        LineFault(kind="error", status=429, pattern="Review 1:", times=1),
        LineFault(kind="error", status=500, pattern="Review 2:", times=2),
        LineFault(kind="error", status=503, pattern="Review 3:"),
        LineFault(kind="error", status=400, pattern="Review 4:"),
    )
    report = run(by_model, BY_MODEL)
    answers = pd.read_parquet(tmp_path / "answers.parquet")
    assert report.rounds == 3
    assert answers.loc[answers["answer"].isna(), "error_code"].tolist() == [
        "server_error",
        "context_length_exceeded",
    ]
    assert [batch.items for batch in report.batches] == [10, 10, 10, 1, 1, 1, 1, 1]
    assert batch_server.bill()["billed"] == report.answered == 28


@pytest.mark.unhurried
def test_a_batch_that_somebody_cancelled_keeps_what_it_finished(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """Its other rows say so, and go again only when the job is resumed."""
    batch_server.fail(BatchFault(kind="cancelled", batches=(1,), share=0.5))
    report = run(by_model, BY_MODEL)
    assert report.outcomes == {"cancelled": 5, "succeeded": 25}
    resumed = resume_job(
        "job", storage=str(tmp_path / "jobs"), options=RunOptions(poll_seconds=0.1, max_poll_seconds=0.2)
    )
    assert resumed.complete
    assert batch_server.bill()["billed"] == 30
    assert batch_server.bill()["billed_more_than_once"] == []


@pytest.mark.unhurried
def test_a_failed_run_names_the_batches_it_leaves_open(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """They are paid for; collecting them sends nothing more."""
    batch_server.fail(RouteFault(kind="http_error", route="POST */batches", calls=(3,), status=403))
    with pytest.raises(openai.PermissionDeniedError) as failed:
        run(by_model, BY_MODEL)
    opened = [batch["id"] for batch in batch_server.state()["batches"]]
    assert len(opened) == 2
    assert all(batch_id in failed.value.__notes__[0] for batch_id in opened)
    report = collect_job(
        "job", storage=str(tmp_path / "jobs"), options=RunOptions(poll_seconds=0.1, max_poll_seconds=0.2)
    )
    assert report.outcomes == {"cancelled": 10, "succeeded": 20}
    assert created(batch_server) == 2
    assert batch_server.state()["files"] == []
