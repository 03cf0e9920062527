"""Only what is new, against a model: random arrivals over nights with ties, late rows, nulls and futures."""

from collections import Counter
from datetime import timedelta
from typing import NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefect_openai_batch.batch.errors import SourceError
from prefect_openai_batch.batch.watermarks import highest, reading

from .nights import NOW, Reader, Table, plain

FAR = 1_000
"""A value that is none of this year's."""

NIGHT = 10
"""How far values come in a night."""


class Column(NamedTuple):
    """How the model's values stand in a column: so many of its units each, from the time of the first night on."""

    type: pa.DataType
    unit: int
    start: int
    lag: str | None
    step: timedelta


DAY_US = 86_400 * 10**6
START_US = int(NOW.timestamp()) * 10**6
MICROSECOND = timedelta(microseconds=1)

COLUMNS = {
    "integers": Column(pa.int64(), 1, 0, None, timedelta()),
    "large unsigned integers": Column(pa.uint64(), 1, 2**62, None, timedelta()),
    "decimals": Column(pa.decimal128(20, 0), 1, 0, None, timedelta()),
    "dates": Column(pa.date32(), 1, START_US // DAY_US, "{}D", timedelta(days=1)),
    "wall times": Column(pa.timestamp("us"), 1, START_US - DAY_US // 2, "{}us", MICROSECOND),
    "instants": Column(pa.timestamp("ns", "Asia/Tokyo"), 1_000, START_US * 1_000, "{}us", MICROSECOND),
}

arrivals = st.one_of(st.integers(-2 * NIGHT, NIGHT), st.just(0), st.none(), st.just(FAR))
nights = st.lists(
    st.tuples(st.lists(st.tuples(arrivals, st.sampled_from("ab")), max_size=6), st.booleans()),
    min_size=2,
    max_size=6,
)


@pytest.mark.parametrize("kind", COLUMNS)
@settings(max_examples=40)
@given(nights=nights, lags=st.lists(st.integers(0, NIGHT), min_size=6, max_size=6), turned=st.booleans())
def test_each_row_is_taken_once_and_none_is_lost(
    kind: str, nights: list[tuple[list[tuple[int | None, str]], bool]], lags: list[int], turned: bool
) -> None:
    """Never twice; at once, unless it comes later than the least lag allows. A night that fails takes nothing."""
    column, reader, rows = COLUMNS[kind], Reader(), list[tuple[int | None, str]]()
    owed = Counter[tuple[int | None, str]]()
    trusted: int | None = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(highest, "HIGHEST_KEPT_OUT", 3)
        patch.setattr(reading, "PRUNED_FROM", 1)
        for number, (arrived, fails) in enumerate(nights):
            clock, lag = number * NIGHT, lags[number]
            new = [(None if value is None else _at(column, clock, value), label) for value, label in arrived]
            least = min(lags[: len(nights)]) * column.unit
            owed.update(row for row in new if row[0] is None or trusted is None or row[0] >= trusted - least)
            rows = [*reversed(rows), *new] if turned else [*rows, *new]
            reader.night(
                Table(_array(column, [value for value, _ in rows]), [label for _, label in rows]),
                lag if column.lag is None else column.lag.format(lag),
                now=NOW + clock * column.step,
                fails=fails,
            )
            if not fails:
                assert not owed - reader.taken
                past = [value for value, _ in rows if value is not None and value <= _at(column, clock, NIGHT)]
                seen = [value for value in past if column.lag is None or value <= _at(column, clock, 0)]
                trusted = max([*seen, *([] if trusted is None else [trusted])], default=None)
            assert not reader.taken - Counter(rows)


def _at(column: Column, clock: int, value: int) -> int:
    """A value of the model in the column's units; far values are far whenever they come."""
    return column.start + (FAR if value == FAR else clock + value) * column.unit


def _array(column: Column, values: list[int | None]) -> pa.Array:
    if pa.types.is_date(column.type):
        return pa.array(values, pa.int32()).cast(column.type)
    return pa.array(values, pa.int64()).cast(column.type)


def _integers(*values: int | None, first: int = 0) -> Table:
    return Table(pa.array(values, pa.int64()), [f"row {place}" for place in range(first, first + len(values))])


@pytest.fixture
def few_kept_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of integers only the two highest are remembered for being high."""
    monkeypatch.setattr(highest, "HIGHEST_KEPT_OUT", 2)


@pytest.mark.usefixtures("few_kept_out")
def test_a_lag_that_grows_takes_nothing_twice() -> None:
    """It counts from the next mark on: of rows further below nobody remembers which were taken."""
    reader, table = Reader(), _integers(*range(100))
    assert len(reader.night(table)) == 100
    assert reader.night(_integers(*range(101)), lag=50) == [(100, "row 100")]
    assert reader.night(_integers(*range(101)), lag=50) == []


@pytest.mark.usefixtures("few_kept_out")
def test_a_reading_with_a_limit_moves_no_mark_and_takes_all_in_the_end() -> None:
    """What lies behind the limit may be lower than what it takes."""
    reader = Reader()
    table = _integers(9, 1, 8, 2, 7, 3, 6, 4, 5, None)
    assert [len(reader.night(table, limit=4)) for _ in range(2)] == [4, 4]
    rest = reader.night(_integers(*plain(table.values), 0), limit=4)
    assert rest == [(5, "row 8"), (None, "row 9"), (0, "row 10")]
    assert reader.night(table, limit=4) == []
    assert max(reader.taken.values()) == 1


@pytest.mark.usefixtures("few_kept_out")
def test_full_takes_all_rows_and_sets_the_mark() -> None:
    """Also where the table was made anew with lower values; cut off at a limit it moves nothing."""
    reader = Reader()
    reader.night(_integers(*range(100)))
    assert len(reader.night(_integers(*range(50)), full=True, limit=10)) == 10
    assert reader.kept is not None
    assert reader.kept.mark.value == 97
    assert len(reader.night(_integers(*range(50)), full=True)) == 50
    assert reader.kept.mark.value == 47
    assert reader.night(_integers(*range(51))) == [(50, "row 50")]


def test_rows_are_told_apart_by_key_columns_where_some_are_named() -> None:
    """Another text in a row of the same key and value is not a new row; the same key with another value is."""
    reader = Reader()
    reader.night(_integers(1, 2, None))
    assert len(reader.night(_integers(1, 2, None, first=5))) == 3
    reader = Reader()
    reader.night(_integers(1, 2, None), key_columns=("at",))
    assert reader.night(_integers(1, 2, None, 2, first=5), key_columns=("at",)) == [(2, "row 8")]


def test_a_zone_moves_no_mark() -> None:
    """The same instants in another zone, or in another unit, are the same rows."""
    reader = Reader()
    values = pa.array([START_US, START_US - 1, START_US + 60 * 10**6], pa.int64())
    labels = ["one", "two", "from the future"]
    assert len(reader.night(Table(values.cast(pa.timestamp("us", "UTC")), labels))) == 3
    assert reader.night(Table(values.cast(pa.timestamp("us", "America/St_Johns")), labels)) == []
    coarse = pa.array([START_US // 10**6, START_US // 10**6], pa.int64()).cast(pa.timestamp("s", "UTC"))
    assert reader.night(Table(coarse, ["one", "three"])) == [(START_US // 10**6, "three")]
    assert reader.kept is not None
    assert reader.kept.mark.shown == "2026-11-24 12:00:00Z"


@pytest.mark.parametrize(
    ("values", "lag", "told"),
    [
        (pa.array([1.5]), 0, "a number with a fraction cannot be a watermark"),
        (pa.array(["2026-11-24"]), 0, "--type at=integer"),
        (pa.array([True]), 0, "the type bool cannot"),
        (pa.array([1]), "2h", "does not fit the watermark column 'at', which holds integers"),
        (pa.array([NOW]), 5, "give a duration, as 2h or 1d"),
    ],
    ids=["fraction", "text", "boolean", "duration of integers", "number of times"],
)
def test_what_cannot_be_a_watermark_is_refused(values: pa.Array, lag: int | str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        Reader().night(Table(values, ["row"]), lag=lag)


def test_a_column_that_is_not_there_or_has_changed_is_refused() -> None:
    """--full is the way out of a change, and begins a new mark."""
    reader = Reader()
    with pytest.raises(SourceError, match="no column 'id', which the watermark names as a key"):
        reader.night(_integers(1), key_columns=("id",))
    reader.night(_integers(1, 2, 3))
    dates = Table(pa.array([20_000, 20_001], pa.int32()).cast(pa.date32()), ["a", "b"])
    with pytest.raises(SourceError, match="holds dates, and its mark .none yet. is of integers.*--full"):
        reader.night(dates)
    assert len(reader.night(dates, full=True)) == 2
    assert reader.night(dates) == []


def test_a_column_tells_its_kind_with_its_first_value() -> None:
    """Nights without one have no kind to hold later ones to; their rows are known all the same."""
    reader = Reader()
    assert reader.night(Table(pa.array([], pa.timestamp("us")), []), lag="1h") == []
    assert len(reader.night(Table(pa.nulls(1), ["never"]), lag="1h")) == 1
    instants = pa.array([None, START_US], pa.timestamp("us", "UTC"))
    assert reader.night(Table(instants, ["never", "first"]), lag="1h") == [(START_US, "first")]
    assert reader.night(Table(pa.nulls(1), ["never"]), lag="1h") == []
    with pytest.raises(SourceError, match="holds times without a zone, and its mark .* is of times with a zone"):
        reader.night(Table(instants.cast(pa.timestamp("us")), ["never", "first"]), lag="1h")
