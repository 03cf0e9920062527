"""A day, a moment, a time of day, a duration has one text: whatever stands beside it, in whichever unit."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.errors import RequestError
from prefect_openai_batch.batch.files.template_lines import template_lines
from prefect_openai_batch.batch.requests.chat_request import ChatRequest
from prefect_openai_batch.batch.requests.templates import compile_template
from prefect_openai_batch.batch.tables.json_values import json_values, row_values
from prefect_openai_batch.batch.tables.row_groups import RowGroup
from prefect_openai_batch.batch.tables.value_texts import text

UNITS = ("s", "ms", "us", "ns")
ZONES = (None, "UTC", "Europe/Berlin", "America/New_York", "+01:00", "Z")
KINDS = [
    pa.date32(),
    pa.date64(),
    *(pa.timestamp(unit, zone) for unit in UNITS for zone in ZONES),
    *map(pa.duration, UNITS),
]
A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
LAST_SECOND = 253402300799
"""That of the year 9999 in UTC: valid to the end of time."""

ISO = re.compile(r"-?\d{4,}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{6}(\d{3})?)?([+-]\d\d:\d\d(:\d\d)?)?)?")
DURATION = re.compile(r"(-?\d+ days?, )?\d{1,2}:\d\d:\d\d(\.\d{6}(\d{3})?)?")


def column_of(kind: pa.DataType, integers: list[int | None]) -> pa.Array:
    """Values by what Arrow keeps of them."""
    return pa.array(integers, pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)


@st.composite
def columns(draw: st.DrawFn) -> pa.Array:
    """Of days, moments, durations: near, and as far as the type goes (but the least, pandas' null)."""
    kind = draw(st.sampled_from(KINDS))
    most = 2 ** (kind.bit_width - 1) - 1
    integers = st.none() | st.integers(-most, most) | st.integers(-(10**5), 10**5)
    return column_of(kind, draw(st.lists(integers, min_size=1, max_size=5)))


@given(column=columns())
def test_a_value_does_not_depend_on_its_neighbours(column: pa.Array) -> None:
    """In prompts and in tables, alone and in lists; and its text is that of its kind."""
    each = [column.slice(place, 1) for place in range(len(column))]
    assert list(map(repr, row_values(column))) == [repr(row_values(one)[0]) for one in each]
    assert json_values(column) == [json_values(one)[0] for one in each]
    assert list(map(text, row_values(column))) == [value or "" for value in json_values(column)]
    lists = pa.ListArray.from_arrays([0, len(column)], column)
    assert row_values(lists) == json_values(lists) == [json_values(column)]
    written = DURATION if pa.types.is_duration(column.type) else ISO
    assert all(written.fullmatch(value) for value in json_values(column) if value is not None)


@pytest.mark.parametrize("rows", [1, 2])
def test_a_far_moment_leaves_the_item_beside_it(rows: int) -> None:
    """Its prompt, and the custom_id that is made of it."""
    request = ChatRequest(model="m", prompt="{{ d }}")
    moments = column_of(pa.timestamp("s", "Europe/Berlin"), [0, LAST_SECOND])[:rows]
    group = RowGroup.of(range(rows), pa.record_batch({"d": moments}))
    lines_of = template_lines(request, request.compile(("d",)))
    assert lines_of is not None
    lines = lines_of.lines(group)
    assert lines.custom_ids[0] == "row-1-c62ada4f"
    assert b"1970-01-01T01:00:00+01:00" in lines.contents[0]


def test_a_far_day_leaves_the_others_their_years() -> None:
    """And is what is refused where a template asks for its own."""
    render = compile_template("{{ d.year }}", ("d",)).render
    near, far = row_values(column_of(pa.date32(), [0, 3_000_000]))
    assert (near, far) == (date(1970, 1, 1), "10183-09-21")
    assert render({"d": near}) == "1970"
    with pytest.raises(RequestError, match="year"):
        render({"d": far})


@pytest.mark.parametrize(
    ("kind", "integer", "said"),
    [
        (pa.timestamp("s", "UTC"), LAST_SECOND, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (pa.timestamp("s", "Europe/Berlin"), LAST_SECOND, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (pa.timestamp("s", "Z"), LAST_SECOND, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (pa.timestamp("s", "America/New_York"), -62135596800, datetime(1, 1, 1, tzinfo=UTC)),
        (pa.timestamp("us", "Europe/Berlin"), (LAST_SECOND + 1) * 10**6, "10000-01-01T00:00:00+00:00"),
        (pa.timestamp("ms"), LAST_SECOND * 1000 + 1500, "10000-01-01T00:00:00.500000"),
        (pa.timestamp("s"), 10**12, "33658-09-27T01:46:40"),
        (pa.timestamp("s"), -62135596801, "0000-12-31T23:59:59"),
        (pa.date32(), -800_000, "-0221-09-04"),
        (pa.date64(), 86_400_000 * 3_000_000, "10183-09-21"),
        (pa.duration("s"), 2**62, "53375995583650 days, 7:45:04"),
        (pa.duration("s"), 86_400, timedelta(1)),
        (pa.time64("ns"), 1, "00:00:00.000000001"),
        (pa.time64("ns"), 3_600_000_001_000, time(1, 0, 0, 1)),
    ],
    ids=[
        *("the last second", "east of UTC", "in a zone without a name", "the first, west of UTC"),
        *("behind the last", "with milliseconds", "far", "before the first", "before Christ", "a far day"),
        *("a long duration", "a day", "a nanosecond", "a microsecond"),
    ],
)  # fmt: skip
def test_what_python_can_hold_is_its_own_and_else_a_text(kind: pa.DataType, integer: int, said: Any) -> None:
    """A moment that its zone's years do not reach is one in UTC."""
    assert row_values(column_of(kind, [None, integer])) == [None, said]
    assert json_values(column_of(kind, [None, integer])) == [None, text(said)]


def in_all_units(kinds: Iterable[pa.DataType], seconds: int) -> set[str | None]:
    return {json_values(column_of(kind, [seconds * A_SECOND[kind.unit]]))[0] for kind in kinds}


@given(seconds=st.integers(-(2**33), 2**33))
def test_a_unit_is_not_seen_in_a_text(seconds: int) -> None:
    """Of seconds, to the nanosecond: in durations, moments and times of day."""
    assert in_all_units(map(pa.duration, UNITS), seconds) == {str(timedelta(seconds=seconds))}
    assert len(in_all_units((pa.timestamp(unit, "Europe/Berlin") for unit in UNITS), seconds)) == 1
    times = (pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"))
    assert len(in_all_units(times, seconds % 86_400)) == 1


@given(nanoseconds=st.integers(0, 86_400 * 10**9 - 1))
def test_nothing_of_a_nanosecond_is_lost(nanoseconds: int) -> None:
    """A duration and a time of day say as many as they have."""
    for kind in (pa.duration("ns"), pa.time64("ns")):
        hours, minutes, seconds = json_values(column_of(kind, [nanoseconds]))[0].split(":")
        whole, _, fraction = seconds.partition(".")
        found = ((int(hours) * 60 + int(minutes)) * 60 + int(whole)) * 10**9 + int(fraction.ljust(9, "0"))
        assert found == nanoseconds
