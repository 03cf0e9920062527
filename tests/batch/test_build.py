import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch import GivenPrice
from prefect_openai_batch.batch.errors import CustomIdError, ItemTooLarge, RequestError
from prefect_openai_batch.batch.files.input_files import INPUT, InputFile, InputFileWriter
from prefect_openai_batch.batch.files.lines import Line, Lines, together
from prefect_openai_batch.batch.files.most_costs import CostBound
from prefect_openai_batch.batch.jobs.submissions import claim, has_claim
from prefect_openai_batch.batch.limits import Limits
from prefect_openai_batch.batch.requests.chat_request import ChatRequest
from prefect_openai_batch.batch.requests.embedding_request import EmbeddingRequest
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.requests.raw_request import RawRequest
from prefect_openai_batch.batch.storage.folders import Folder

from .conftest import MakeJob, built, kept

ROWS = [{"id": f"r{number}", "text": f"text {number}", "model": f"m{number % 2}"} for number in range(10)]


def content(file: InputFile) -> bytes:
    with file.files.open(INPUT) as lines:
        return lines.read()


def items(file: InputFile) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content(file).splitlines()]


def test_every_row_becomes_an_item_in_order(make_job: MakeJob) -> None:
    """The input file holds the rows' items, and items.parquet tells which row each is."""
    (file,) = built(make_job(ROWS))
    assert [item["body"]["messages"][0]["content"] for item in items(file)] == [row["text"] for row in ROWS]
    assert file.read_items()["row"].to_pylist() == list(range(10))
    assert file.read_items()["custom_id"].to_pylist() == [item["custom_id"] for item in items(file)]
    assert {(item["method"], item["url"]) for item in items(file)} == {("POST", "/v1/chat/completions")}


def test_the_same_rows_give_the_same_bytes(make_job: MakeJob) -> None:
    """Ids are made from position and content, so a rebuilt file is the same file."""
    first, second = (built(make_job(ROWS, key=key))[0] for key in ("a", "b"))
    assert content(first) == content(second)
    assert first.sha256 == second.sha256


def test_an_id_follows_what_is_sent(make_job: MakeJob) -> None:
    """Another text in the same place has another id."""
    changed = [{**ROWS[0], "text": "else"}, *ROWS[1:]]
    first, second = (built(make_job(rows, key=key))[0] for rows, key in ((ROWS, "a"), (changed, "b")))
    ids = zip(
        first.read_items()["custom_id"].to_pylist(), second.read_items()["custom_id"].to_pylist(), strict=True
    )
    assert [one == other for one, other in ids] == [False] + [True] * 9


def test_ids_may_come_from_a_column(make_job: MakeJob) -> None:
    """A chosen column's values are the custom_ids, as text."""
    (file,) = built(make_job(ROWS, ChatRequest(model="m", prompt="{{ text }}", id_column="id")))
    assert [item["custom_id"] for item in items(file)] == [row["id"] for row in ROWS]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["a", "b", "a"], "Rows 1 and 3 share the custom_id 'a'"),
        (["a", None, "c"], "Row 2 has no value in the id column 'id'"),
        (["a", "b", "é" * 300], "Row 3 has an id of 600 bytes.*at most 512"),
    ],
)
def test_a_bad_id_is_refused_by_its_row(make_job: MakeJob, ids: list[str | None], message: str) -> None:
    """Ids are checked before anything is built."""
    rows = [{"id": custom_id, "text": "x"} for custom_id in ids]
    with pytest.raises(CustomIdError, match=message):
        kept(make_job(rows, ChatRequest(model="m", prompt="{{ text }}", id_column="id")))


def test_each_model_has_files_of_its_own(make_job: MakeJob) -> None:
    """Rows that name different models go to different input files, each in order."""
    files = built(make_job(ROWS, ChatRequest(model="{{ model }}", prompt="{{ text }}")))
    assert [file.model for file in files] == ["m0", "m1"]
    assert [file.read_items()["row"].to_pylist() for file in files] == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]
    assert [{item["body"]["model"] for item in items(file)} for file in files] == [{"m0"}, {"m1"}]


@given(
    sizes=st.lists(st.integers(min_value=1, max_value=60), min_size=1, max_size=40),
    models=st.lists(st.sampled_from("ab"), min_size=40, max_size=40),
    max_items=st.integers(min_value=1, max_value=10),
    max_inputs=st.integers(min_value=3, max_value=10),
)
def test_files_are_cut_at_the_limits_and_lose_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    models: list[str],
    max_items: int,
    max_inputs: int,
) -> None:
    """However the lines fall, every file keeps each limit, holds one model, and every line is in one file."""
    limits = Limits(items=max_items, bytes=100, embedding_inputs=max_inputs)
    lines = [
        Line(row, f"i{row}", model, b"x" * (size - 1) + b"\n", inputs=1 + row % 3)
        for row, (size, model) in enumerate(zip(sizes, models, strict=False))
    ]
    folder = Folder(str(tmp_path_factory.mktemp("files")))
    files = InputFileWriter(folder, "00000", Endpoint.EMBEDDINGS, limits=limits).write(together(lines))
    by_row = {line.row: line for line in lines}
    found: list[int] = []
    for file in files:
        held = [by_row[row] for row in file.read_items()["row"].to_pylist()]
        assert content(file) == b"".join(line.content for line in held)
        assert (file.items, file.bytes) == (len(held), len(content(file)))
        assert file.items <= max_items
        assert file.bytes <= 100
        assert sum(line.inputs for line in held) <= max_inputs
        assert {line.model for line in held} == {file.model}
        assert [line.row for line in held] == sorted(line.row for line in held)
        found += [line.row for line in held]
    assert sorted(found) == list(range(len(lines)))


@given(
    limits=st.lists(st.integers(min_value=1, max_value=500), min_size=1, max_size=40),
    usd=st.integers(min_value=1, max_value=1_000),
    least=st.integers(min_value=1, max_value=5),
)
def test_a_file_that_is_bound_in_its_cost_keeps_the_bound_or_is_small(
    tmp_path_factory: pytest.TempPathFactory, limits: list[int], usd: int, least: int
) -> None:
    """Whatever each item may cost: a single one, and as many as make not too many files, always find a file."""
    bound = CostBound(Decimal(usd) / 1_000, (GivenPrice(input=1, output=1_000),), least)
    lines = [
        Line(row, f"i{row}", "m", b"x\n", 0, input_tokens=0, output_limit=limit)
        for row, limit in enumerate(limits)
    ]
    folder = Folder(str(tmp_path_factory.mktemp("files")))
    writer = InputFileWriter(folder, "00000", Endpoint.CHAT_COMPLETIONS, cost_bound=bound)
    files = writer.write(together(lines))
    assert sum(file.items for file in files) == len(lines)
    for file, following in zip(files, [*files[1:], None], strict=True):
        cost = sum(limits[file.first_row : file.last_row + 1])
        assert cost <= usd or file.items <= least
        if following is not None:
            assert file.items >= least
            assert cost + limits[following.first_row] > usd, "no file is smaller than it must be"


def test_an_item_that_no_file_can_hold_is_refused_by_its_row(make_job: MakeJob) -> None:
    """Nothing of it counts as built, and the message says what to do."""
    job = make_job([{"text": "short"}, {"text": "x" * 500}])
    with pytest.raises(ItemTooLarge, match="Row 2 makes an item of .* bytes; an input file may hold 300"):
        built(job, bytes=300)
    assert job.input_files() == []


def test_a_column_that_names_no_models_is_refused(make_job: MakeJob) -> None:
    """Each model has a batch of its own, so ever more of them are hardly meant; nothing counts as built."""
    job = make_job(ROWS, ChatRequest(model="{{ id }}", prompt="{{ text }}"))
    with pytest.raises(RequestError, match="Row 4 names the model 'r3', after 3 others.*split the table"):
        built(job, models=3)
    assert job.input_files() == []


def test_full_files_of_few_models_are_not_too_many(make_job: MakeJob) -> None:
    """The bound is on models, not on their files."""
    request = ChatRequest(model="{{ model }}", prompt="{{ text }}")
    assert len(built(make_job(ROWS, request), items=1, models=2)) == len(ROWS)


def lines_until(failing: int) -> Iterator[Lines]:
    """Lines of which one cannot be had: the store is away for a moment."""
    for row in range(5):
        if row == failing:
            raise OSError("away")
        yield from together([Line(row, f"i{row}", "m", b"{}\n", inputs=0)])


def test_a_build_that_fails_leaves_no_half_file(tmp_path: Path) -> None:
    """Nor does it take away what another process has built and sent meanwhile."""
    writer = InputFileWriter(Folder(str(tmp_path)), "00000", Endpoint.RESPONSES)
    with pytest.raises(OSError, match="away"):
        writer.write(lines_until(failing=3))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    (file,) = InputFileWriter(Folder(str(tmp_path)), "00000", Endpoint.RESPONSES).write(lines_until(failing=9))
    claim(file, 1, datetime.now(UTC))
    with pytest.raises(OSError, match="away"):
        InputFileWriter(Folder(str(tmp_path)), "00000", Endpoint.RESPONSES).write(lines_until(failing=3))
    assert (has_claim(file), len(file.read_items())) == (True, 5)


def test_too_many_inputs_in_one_item_are_refused(make_job: MakeJob) -> None:
    """An embeddings body may hold a list of inputs, but no more than a batch may."""
    job = make_job(
        [{"body": {"model": "m", "input": ["a", "b", "c"]}}],
        RawRequest(endpoint=Endpoint.EMBEDDINGS, body_column="body"),  # type: ignore[call-arg]
    )
    with pytest.raises(ItemTooLarge, match="Row 1 holds 3 embedding inputs"):
        built(job, embedding_inputs=2)


@pytest.mark.parametrize(
    ("rows", "request_", "message"),
    [
        (
            [{"text": "a", "model": ""}],
            ChatRequest(model="{{ model }}", prompt="{{ text }}"),
            "Row 1 names no model",
        ),
        ([{"text": 1}, {"text": 0}], ChatRequest(model="m", prompt="{{ 1 / text }}"), "Row 2: .*division"),
        (
            [{"text": "a"}],
            ChatRequest(model="m", function=f"{__name__}:unsendable"),
            "Row 1 cannot be sent as JSON",
        ),
        (
            [{"text": "a"}],
            ChatRequest(model="m", function=f"{__name__}:no_number"),
            "Row 1 cannot be sent as JSON: a number in it is nan",
        ),
        (
            [{"text": "a"}],
            ChatRequest(model="m", function=f"{__name__}:no_numbers"),
            "Row 1 cannot be sent as JSON: a number in it is -inf",
        ),
    ],
    ids=["no model", "a template that fails", "an object", "NaN", "infinity in an array"],
)
def test_a_row_that_makes_no_item_is_refused(
    make_job: MakeJob, rows: list[dict[str, Any]], request_: ChatRequest, message: str
) -> None:
    """The message begins with the row."""
    with pytest.raises(RequestError, match=message):
        built(make_job(rows, request_))


def unsendable(row: object) -> dict[str, object]:
    """A function that returns what JSON cannot say."""
    return {"messages": {object()}}


def no_number(row: object) -> dict[str, object]:
    """A function that returns what would be sent as null."""
    return {"messages": [], "user": None, "temperature": nan}


def no_numbers(row: object) -> dict[str, object]:
    """One within an array."""
    return {"messages": [], "metadata": {"scores": np.array([1, -inf], np.float32)}}


def test_a_constant_prompt_sends_every_row(make_job: MakeJob) -> None:
    """A request that reads no column still makes an item of each row."""
    (file,) = built(make_job(ROWS, ChatRequest(model="m", prompt="Hello.", constant_prompt=True)))
    assert file.items == len(ROWS)


def test_embeddings_are_counted_by_their_inputs(make_job: MakeJob) -> None:
    """Files of embeddings are cut by inputs as well as by items."""
    files = built(make_job(ROWS, EmbeddingRequest(model="m", input="{{ text }}")), embedding_inputs=4)
    assert [file.items for file in files] == [4, 4, 2]
