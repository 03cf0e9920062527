"""Items made by hand: what is written, and what no job would send is refused."""

from dataclasses import dataclass
from enum import Enum
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from prefect_openai_batch.batch.errors import CustomIdError, RequestError
from prefect_openai_batch.batch.files.items_by_hand import write_items
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.requests.items import BatchItem
from prefect_openai_batch.batch.storage.folders import Folder

from ..test_build import content


def item(custom_id: str, **changes: Any) -> BatchItem:
    return BatchItem.model_validate(
        {"custom_id": custom_id, "url": Endpoint.RESPONSES, "body": {"model": "m", "input": "x"}} | changes
    )


def test_items_by_hand_make_one_file(tmp_path: Path) -> None:
    """The lines are the items' own."""
    made = [item("a"), item("b")]
    file = write_items(made, Folder(str(tmp_path)))
    assert content(file) == b"".join(one.line() for one in made)


def test_a_single_item_by_hand_needs_no_list(tmp_path: Path) -> None:
    """It makes a file of one line."""
    assert content(write_items(item("a"), Folder(str(tmp_path)))) == item("a").line()


def test_an_item_by_hand_that_json_cannot_say_is_refused(tmp_path: Path) -> None:
    """By its place."""
    with pytest.raises(RequestError, match="Row 1 cannot be sent as JSON"):
        write_items(item("a", body={"model": "m", "input": object()}), Folder(str(tmp_path)))


@pytest.mark.parametrize(
    "made",
    [
        [],
        [item("a"), item("b", url=Endpoint.CHAT_COMPLETIONS)],
        [item("a"), item("b", body={"model": "n", "input": "x"})],
    ],
)
def test_items_by_hand_that_do_not_fit_together_are_refused(tmp_path: Path, made: list[BatchItem]) -> None:
    """At least one item, and all of one endpoint and one model."""
    with pytest.raises(RequestError, match="one endpoint and one model"):
        write_items(made, Folder(str(tmp_path)))


def test_items_by_hand_that_share_an_id_are_refused_by_it(tmp_path: Path) -> None:
    """The details name their places."""
    with pytest.raises(CustomIdError, match="2 of the items share the custom_id 'a'") as refused:
        write_items([item("b"), item("a"), item("a")], Folder(str(tmp_path)))
    assert refused.value.details == {"custom_id": "a", "rows": (1, 2)}


@dataclass(slots=True)
class Score:
    """An object that JSON can say, but for a number that is none."""

    of: str
    value: float


class Bound(Enum):
    """A number that is none, by its name."""

    NONE = inf


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"messages": []}, "The item 'b' names no model"),
        ({"model": ""}, "The item 'b' names no model"),
        ({"model": 3}, "The item 'b' names no model"),
        ({"model": ["m"]}, "The item 'b' names no model"),
        ({"model": "m", "stream": True}, "The item 'b' asks for a stream: batches do not stream"),
        ({"model": "m", "seed": 2**70}, "Row 2 cannot be sent as JSON"),
        ({"model": "m", "input": ["null", {"x": [nan]}]}, "Row 2 cannot be sent as JSON: a number in it is nan"),
        ({"model": "m", "input": [Score("a", 1.0), Score("b", nan)]}, "a number in it is nan"),
        ({"model": "m", "input": {"most": Bound.NONE}}, "a number in it is inf"),
    ],
    ids=[
        *("no model", "an empty one", "a number", "a list", "a stream", "a long integer", "no number"),
        *("no number in a dataclass", "no number by its name"),
    ],
)
def test_what_no_job_would_send_is_refused(tmp_path: Path, body: dict[str, Any], said: str) -> None:
    """The item is named."""
    with pytest.raises(RequestError, match=said) as refused:
        write_items([item("a"), item("b", body=body)], Folder(str(tmp_path)))
    assert refused.value.details["row"] == 1


def test_a_null_by_hand_is_sent(tmp_path: Path) -> None:
    """It is none of a number that is none."""
    made = item("a", body={"model": "m", "input": "x", "user": None, "top_p": 0.5, "tools": [None, {"a": 1}]})
    assert content(write_items(made, Folder(str(tmp_path)))) == made.line()


@pytest.mark.parametrize("letter", ["x", "ä"], ids=["a byte each", "two bytes each"])
def test_a_long_custom_id_is_refused(tmp_path: Path, letter: str) -> None:
    """As that of a column is, by its bytes."""
    most = 512 // len(letter.encode())
    assert write_items(item(letter * most), Folder(str(tmp_path))).items == 1
    size = (most + 1) * len(letter.encode())
    with pytest.raises(CustomIdError, match=f"has a custom_id of {size} bytes; at most 512"):
        write_items([item("a"), item(letter * (most + 1))], Folder(str(tmp_path)))
