"""A value has one text, in prompts, CSV and JSONL alike, or its column is refused by name."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.errors import CustomIdError, RequestError
from prefect_openai_batch.batch.jobs.opening import open_job
from prefect_openai_batch.batch.requests.chat_request import ChatRequest
from prefect_openai_batch.batch.requests.custom_ids import check_custom_id
from prefect_openai_batch.batch.requests.templates import compile_template
from prefect_openai_batch.batch.tables.destinations import write_table
from prefect_openai_batch.batch.tables.json_values import row_values

from ..conftest import built
from .test_destinations import ANYTHING, cells, objects

AT = datetime(2024, 1, 2, 3, 4, 5, 678900)
COUNT = pa.array([1_700_000_000_123, None, 0], pa.int64())
ZONES = (None, "UTC", "Europe/Berlin", "+01:00", "Z", "GMT+01:00")
MOMENTS = [pa.timestamp(unit, zone) for unit in ("ms", "us", "ns") for zone in ZONES]
SMALL = [19.99, None, 1e4]

COLUMNS: dict[str, pa.Array] = {
    **{name: ANYTHING[name].combine_chunks() for name in ANYTHING.column_names},
    **{str(kind): pa.array([1, None], kind) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())},
    **{str(kind): pa.array([1, None], kind) for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())},
    **{str(kind): pa.array([*SMALL, float("nan")], kind) for kind in (pa.float16(), pa.float32(), pa.float64())},
    **{str(kind): pa.array(["a", None], kind) for kind in (pa.string(), pa.large_string(), pa.string_view())},
    **{str(kind): pa.array([b"a", None], kind) for kind in (pa.binary(), pa.large_binary(), pa.binary_view())},
    **{str(kind): pa.array([b"a", None], kind) for kind in (pa.binary(1), pa.dictionary(pa.int8(), pa.binary()))},
    **{str(kind): COUNT.view(kind) for kind in MOMENTS},
    **{str(kind): COUNT.view(kind) for kind in (pa.duration("ms"), pa.duration("us"), pa.duration("ns"))},
    **{str(kind): pa.array([1, None], pa.int32()).view(kind) for kind in (pa.time32("s"), pa.time32("ms"))},
    **{str(kind): pa.array([1001, None], pa.int64()).view(kind) for kind in (pa.time64("us"), pa.time64("ns"))},
    **{str(kind): pa.array([date(2024, 1, 2), None], kind) for kind in (pa.date32(), pa.date64())},
    "far moment": pa.array([10**12], pa.timestamp("s")),
    "far day": pa.array([10**7], pa.int32()).view(pa.date32()),
    "long": pa.array([2**62], pa.int64()).view(pa.duration("s")),
    **{str(kind): pa.array([Decimal("1.50")], kind) for kind in (pa.decimal32(5, 2), pa.decimal256(50, 2))},
    "small kinds": pa.array([19.99, None], pa.float32()).dictionary_encode(),
    "list of floats": pa.array([SMALL, None, []], pa.list_(pa.float32())),
    "large list of floats": pa.array([SMALL, None, []], pa.large_list(pa.float32())),
    "list of halves": pa.array([SMALL], pa.list_(pa.float16())),
    "list of moments": pa.array([[AT], None]),
    "vectors": pa.array([[19.99, 1e22]], pa.list_(pa.float32())),
    "views": pa.array([[1, 2], None], pa.list_view(pa.int64())),
    "object": pa.array([{"items": [1], "at": AT, "price": Decimal("1.0"), "raw": b"x", "yes": True}, None]),
    "map of moments": pa.array([[("k", AT)], None], pa.map_(pa.string(), pa.timestamp("us"))),
    "map of days": pa.array([[(date(2024, 1, 1), 2)], None], pa.map_(pa.date32(), pa.int64())),
    "map of lists": pa.array([[([1], 2)], None], pa.map_(pa.list_(pa.int64()), pa.int64())),
    "map of objects": pa.array([[({"a": AT}, 2)]], pa.map_(pa.struct([("a", pa.timestamp("us"))]), pa.int64())),
    "large views": pa.array([["a"], None], pa.large_list_view(pa.string_view())),
    "list of kinds": pa.ListArray.from_arrays(pa.array([0, 1, 2]), pa.array(["a", "b"]).dictionary_encode()),
    "moments of kinds": COUNT.view(pa.timestamp("us", "Z")).dictionary_encode(),
    "zoned moments": pa.array([[AT, None], None], pa.list_(pa.timestamp("us", "GMT+01:00"), 2)),
    "uuids": pa.ListArray.from_arrays(pa.array([0, 1]), pa.array([b"0" * 16], pa.uuid())),
    "opaque": pa.ExtensionArray.from_storage(pa.opaque(pa.int64(), "a", "b"), pa.array([1, None])),
    "json": pa.array(['{"a":1}', None], pa.json_()),
    "bool8": pa.array([1, None], pa.int8()).cast(pa.bool8()),
    "tensor": pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.float32(), [2]), pa.array([[1.5, 19.99]], pa.list_(pa.float32(), 2))
    ),
}  # fmt: skip


def in_prompts(template: str, column: pa.Array) -> list[str]:
    render = compile_template(template, ("x",)).render
    return [render({"x": value}) for value in row_values(column)]


def is_binary(kind: pa.DataType) -> bool:
    return is_binary(kind.value_type) if pa.types.is_dictionary(kind) else "binary" in str(kind).partition("<")[0]


@pytest.mark.parametrize(
    "template", ["{{ x }}", "{{ x ~ '' }}", "{{ x | string }}", "{{ [x] | join }}", "{{ row.x }}"]
)
@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_a_prompt_says_what_the_tables_say(tmp_path: Path, column: pa.Array, template: str) -> None:
    """For every type of Arrow that a Parquet file holds: the cell of the CSV, or the column by its name."""
    try:
        pq.write_table(pa.table({"x": column, "there": ["x"] * len(column)}), tmp_path / "in.parquet")
    except pa.ArrowNotImplementedError:
        pytest.skip("this pyarrow does not write the type to Parquet")
    table = pq.read_table(tmp_path / "in.parquet").combine_chunks()
    if is_binary(column.type):
        with pytest.raises(RequestError, match="The column 'x' holds bytes: write"):
            in_prompts(template, table["x"].combine_chunks())
        return
    write_table(str(tmp_path / "out.csv"), table.schema, table.to_batches())
    said = in_prompts(template, table["x"].combine_chunks())
    assert said == [row[0] for row in cells(tmp_path / "out.csv")[1:]]


@pytest.mark.parametrize("column", [one for one in COLUMNS.values() if not is_binary(one.type)])
def test_json_in_a_prompt_is_that_of_the_tables(tmp_path: Path, column: pa.Array) -> None:
    """`tojson` gives the value that JSONL has: dates too."""
    table = pa.table({"x": column})
    write_table(str(tmp_path / "out.jsonl"), table.schema, table.to_batches())
    found = objects((tmp_path / "out.jsonl").read_bytes())
    assert [json.loads(said) for said in in_prompts("{{ x | tojson }}", column)] == [row["x"] for row in found]


@given(value=st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(), st.lists))
def test_json_in_a_prompt_escapes_nothing_for_html(value: Any) -> None:
    """It is JSON as `json.dumps` has it without blanks and escapes."""
    said = compile_template("{{ x | tojson }}", ("x",)).render({"x": value})
    assert said == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ order.items }}", '["a"]'),
        ("{{ order.items[0] }}", "a"),
        ("{{ order['keys'] }}", "2"),
        ("{{ row.order.items | join }}", "a"),
        ("{{ items }} {{ row.items }}", "3 3"),
        ("{% for key, value in order.nested.items() %}{{ key }}={{ value }}{% endfor %}", "k=<v>"),
        ("{{ order.nested | tojson }}", '{"k":"<v>"}'),
        ("{{ order.nested | tojson(indent=1) }}", '{\n "k": "<v>"\n}'),
        ("{{ nothing | upper }}{{ nothing ~ '!' }}{{ yes | upper }}{{ yes ~ '!' }}", "!TRUEtrue!"),
        ("{{ [nothing, yes, 1] | join(', ') }}", ", true, 1"),
        ("{{ [order] | join(', ', attribute='keys') }}", "2"),
        ("{{ at.strftime('%d.%m.%Y') }} {{ at }}", "02.01.2024 2024-01-02T03:04:05.678900"),
        ("{{ at | replace('T', ' ') | truncate(7, true, '') }}", "2024-01"),
        ("{{ price * 2 }} {{ price | tojson }}", '3.0 "1.5"'),
        ("{{ '%s %s %.1f' % (yes, at, price) }}", "true 2024-01-02T03:04:05.678900 1.5"),
        ("{{ '%s|%03d' | format(nothing, items) }}{{ '%s' % nothing }}", "|003"),
        ("{{ '%(keys)s' % order }} {{ '%(a)s' | format(a=yes) }} {{ '%s' % order.nested }}", '2 true {"k":"<v>"}'),
        ("{{ '{:%d.%m.} {}'.format(at, items) }} {{ 7 % 4 }}", "02.01. 3 3"),
        ("{{ raw.decode() }} {{ raw | base64 }}", "Café Q2Fmw6k="),
    ],
    ids=[
        *(
            "a key like a method",
            "its element",
            "by its name",
            "through row",
            "a column like a method",
            "a method",
        ),
        *(
            "as JSON",
            "as JSON with blanks",
            "null and true",
            "joined",
            "joined by attribute",
            "a time",
            "as a text",
        ),
        *("a decimal", "a format", "a filter's format", "names in a format", "str.format", "bytes"),
    ],
)
def test_keys_come_before_methods_and_values_are_printed(template: str, said: str) -> None:
    """And what Python can do with a value stays at hand."""
    row = {
        "order": {"items": ["a"], "keys": 2, "nested": {"k": "<v>"}},
        "items": 3, "nothing": None, "yes": True, "at": AT, "price": Decimal("1.5"), "raw": "Café".encode(),
    }  # fmt: skip
    assert compile_template(template, tuple(row)).render(row) == said


@pytest.mark.parametrize(
    "printed",
    ["order.get", "row.items", "order.items", "review.upper", "range ~ ''", "row.items ~ ''",
     "tags | map('upper')", "'%s' % order.get", "'%s' | format(order.get)", "'{}'.format(order.get)",
     "order['items'] | string", "[order.keys] | join", "{'a': order.get} | tojson", "{'a': order.get}",
     "order.items()", "order.keys()", "[order.values()]", "[order] | groupby('a')", "namespace(a=1)", "range(3)",
     "at.timetuple()", "at.now()", "at.today() ~ ''", "at.date().today()"],
)  # fmt: skip
def test_a_method_is_never_printed(printed: str) -> None:
    """Nor anything else of Python's that is no value, or that reads otherwise at each start."""
    row = {"order": {"a": 1}, "review": "x", "tags": ["x"], "at": AT}
    with pytest.raises(RequestError, match="failed"):
        compile_template(f"{{{{ {printed} }}}}", tuple(row)).render(row)


@pytest.mark.parametrize("name", ["range", "dict", "self", "nowhere"])
def test_a_name_that_stands_for_a_value_is_a_columns(name: str) -> None:
    """Also where Jinja has a function of that name: the message tells the columns."""
    with pytest.raises(RequestError, match=f"names the column '{name}', which the table does not have.*review"):
        compile_template(f"{{{{ review | trim }}}} {{{{ {name} }}}}", ("review",))


@pytest.mark.parametrize(
    "template",
    [
        "{% for range in items %}{{ range }}{% endfor %}",
        "{% for self in items %}{{ self }}{% endfor %}",
        "{% set dict = items | join %}{{ dict }}",
    ],
)
def test_a_name_of_the_templates_own_is_its_own(template: str) -> None:
    """Whatever else is called so."""
    assert compile_template(template, ("items",)).render({"items": ["a", "b"]}) == "ab"


@pytest.mark.parametrize(
    ("template", "columns", "said"),
    [
        ("{{ x }}: {{ self | trim }}", ("self", "x"), r"'self'.*read as row\[\"self\"\]"),
        ("{{ µ | trim }} {{ μ }}", ("µ", "μ"), r"'µ'.*read as row\["),
        ("{{ self | trim }}", ("self", "row"), "'self'.*rename the column"),
    ],
    ids=["self", "two that are one", "beside a row"],
)
def test_a_name_that_jinja_takes_for_another_is_refused(
    template: str, columns: tuple[str, ...], said: str
) -> None:
    """Of two names that Unicode spells alike both would have one value, and `self` is the template's own."""
    with pytest.raises(RequestError, match=said):
        compile_template(template, columns)


def test_such_names_are_read_plainly_and_through_the_row() -> None:
    """Where nothing but a value stands, and as the refusal says."""
    row = {"self": "s", "µ": "micro", "μ": "mu"}
    assert compile_template("{{ self }} {{ µ }} {{ μ }}", tuple(row)).render(row) == "s micro mu"
    through = '{{ row["self"] | upper }} {{ row["µ"] | upper }} {{ μ | upper }}'
    assert compile_template(through, tuple(row)).render(row) == "S MICRO MU"


def prompts(tmp_path: Path, table: pa.Table, **request: Any) -> list[dict[str, Any]]:
    """The items that a Parquet file's rows make."""
    pq.write_table(table, tmp_path / "rows.parquet")
    asked = ChatRequest.model_validate({"model": "m", **request})
    source, storage = str(tmp_path / "rows.parquet"), str(tmp_path / "jobs")
    (file,) = built(open_job(source, asked, str(tmp_path / "out.csv"), job_key="job", storage=storage))
    with file.files.open("input.jsonl") as lines:
        return [json.loads(line) for line in lines]


def test_what_is_built_says_what_the_tables_say(tmp_path: Path) -> None:
    """Prompts and custom_ids alike, with what pandas has written."""
    frame = pd.DataFrame({"at": [pd.Timestamp("2024-01-02 03:04:05.000000001", tz=UTC)], "yes": [True]})
    table = pa.Table.from_pandas(frame).append_column("price", pa.array([19.99], pa.float32()))
    (item,) = prompts(tmp_path, table, prompt="{{ at }} {{ yes }} {{ price }}", id_column="at")
    assert item["body"]["messages"][0]["content"] == "2024-01-02T03:04:05.000000001+00:00 true 19.99"
    assert item["custom_id"] == "2024-01-02T03:04:05.000000001+00:00"


def test_a_text_column_written_as_bytes_is_refused_by_name(tmp_path: Path) -> None:
    """As Impala and older versions of Spark write them; the message says how to read it."""
    table = pa.table({"review": [None, "Café".encode()]})
    with pytest.raises(RequestError, match=r"Row 2: .*'review' holds bytes: write \{\{ review.decode\(\) \}\}"):
        prompts(tmp_path, table, prompt="{{ review }}")


def test_bytes_are_no_ids() -> None:
    """The id column is named."""
    with pytest.raises(CustomIdError, match="id column 'x' cannot be used: bytes"):
        check_custom_id(b"a", 0, "x")
