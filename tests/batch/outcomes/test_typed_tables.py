"""Typed answers of any schema, from lines of either endpoint to tables of every kind."""

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.outcomes.by_row.latest_outcomes import latest_outcomes
from prefect_openai_batch.batch.outcomes.outcome import Outcome, OutcomeKind, read_outcome
from prefect_openai_batch.batch.outcomes.outcome_columns import FIELDS, outcome_batches, outcome_schema
from prefect_openai_batch.batch.outcomes.result_frames import with_results
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.schemas.answer_schemas import answer_schema
from prefect_openai_batch.batch.schemas.answer_types import AnswerType
from prefect_openai_batch.batch.tables.destinations import write_table

from ..schemas.schema_strategies import schemas
from .test_outcomes import chat, line
from .test_typed_outcomes import response

ENDPOINTS = st.sampled_from([Endpoint.CHAT_COMPLETIONS, Endpoint.RESPONSES])


@st.composite
def answered(draw: st.DrawFn) -> tuple[AnswerType, list[tuple[dict[str, Any] | None, Outcome]]]:
    """A type, and answers of one endpoint: what each one holds, None where it is broken, and its outcome."""
    endpoint = draw(ENDPOINTS)
    schema, fitting = draw(schemas())
    answer = AnswerType(answer_schema(schema))
    found = []
    for whole in draw(st.lists(st.booleans(), min_size=1, max_size=4)):
        value = draw(fitting)
        text = json.dumps(value if whole else {**value, "not asked for": 1})
        body = chat({"content": text}) if endpoint == Endpoint.CHAT_COMPLETIONS else response(text)
        found.append((value if whole else None, read_outcome(endpoint, line(body), answer=answer)))
    return answer, found


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


@given(answered())
def test_answers_arrive_in_tables_of_every_kind(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[AnswerType, list[tuple[dict[str, Any] | None, Outcome]]]
) -> None:
    """A broken one is invalid, says where, and its columns are null; in CSV what is nested is JSON text."""
    answer, told = drawn
    for value, outcome in told:
        assert outcome.outcome == ("succeeded" if value is not None else "invalid")
        assert value is not None or "not asked for" in str(outcome.error_message)
    rows = ((row, str(row), outcome) for row, (_, outcome) in enumerate(told))
    (batch,) = outcome_batches(rows, Endpoint.CHAT_COMPLETIONS, "batch_1", answer)
    columns = pa.RecordBatch.from_arrays(batch[FIELDS].flatten(), schema=pa.schema(list(answer.columns)))
    names, folder = columns.schema.names, tmp_path_factory.mktemp("tables")
    wanted = [value if value is not None else dict.fromkeys(names) for value, _ in told]
    for kind in ("parquet", "jsonl", "csv"):
        write_table(str(folder / f"t.{kind}"), columns.schema, iter([columns]))
    assert as_json(pq.read_table(folder / "t.parquet").to_pylist()) == wanted
    assert [json.loads(text) for text in (folder / "t.jsonl").read_bytes().splitlines()] == wanted
    for cells, value in zip(texts(folder / "t.csv"), wanted, strict=True):
        assert [meant(cell, value[name]) for cell, name in zip(cells, names, strict=True)] == [
            value[name] for name in names
        ]
    frame = with_results(pd.DataFrame(index=range(len(told))), pa.Table.from_batches([columns]))
    assert [list(map(bool, nulls)) for nulls in frame.isna().to_numpy()] == [
        [value[name] is None for name in names] for value in wanted
    ]


def texts(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def meant(cell: str, value: Any) -> Any:
    """What a field of CSV says, read as what it should be; an empty one is null, or the empty text."""
    if isinstance(value, str):
        return cell
    return json.loads(cell) if cell else None


def test_numbers_that_were_kept_as_text_are_numbers() -> None:
    """As an earlier version kept those of an optional union of numbers, beside which others may stand."""
    union = {"anyOf": [{"anyOf": [{"type": "integer"}, {"type": "number"}]}, {"type": "null"}]}
    answer = AnswerType(answer_schema({"type": "object", "properties": {"price": union}}))
    told = [read_outcome(Endpoint.CHAT_COMPLETIONS, line(chat({"content": '{"price": 5}'})), answer=answer)] * 2
    rows = [(row, str(row), outcome) for row, outcome in enumerate(told)]
    batches = outcome_batches(iter(rows), Endpoint.CHAT_COMPLETIONS, "batch_1", answer)
    table = pa.Table.from_batches(batches)
    place = table.schema.get_field_index(FIELDS)
    kept = pa.chunked_array([pa.array([{"price": "5"}, {"price": None}])])
    schema = outcome_schema(Endpoint.CHAT_COMPLETIONS, answer)
    earlier = table.set_column(place, FIELDS, kept)
    found = latest_outcomes(schema, [earlier], 0, 3, Outcome(OutcomeKind.FAILED))
    assert found[FIELDS].to_pylist() == [{"price": 5.0}, {"price": None}, None]
