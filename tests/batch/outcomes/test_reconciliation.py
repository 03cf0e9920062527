"""What came back is reconciled with what was sent: each item has one outcome, whatever the files hold."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefect_openai_batch.batch.files import output_files
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.files.input_files import items_table
from prefect_openai_batch.batch.outcomes import reconciled_batches, reconciliation
from prefect_openai_batch.batch.outcomes.outcome_files import read_outcomes, write_outcomes
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.storage.folders import Folder

from ..damaged_files import HALF, Case, Layout, Line, body_of, cases, responded

MISSING = ("missing", "missing", True)
BROKEN = ("failed", "broken_line", True)


def reconciled(
    endpoint: Endpoint, custom_ids: Sequence[str], files: Sequence[bytes], *, keep_response: bool = False
) -> list[dict[str, Any]]:
    """The outcomes as they are written, in their order."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder, str(number)) for number in range(len(files))]
        for path, content in zip(paths, files, strict=True):
            path.write_bytes(content)
        batch, items = Batch(id="batch_1", status="completed"), items_table(range(len(custom_ids)), custom_ids)
        fetched = write_outcomes(batch, endpoint, items, paths, Folder(folder), keep_response=keep_response)
        outcomes: list[dict[str, Any]] = read_outcomes(fetched).to_pylist()
    assert sum(fetched.outcomes.values()) == len(custom_ids)
    assert fetched.again == sum(outcome["again"] for outcome in outcomes)
    return outcomes


def told(outcome: dict[str, Any]) -> tuple[str, str | None, bool]:
    return outcome["outcome"], outcome["error_code"], outcome["again"]


def check(outcome: dict[str, Any], lines: list[Line]) -> None:
    """The outcome of an item is what the lines about it leave to be said."""
    whole = [line for line in lines if line.tells]
    answers = [line for line in whole if line.tells == ("succeeded", None, False)]
    if whole:
        assert told(outcome) == (answers or whole)[0].tells
    elif any(line.legible for line in lines):
        assert told(outcome) == BROKEN
    else:
        assert told(outcome) in ((MISSING, BROKEN) if lines else (MISSING,))
    assert outcome["answer"] == (answers[0].answer if answers else None)
    assert answers or outcome["error_message"]


@settings(max_examples=300)
@given(case=cases(), cut=st.tuples(st.booleans(), st.booleans()), at_once=st.sampled_from([1, 600, 250_000]))
def test_every_item_has_one_outcome_and_nothing_foreign_gets_in(
    case: Case, cut: tuple[bool, bool], at_once: int
) -> None:
    """In the order sent: the first whole answer counts, else the first whole line; what is missing is so named.

    Lines are dropped, doubled, in both files, out of order, foreign, cut off and run together, in any layout; the
    newline at a file's end may be absent, and so may a file. They are read a line at a time, or many.
    """
    contents = [b"".join(line.text for line in lines) for lines in case.files]
    ended = [
        content.removesuffix(b"\n") if without else content
        for content, without in zip(contents, cut, strict=False)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output_files, "CHUNK_BYTES", at_once)
        patch.setattr(reconciliation, "GATHERED_BYTES", at_once)
        patch.setattr(reconciled_batches, "ROW_GROUP_BYTES", at_once)
        outcomes = reconciled(case.endpoint, case.custom_ids, ended)
    assert [(outcome["row"], outcome["custom_id"]) for outcome in outcomes] == list(enumerate(case.custom_ids))
    for outcome in outcomes:
        check(outcome, [line for lines in case.files for line in lines if line.owner == outcome["custom_id"]])


SCALARS = st.none() | st.booleans() | st.integers(-3, 2**63) | st.floats(allow_nan=False, width=32)
ANY_JSON = st.recursive(
    SCALARS | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["code", "text"]), inner, max_size=2)
    ),
    max_leaves=3,
)


@st.composite
def spoiled(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value in which something, somewhere, is something else."""
    if not value or not isinstance(value, dict | list) or draw(st.integers(0, 5)) == 0:
        return draw(ANY_JSON)
    places = sorted(value) if isinstance(value, dict) else range(len(value))
    place = draw(st.sampled_from(places))
    changed = value.copy()
    changed[place] = draw(spoiled(value[place]))
    return changed


FURTHER = {
    "status": "failed",
    "error": {"code": "c", "message": "m"},
    "incomplete_details": {"reason": "r"},
    "id": "b",
}


@settings(max_examples=200)
@given(data=st.data(), endpoint=st.sampled_from(Endpoint), keep_response=st.booleans())
def test_a_line_of_any_shape_is_told_of(data: st.DataObject, endpoint: Endpoint, keep_response: bool) -> None:
    """Whatever a server puts in whatever field, its row has an outcome, and the rows beside it theirs."""
    body = data.draw(st.sampled_from([{}, FURTHER])) | body_of(endpoint, "fine")
    fields = responded(200, body)
    spoilt = data.draw(st.sampled_from(["response", "response", "error"]))
    line = {"custom_id": "a", **fields, spoilt: data.draw(spoiled(fields[spoilt]))}
    other = {"custom_id": "b", **responded(200, body_of(endpoint, "fine"))}
    content = b"".join(orjson.dumps(one) + b"\n" for one in (line, other))
    first, second = reconciled(endpoint, ["a", "b"], [content], keep_response=keep_response)
    assert first["outcome"] in ("succeeded", "failed")
    assert told(second) == ("succeeded", None, False)


@pytest.mark.parametrize(
    "number",
    ["1e999", "-1e999", "1" * 400, "1" * 5_000, "NaN", "-Infinity"],
    ids=["1e999", "-1e999", "400 digits", "5000 digits", "NaN", "-Infinity"],
)
def test_a_number_beyond_all_bounds_costs_no_answer(number: str) -> None:
    """It is read as null."""
    line = orjson.dumps({"custom_id": "a", **responded(200, body_of(Endpoint.RESPONSES, "fine", 0.5))})
    (outcome,) = reconciled(Endpoint.RESPONSES, ["a"], [line.replace(b"0.5", number.encode())])
    assert (outcome["outcome"], outcome["answer"]) == ("succeeded", "fine")


def test_a_line_nested_without_end_is_a_broken_line() -> None:
    """It does not stop the reading of the others."""
    line = b'{"id": "b", "custom_id": "a", "response": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    (outcome,) = reconciled(Endpoint.RESPONSES, ["a"], [line])
    assert told(outcome) == BROKEN


def test_of_two_lines_the_one_that_can_be_read_counts() -> None:
    """A bad request is final, though the line before it is broken."""
    bad = Layout().write("a", responded(400, {"error": {"code": "bad", "message": "Bad."}}))
    (outcome,) = reconciled(Endpoint.RESPONSES, ["a"], [bad[:-9] + b"\n" + bad])
    assert told(outcome) == ("failed", "bad", False)


def test_half_an_emoji_in_a_foreign_custom_id_makes_it_nobodys() -> None:
    """A question mark stands for it in an answer, and might be one of our own custom_ids."""
    line = Layout(ascii_only=True).write(HALF, responded(200, body_of(Endpoint.RESPONSES, "foreign")))
    (outcome,) = reconciled(Endpoint.RESPONSES, ["?"], [line])
    assert told(outcome) == MISSING


def test_items_of_many_vectors_are_written_a_few_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 250 such items, which are looked for together, memory would hold a whole batch's vectors."""
    monkeypatch.setattr(reconciled_batches, "ROW_GROUP_BYTES", 5_000)
    vectors = [{"embedding": [0.5] * 100, "index": place} for place in range(10)]
    body = {"data": vectors, "usage": {"prompt_tokens": 1}}
    names = [f"row-{number}" for number in range(60)]
    lines = [{"id": "b", "custom_id": name, "response": {"status_code": 200, "body": body}} for name in names]
    (tmp_path / "output").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in reversed(lines)))
    batch, items = Batch(id="batch_1", status="completed"), items_table(range(60), names)
    fetched = write_outcomes(batch, Endpoint.EMBEDDINGS, items, [tmp_path / "output"], Folder(str(tmp_path)))
    assert fetched.first_rows == tuple(range(0, 60, 2))  # 4,000 bytes each, and a little more
    assert [len(answer) for answer in read_outcomes(fetched)["answer"].to_pylist()] == [1_000] * 60
