"""Vectors that come as numbers are read apart from their lines, and say what they say within them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.outcomes.quick import number_lists
from prefect_openai_batch.batch.outcomes.quick.number_lists import PLACE, NumberLists
from prefect_openai_batch.batch.outcomes.quick.quick_lines import ANSWER, QuickLines
from prefect_openai_batch.batch.requests.endpoints import Endpoint

from .near_lines import BODIES, LISTED, PACKED, usual
from .test_outcomes import USAGE

NUMBERS = st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1))


def line_of(*data: object, **more: object) -> bytes:
    """A line of vectors, in JSON's shortest form or its longer one."""
    said = usual(Endpoint.EMBEDDINGS, {"model": "m", "data": data, "usage": USAGE, **more})
    return json.dumps(said).encode() + b"\n"


@given(NUMBERS)
def test_numbers_become_the_float32_next_to_them(numbers: list[float]) -> None:
    """Also integers, and numbers beyond a float32, which are infinite."""
    with np.errstate(over="ignore"):
        wanted = np.array(numbers, np.float64).astype(np.float32).tobytes()
    assert NumberLists().read([memoryview(json.dumps(numbers).encode())] * 2) == [wanted] * 2


@pytest.mark.parametrize(
    "text", ["[1, true]", "[null]", '["1"]', "[[1]", "[01]", "[1,]", "[NaN]", "[1e999]", "[1"]
)
def test_what_is_no_list_of_numbers_is_refused(text: str) -> None:
    """It is then read with its line, by which it is told."""
    with pytest.raises(ValueError, match=r"\w"):
        NumberLists().read([memoryview(text.encode())])


def test_lists_are_taken_out_of_all_lines() -> None:
    """In either form of JSON; what is left is short."""
    short = json.dumps(usual(Endpoint.EMBEDDINGS, BODIES[Endpoint.EMBEDDINGS][1]), separators=(",", ":")).encode()
    left, lists = NumberLists().take_out(line_of(LISTED) + short)
    assert [json.loads(bytes(one)) for one in lists] == [LISTED["embedding"]] * 2
    assert b"[0.5" not in left


@pytest.mark.parametrize(
    "chunk",
    [
        line_of(LISTED) + line_of(PACKED),
        line_of(LISTED, other={"embedding": [7]}),
        line_of(PACKED, other={"embedding": [7]}),
        line_of(LISTED, other={"embedding": [7]}) + line_of(PACKED),
        line_of(LISTED | {"embedding": [[1], [2]]}),
    ],
    ids=["both forms", "another list", "a list elsewhere", "two in one and none in the next", "lists of lists"],
)
def test_where_not_each_line_has_one_list_none_is_put_elsewhere(chunk: bytes) -> None:
    """Lines are then read one by one, or by `read_outcome`."""
    quick = QuickLines(Endpoint.EMBEDDINGS)
    for line, told in zip(chunk.splitlines(), quick.read(chunk) or [], strict=False):
        assert quick.read_line(line) in (None, told)
        assert told[ANSWER] != PLACE


def test_without_their_reader_numbers_are_read_with_their_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a Python that it has no wheel for."""
    chunk = line_of(LISTED) * 2
    told = QuickLines(Endpoint.EMBEDDINGS).read(chunk)
    monkeypatch.setattr(number_lists, "Parser", None)
    assert told is not None
    assert QuickLines(Endpoint.EMBEDDINGS).read(chunk) == told
    assert QuickLines(Endpoint.EMBEDDINGS).read(line_of(LISTED | {"embedding": []})) is None


def test_after_what_is_no_list_of_numbers_the_next_is_read() -> None:
    """Nothing of the one is held while the other is read."""
    quick = QuickLines(Endpoint.EMBEDDINGS)
    for odd in (["a"], [True], [[1]], [1e39]):
        quick.read(line_of(LISTED) + line_of(LISTED | {"embedding": odd}))
        assert quick.read(line_of(LISTED) * 2) is not None
