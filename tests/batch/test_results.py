"""From downloaded files to the results: every row accounted for, in input order."""

import random
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.files.batches import read_batch
from prefect_openai_batch.batch.files.input_files import InputFile, items_table
from prefect_openai_batch.batch.jobs.job import Job
from prefect_openai_batch.batch.jobs.report import JobReport
from prefect_openai_batch.batch.jobs.results import FIXED_SIZE_HOLDS_NULLS, write_job_results
from prefect_openai_batch.batch.jobs.rounds import plan_round
from prefect_openai_batch.batch.outcomes.outcome_files import FetchedOutput, write_outcomes
from prefect_openai_batch.batch.requests.chat_request import ChatRequest
from prefect_openai_batch.batch.requests.embedding_request import EmbeddingRequest
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.requests.request import Request
from prefect_openai_batch.batch.storage.folders import Folder

from .conftest import MakeJob, answered, built, kept


def embedded(custom_id: str, vector: list[float]) -> bytes:
    body = {"data": [{"index": 0, "embedding": vector}], "usage": {"prompt_tokens": 3}}
    response = {"status_code": 200, "request_id": "r", "body": body}
    return orjson.dumps({"id": "b", "custom_id": custom_id, "response": response, "error": None}) + b"\n"


def fetch(
    file: InputFile, lines: list[bytes], tmp_path: Path, status: str = "completed", **fields: Any
) -> FetchedOutput:
    """Fetch an input file's outcomes from lines that need no server."""
    path = tmp_path / f"{file.round}-{file.name}.jsonl"
    path.write_bytes(b"".join(lines))
    batch = read_batch({"id": f"batch_{file.round}_{file.name}", "status": status, **fields})
    output = write_outcomes(batch, file.endpoint, file.read_items(), [path], file.files)
    file.files.write("fetched.json", output)
    return output


def ids(file: InputFile) -> list[str]:
    custom_ids: list[str] = file.read_items()["custom_id"].to_pylist()
    return custom_ids


def finished(job: Job, tmp_path: Path) -> tuple[JobReport, pa.Table]:
    """A job whose every item is answered by its own id, out of order; its report and results."""
    for file in built(job):
        lines = [answered(custom_id, f"to {custom_id}") for custom_id in ids(file)]
        random.Random(1).shuffle(lines)
        fetch(file, lines, tmp_path)
    report = write_job_results(job, kept(job))
    return report, pq.read_table(job.destination)


ROWS = [{"text": f"text {number}", "model": f"m{number % 3}", "n": number} for number in range(20)]


@pytest.mark.parametrize(
    "request_",
    [
        ChatRequest(model="m", prompt="{{ text }}"),
        ChatRequest(model="{{ model }}", prompt="{{ text }}"),
    ],
)
def test_results_are_the_input_in_order_and_the_answers(
    make_job: MakeJob, tmp_path: Path, request_: Request
) -> None:
    """Also where the rows of one part went to several batches."""
    report, table = finished(make_job(ROWS, request_), tmp_path)
    assert table.select(["text", "model", "n"]).to_pylist() == ROWS
    assert table["answer"].to_pylist() == [f"to {custom_id}" for custom_id in table["custom_id"].to_pylist()]
    assert table.column_names[3:] == [
        "custom_id", "outcome", "answer", "finish_reason", "error_code", "error_message", "openai_model",
        "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
        "batch_id", "request_id",
    ]  # fmt: skip
    assert (report.rows, report.answered, report.outcomes) == (20, 20, {"succeeded": 20})
    assert (report.tokens.input_tokens, report.tokens.output_tokens) == (60, 40)
    assert report.complete


def test_a_column_of_the_same_name_keeps_its_name(make_job: MakeJob, tmp_path: Path) -> None:
    """The result's column gives way."""
    _, table = finished(make_job([{"text": "a", "answer": "mine"}]), tmp_path)
    assert table["answer"].to_pylist() == ["mine"]
    assert table["openai_answer"].to_pylist() == [f"to {table['custom_id'][0].as_py()}"]


def test_a_row_in_no_file_is_named_missing(make_job: MakeJob, tmp_path: Path) -> None:
    """Items whose lines never came, and rows whose batch never was, have their reason."""
    job = make_job(ROWS, ChatRequest(model="{{ model }}", prompt="{{ text }}"))
    first, second, _ = built(job)
    fetch(first, [answered(custom_id, "x") for custom_id in ids(first)], tmp_path)
    fetch(second, [], tmp_path)
    report = write_job_results(job, kept(job))
    table = pq.read_table(job.destination)
    assert report.outcomes == {"missing": 13, "succeeded": 7}
    reasons = set(table.filter(pa.compute.equal(table["outcome"], "missing"))["error_message"].to_pylist())
    assert reasons == {
        "The item is in neither the output file nor the error file of its batch.",
        "The row was in no batch that has ended.",
    }
    assert not report.complete


def test_a_batch_that_failed_at_validation_fails_its_rows(make_job: MakeJob, tmp_path: Path) -> None:
    """OpenAI's own words are the rows' reason."""
    job = make_job(ROWS)
    (file,) = built(job)
    error = {"code": "model_not_found", "message": "No such model.", "param": "body.model", "line": 1}
    output = fetch(file, [], tmp_path, status="failed", errors={"object": "list", "data": [error]})
    write_job_results(job, kept(job))
    table = pq.read_table(job.destination)
    assert set(
        zip(
            table["outcome"].to_pylist(),
            table["error_code"].to_pylist(),
            table["error_message"].to_pylist(),
            strict=True,
        )
    ) == {("failed", "model_not_found", "No such model.")}
    assert output.again == 0


def test_vectors_are_a_fixed_size_list_with_nulls(make_job: MakeJob, tmp_path: Path) -> None:
    """A row without its vector is null among those that have theirs; an older pyarrow has lists of any length."""
    job = make_job(ROWS[:3], EmbeddingRequest(model="m", input="{{ text }}"))
    (file,) = built(job)
    one, _, three = ids(file)
    fetch(file, [embedded(three, [5, 6]), embedded(one, [1, 2])], tmp_path)
    write_job_results(job, kept(job))
    answers = pq.read_table(job.destination)["answer"]
    assert answers.type == pa.list_(pa.float32(), 2 if FIXED_SIZE_HOLDS_NULLS else -1)
    assert answers.to_pylist() == [[1, 2], None, [5, 6]]


def test_vectors_of_several_lengths_stay_lists(make_job: MakeJob, tmp_path: Path) -> None:
    """Models of different dimensions in one job give lists of any length."""
    job = make_job(ROWS[:2], EmbeddingRequest(model="m", input="{{ text }}"))
    (file,) = built(job)
    fetch(
        file,
        [embedded(custom_id, [1.0] * (place + 1)) for place, custom_id in enumerate(ids(file))],
        tmp_path,
    )
    write_job_results(job, kept(job))
    assert pq.read_table(job.destination)["answer"].to_pylist() == [[1], [1, 1]]


@pytest.mark.parametrize("name", ["answers.csv", "answers.jsonl", "answers.parquet", None])
def test_results_go_to_any_format(make_job: MakeJob, tmp_path: Path, name: str | None) -> None:
    """CSV, JSONL and Parquet; without a destination, Parquet in the job folder."""
    job = make_job(ROWS[:2], destination=name)
    (file,) = built(job)
    fetch(file, [answered(custom_id, "fine") for custom_id in ids(file)], tmp_path)
    report = write_job_results(job, kept(job))
    content = Path(report.destination).read_bytes()
    assert content.count(b"fine") >= 1
    assert Path(report.destination).name == (name or "results.parquet")


def test_a_later_round_takes_the_rows_worth_a_try_and_the_latest_outcome_counts(
    make_job: MakeJob, tmp_path: Path
) -> None:
    """A row that failed in passing goes again under the same id; a bad request and an answer do not."""
    job = make_job(ROWS[:4])
    (file,) = built(job)
    custom_ids = ids(file)
    statuses = [200, 429, 400, 500]
    fetch(
        file,
        [answered(one, f"first {status}", status) for one, status in zip(custom_ids, statuses, strict=True)],
        tmp_path,
    )
    (selection,) = plan_round(job, 2)
    assert plan_round(job, 2) == (selection,)
    from prefect_openai_batch.batch.jobs.building import build_selection

    (again,) = build_selection(job, selection)
    assert again.read_items()["row"].to_pylist() == [1, 3]
    assert ids(again) == [custom_ids[1], custom_ids[3]]
    fetch(again, [answered(ids(again)[1], "second")], tmp_path)
    report = write_job_results(job, kept(job))
    table = pq.read_table(job.destination)
    assert table["outcome"].to_pylist() == ["succeeded", "missing", "failed", "succeeded"]
    assert table["answer"].to_pylist() == ["first 200", None, None, "second"]
    assert report.rounds == 2
    assert [selection.rows for selection in plan_round(job, 3)] == [1]


names = st.text(max_size=8).filter(bool)
damage = st.sampled_from(["output", "error", "twice", "drop", "cut", "both", "status 0"])

NOISE = (b"\n", b"{}\n", b"[1]\n", b"not json\n", b'{"custom_id": [3]}\n')
"""Lines that tell of nothing that was sent; a number would: some servers make one of what looks like one."""


@given(
    sent=st.lists(names, min_size=1, max_size=12, unique=True),
    fates=st.lists(damage, min_size=12, max_size=12),
    foreign=st.lists(names, max_size=3),
    noise=st.lists(st.sampled_from(NOISE), max_size=3),
    order=st.randoms(use_true_random=False),
)
def test_every_item_has_exactly_one_outcome(
    tmp_path_factory: pytest.TempPathFactory,
    sent: list[str],
    fates: list[str],
    foreign: list[str],
    noise: list[bytes],
    order: random.Random,
) -> None:
    """Whatever is lost, doubled, cut or foreign: what was sent is what is told of, in the order it was sent."""
    output, error = list(noise), []
    for custom_id, fate in zip(sent, fates, strict=False):
        good, bad = answered(custom_id, "good"), answered(custom_id, "bad", 400)
        output += {"output": [good], "twice": [good, good], "both": [good], "cut": [good[:-9] + b"\n"]}.get(
            fate, []
        )
        error += {"error": [bad], "both": [bad], "status 0": [answered(custom_id, "zero", 0)]}.get(fate, [])
    output += [answered(custom_id, "foreign") for custom_id in foreign if custom_id not in sent]
    order.shuffle(output)
    folder = tmp_path_factory.mktemp("outcomes")
    paths = [folder / "output", folder / "error"]
    for path, lines in zip(paths, (output, error), strict=True):
        path.write_bytes(b"".join(lines))
    batch = read_batch({"id": "b", "status": "completed"})
    items = items_table(range(len(sent)), sent)
    found = write_outcomes(batch, Endpoint.CHAT_COMPLETIONS, items, paths, Folder(str(folder)))
    frame = found.frame()
    assert frame["custom_id"].tolist() == sent
    assert sum(found.outcomes.values()) == len(sent)
    for fate, outcome, answer in zip(fates, frame["outcome"], frame["answer"], strict=False):
        expected = {"output": "succeeded", "twice": "succeeded", "both": "succeeded", "drop": "missing"}
        if fate == "cut":
            assert outcome in ("missing", "failed")
        else:
            assert outcome == expected.get(fate, "failed")
        assert (answer == "good") == (outcome == "succeeded")
