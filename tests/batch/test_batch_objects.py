"""Batch objects as other servers send them: whatever stands in a field, reading gives a batch."""

from typing import Any

import openai.types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.files.batches import (
    Batch,
    BatchError,
    RequestCounts,
    describe_progress,
    read_batch,
    read_errors,
)
from prefect_openai_batch.batch.files.identity import metadata_of_attempt, one_each, place_of, with_tokens
from prefect_openai_batch.batch.files.items_by_hand import write_items
from prefect_openai_batch.batch.requests.chat_request import ChatRequest
from prefect_openai_batch.batch.temporary_folders import temporary_folder

WELL = {
    "id": "batch_1",
    "status": "completed",
    "output_file_id": "file-1",
    "created_at": 1_700_000_000,
    "request_counts": {"total": 2, "completed": 1, "failed": 1},
    "errors": {"object": "list", "data": [{"code": "c", "message": "m", "param": None, "line": 3}]},
    "metadata": {"job": "j"},
}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def fields_of(model: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(sorted(model.model_fields)), anything)


shaped = st.fixed_dictionaries(
    {},
    optional={
        "request_counts": fields_of(RequestCounts),
        "errors": st.lists(fields_of(BatchError)).flatmap(lambda found: st.sampled_from([found, {"data": found}])),
        "metadata": st.dictionaries(st.text(), anything),
    },
)


@given(changes=fields_of(Batch), nested=shaped)
def test_whatever_stands_in_a_field_is_read(changes: dict[str, Any], nested: dict[str, Any]) -> None:
    """By itself and through the SDK; the batch can be asked, told of and kept."""
    found = {**WELL, **changes, **nested}
    batch = read_batch(found)
    assert isinstance(read_batch(openai.types.Batch.construct(**found)), Batch)
    assert Batch.model_validate_json(batch.model_dump_json()) == batch
    assert isinstance(batch.has_ended(1_800_000_000), bool)
    assert describe_progress([batch])
    assert batch.why_failed
    assert all(error.line is None or error.line > 0 for error in batch.errors)
    assert isinstance(read_errors(openai.types.Batch.construct(**found)), list)


UNDERSTOOD: list[tuple[str, Any, Any]] = [
    ("output_file_id", 17, "17"),
    ("output_file_id", "", None),
    ("output_file_id", {"id": "file-1"}, None),
    ("created_at", float("inf"), None),
    ("created_at", float("nan"), None),
    ("created_at", 1e300, None),
    ("created_at", -1, None),
    ("created_at", True, None),
    ("created_at", "1700000000.5", 1_700_000_000),
    ("created_at", "2023-11-14T22:13:20Z", 1_700_000_000),
    ("created_at", [], None),
    ("request_counts", [2], RequestCounts()),
    ("request_counts", {"total": 2.5, "completed": "1", "failed": float("nan")}, {"total": 2, "completed": 1}),
    ("request_counts", {"total": -1, "completed": True, "failed": {}}, RequestCounts()),
    ("errors", [{"line": "", "message": "m"}, {"line": "3"}, {"line": 2.0}, {"line": 0, "code": "c"}, None],
     [{"message": "m"}, {"line": 3}, {"line": 2}, {"code": "c"}]),
    ("errors", {"message": "m", "line": 7}, [{"message": "m", "line": 7}]),
    ("errors", "m", [{"message": "m"}]),
    ("errors", {}, []),
    ("status", "Canceled", "cancelled"),
    ("metadata", {"a": "\ud83d", "b": 1}, {"a": "?"}),
    ("model", "\ud83d", "?"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "sent", "read"),
    UNDERSTOOD,
    ids=[f"{field} {number}" for number, (field, _, _) in enumerate(UNDERSTOOD, 1)],
)
def test_other_servers_words_are_understood(field: str, sent: Any, read: Any) -> None:
    """What can be meant is read as it is meant, and the rest as nothing."""
    assert getattr(read_batch({**WELL, field: sent}), field) == getattr(Batch.model_validate({field: read}), field)


TEXTS = {
    "Enqueued token limit reached for gpt-4o.": "token_limit_exceeded",
    "You exceeded your current quota, please check your plan.": "insufficient_quota",
    "model_not_found: no such deployment": "model_not_found",
    "The batch is no good.": None,
}


@pytest.mark.parametrize(("text", "code"), TEXTS.items(), ids=["room", "quota", "model", "no code"])
def test_an_error_that_is_a_text_has_the_code_that_it_names(text: str, code: str | None) -> None:
    """So that what is to be done about it is done; one with a code keeps it."""
    found = read_batch({**WELL, "errors": [text, {"message": text, "code": "own"}]}).errors
    assert [error.code for error in found] == [code, "own"]


def test_a_batch_as_openai_sends_it_is_read_whole() -> None:
    """Nothing that is well said is lost."""
    batch = read_batch(WELL)
    assert batch.request_counts == RequestCounts(total=2, completed=1, failed=1)
    assert batch.errors == (BatchError(code="c", message="m", line=3),)
    assert (batch.created_at, batch.metadata, batch.file_ids) == (1_700_000_000, {"job": "j"}, ("file-1",))


def test_input_files_stand_in_the_order_of_their_numbers() -> None:
    """The tenth of a selection comes behind the second, and pieces behind their whole."""
    names = ["00000-1", "00000-2", "00000-2-cut2-0", "00000-2-cut2-1", "00000-10", "00001-0"]
    found = [Batch(id=name, status="completed", metadata={"input_file": name}) for name in sorted(names)]
    assert [batch.id for batch in one_each(found)] == sorted(names, key=place_of) == names


def test_what_is_attached_by_hand_stays() -> None:
    """Also under a name that we would use."""
    file = write_items(ChatRequest(model="gpt-5-mini", prompt="x").item("a"), temporary_folder())
    by_hand = {"model": "my own tag", "attempt": "nightly", "enqueued_tokens": "7"}
    assert metadata_of_attempt(with_tokens(by_hand, file), 1) == by_hand
