"""Rows made into lines many at once say what each says by itself."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from prefect_openai_batch.batch.errors import ItemTooLarge, RequestError
from prefect_openai_batch.batch.files.lines import Lines
from prefect_openai_batch.batch.files.template_lines import TemplateLines, template_lines
from prefect_openai_batch.batch.jobs.building import line_of_row
from prefect_openai_batch.batch.requests.endpoints import PROMPT_FIELD, Endpoint
from prefect_openai_batch.batch.requests.request import Request
from prefect_openai_batch.batch.requests.request_files import parse_request
from prefect_openai_batch.batch.tables.row_groups import RowGroup

from ..conftest import MakeJob, built

COLUMNS = ("a", "b", "id")


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.sampled_from(["role", "content", "text", "type", "n", "image_url", "{{ a }}", 'q"type'])
    return st.dictionaries(fields, inner, max_size=4)


scalars = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.dates(), st.datetimes(), st.times()),
    st.decimals(allow_nan=False),
)
values = st.one_of(
    st.text(),
    scalars,
    st.recursive(st.none() | st.text() | st.integers(0, 9), lambda inner: st.lists(inner) | objects(inner)),
    st.lists(st.floats(0, 1)).map(np.array),
)
sources = st.lists(
    st.one_of(
        st.sampled_from(
            ["{{ a }}", "{{ b }}", '{{ row["a"] }}', "{{ a | upper }}", "{% if b %}{{ b }}{% endif %}"]
        ),
        st.text(max_size=9).filter(lambda text: not {"{", "}", "#", "%"} & set(text)),
    )
).map("".join)


structures = st.recursive(
    sources | st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["text", "input_text", "function"]),
    lambda inner: st.lists(inner, max_size=3) | objects(inner),
    max_leaves=8,
)
shared = {"model": st.sampled_from(["m", "gpt-5", "{{ b }}"]), "id_column": st.sampled_from([None, "id"])}
requests = st.one_of(
    st.fixed_dictionaries({**shared, "prompt": sources}, optional={"system": sources, "image": sources}),
    st.fixed_dictionaries({**shared, "messages": st.lists(objects(structures), min_size=1, max_size=3)}),
    st.fixed_dictionaries({**shared, "kind": st.just("responses"), "prompt": sources, "instructions": sources}),
    st.fixed_dictionaries({**shared, "kind": st.just("embedding"), "input": sources}),
    st.fixed_dictionaries(
        {"kind": st.just("raw"), "id_column": shared["id_column"], "endpoint": st.sampled_from(Endpoint)}
    ).flatmap(
        lambda raw: st.dictionaries(
            st.sampled_from(
                [PROMPT_FIELD[raw["endpoint"]], "n", "prompt", "tools", "text", "conversation", "user"]
            ),
            structures,
        ).map(lambda body: {**raw, "body": {**body, "model": "m"}})
    ),
)


def request_of(content: dict[str, Any]) -> Request:
    """The request, if it is one that can be asked at all."""
    try:
        request = parse_request({**content, "constant_prompt": True, "parameters": {"seed": 1}})
        request.compile(COLUMNS)
    except RequestError:
        assume(False)
    return request


def one_by_one(request: Request, rows: RowGroup) -> Lines:
    bodies = request.compile(COLUMNS)
    return Lines.of(*(line_of_row(request, bodies, *row) for row in zip(rows.numbers, rows.rows, strict=True)))


def at_once(request: Request) -> TemplateLines | None:
    return template_lines(request, request.compile(COLUMNS))


@settings(max_examples=60)
@given(requests, st.lists(st.tuples(values, values), min_size=1, max_size=5))
def test_lines_made_at_once_are_those_made_one_by_one(
    content: dict[str, Any], rows: list[tuple[Any, Any]]
) -> None:
    """Bytes, custom_ids, models and token sizes; and where a row makes no item by itself, none does at once."""
    request, numbers = request_of(content), list(range(7, 7 + len(rows)))
    many = at_once(request)
    assume(many is not None)
    assert many is not None
    a, b = map(list, zip(*rows, strict=True))
    group = RowGroup(numbers, {"a": a, "b": b, "id": [f'"{number}"' for number in numbers]})
    try:
        expected = one_by_one(request, group)
    except RequestError:
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is, the rows are made one by one then
            many.lines(group)
        return
    assert list(map(list, many.lines(group))) == list(map(list, expected))


ASKED: dict[str, dict[str, Any]] = {
    "a prompt": {"model": "m", "system": "Label.", "prompt": "{{ a }}", "answer": {"label": "x | y"}},
    "an image": {"model": "m", "prompt": "{{ a }}", "image": "{{ b }}"},
    "messages": {
        "model": "{{ b }}",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "{{ a }}"}]}],
    },
    "responses": {"kind": "responses", "model": "m", "instructions": "{{ b }}", "prompt": "{{ a | upper }}"},
    "an embedding": {"kind": "embedding", "model": "m", "input": "{{ a }}"},
    "a raw body": {"kind": "raw", "endpoint": "/v1/completions", "body": {"model": "m", "prompt": ["{{ a }}"]}},
}


@pytest.mark.parametrize("content", ASKED.values(), ids=ASKED)
def test_what_is_mostly_asked_is_made_at_once(content: dict[str, Any]) -> None:
    """By every kind of request whose body is a template."""
    rows = RowGroup([0, 1], {"a": ["x", None], "b": ["y", 2]})
    many = at_once(parse_request(content))
    assert many is not None
    assert many.lines(rows).contents == list(one_by_one(parse_request(content), rows).contents)


def test_the_first_row_at_fault_is_told(make_job: MakeJob) -> None:
    """A text that JSON cannot say, as one that fails; rows before it do no harm, nor does a later fault."""
    prompt = '{% if text == "half" %}{{ "\\ud83d" }}{% endif %}{{ 1 / (text | length) }}'
    rows = [{"text": text} for text in ("fine", "half", "")]
    with pytest.raises(RequestError, match="Row 2 cannot be sent as JSON: str is not valid UTF-8"):
        built(make_job(rows, parse_request({"model": "m", "prompt": prompt})))


def test_a_row_that_is_too_large_is_told_before_a_later_one_that_fails(make_job: MakeJob) -> None:
    """Though it is found later, when lines are put into files."""
    rows = [{"text": "x"}, {"text": "x" * 500}, {"text": ""}]
    with pytest.raises(ItemTooLarge, match="Row 2 makes an item of"):
        built(
            make_job(rows, parse_request({"model": "m", "prompt": "{{ text }}{{ 1 / (text | length) }}"})),
            bytes=300,
        )
