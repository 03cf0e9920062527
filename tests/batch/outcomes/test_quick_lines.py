"""What is read straight into columns is what `read_outcome` reads, line by line."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefect_openai_batch.batch.files.output_files import custom_id_of, lines_of, parse_line
from prefect_openai_batch.batch.outcomes.kept.vectors import packed
from prefect_openai_batch.batch.outcomes.outcome import read_outcome
from prefect_openai_batch.batch.outcomes.outcome_columns import outcome_schema, record_batch
from prefect_openai_batch.batch.outcomes.quick.quick_lines import QuickLines, quick_lines
from prefect_openai_batch.batch.outcomes.quick.shapes import VALUES
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.schemas.answer_schemas import answer_schema
from prefect_openai_batch.batch.schemas.answer_types import AnswerType

from .near_lines import BODIES, near_lines, usual

MOOD = AnswerType(answer_schema({"mood": "happy | angry", "stars": "integer?"}))


def slowly(endpoint: Endpoint, line: bytes, answer: AnswerType | None = None) -> dict[str, Any]:
    """The row that the outcome of a line becomes."""
    outcome = read_outcome(endpoint, parse_line(line), answer=answer)
    told = outcome[: len(outcome) - (answer is None)]
    (row,) = packed(
        record_batch([(0, custom_id_of(line), *told, "b")], outcome_schema(endpoint, answer))
    ).to_pylist()
    return dict(row)


def quickly(quick: QuickLines, line: bytes) -> dict[str, Any] | None:
    """The columns that it becomes at once; None where it does not."""
    told = quick.read_line(line)
    if told is None:
        return None
    assert told[VALUES.index("custom_id")] == custom_id_of(line)
    columns: Sequence[dict[str, Any]] = pa.RecordBatch.from_pydict(quick.columns([told])).to_pylist()
    return dict(columns[0])


def check(endpoint: Endpoint, line: bytes, answer: AnswerType | None = None) -> bool:
    """Whether a line is read quickly; if it is, both say the same, and what the columns leave out is nothing."""
    quick = quick_lines(endpoint, answer)
    found = quickly(quick, line) if quick else None
    if quick and b"\n" not in line:
        assert (quick.read(line) is None) is (found is None)
    if found is not None:
        known = {"row": 0, "batch_id": "b", "outcome": "succeeded", "again": False}
        names = outcome_schema(endpoint, answer).names
        assert dict.fromkeys(names) | known | found == slowly(endpoint, line, answer)
    return found is not None


@settings(max_examples=500)
@given(near_lines())
def test_both_ways_say_the_same_of_any_line(drawn: tuple[Endpoint, bytes]) -> None:
    """Odd types, numbers out of bounds, halves of emojis, names that come twice, a byte gone wrong."""
    check(*drawn)


@st.composite
def chunks(draw: st.DrawFn) -> tuple[Endpoint, bytes]:
    """Lines of one endpoint, usual ones and others, with nothing or more than one newline between them."""
    endpoint = draw(st.sampled_from(list(BODIES)))
    fine = json.dumps(usual(endpoint)).encode() + b"\n"
    pretty = json.dumps(usual(endpoint), indent=1).encode() + b"\n"
    spoilt = st.sampled_from([b"\n", b" \n", fine[:-1], fine[:40] + b"\n", fine[:1], fine[1:], pretty, b"\xff\n"])
    lines = draw(st.lists(st.just(fine) | st.just(b" " + fine) | spoilt, min_size=1, max_size=5))
    return endpoint, b"".join(lines)


@settings(max_examples=500)
@given(chunks())
def test_many_lines_say_what_each_says(drawn: tuple[Endpoint, bytes]) -> None:
    """An empty line, one that ends in the next, two in one: where any is odd, nothing is said of all at once."""
    endpoint, chunk = drawn
    quick = quick_lines(endpoint, None)
    assert quick is not None
    told = quick.read(chunk)
    assert told is None or told == [quick.read_line(line) for line in lines_of(chunk)]


@pytest.mark.parametrize(
    "form",
    ["{0}{0}\n\n", "\n{0}{0}\n", "{0}\n\n{0}\n", "{0}\n{0}{1}\n{2}\n", "{0} {0}\n{0}\n", "{1}\n{2}"],
    ids=["an empty line last", "an empty line first", "one between", "one goes on", "two in one", "one in two"],
)
def test_where_they_are_not_one_a_line_nothing_is_said(form: str) -> None:
    """The decoder would take them: there each would be told under the number of another line."""
    line = json.dumps(usual(Endpoint.CHAT_COMPLETIONS))
    start, rest = line[:1], line[1:]
    quick = quick_lines(Endpoint.CHAT_COMPLETIONS, None)
    assert quick is not None
    assert quick.read(form.format(line, start, rest).encode()) is None


@pytest.mark.parametrize("endpoint", BODIES, ids=lambda endpoint: endpoint.name.lower())
@pytest.mark.parametrize("end", ["", "\n"], ids=["its end is absent", "with its end"])
def test_usual_lines_are_read_at_once(endpoint: Endpoint, end: str) -> None:
    """The last with an end or without."""
    line = json.dumps(usual(endpoint), ensure_ascii=False)
    told = quick_lines(endpoint, None).read(f"{line}\n{line}{end}".encode())  # type: ignore[union-attr]  # there is one
    assert told is not None
    assert len(told) == 2


TYPED = st.sampled_from(
    [
        *(
            '{"mood": "happy", "stars": 3}',
            '{"mood":"angry","stars":null}',
            ' {"mood": "happy", "stars": 3}',
            "{}",
        ),
        *('{"mood": "sad", "stars": 3}', '{"mood": "happy", "stars": 3.0}', '{"mood": "happy", "stars": 1e400}'),
        *('{"mood": "happy", "stars": 3, "mood": "angry"}', '{"\\u006dood": "happy", "stars": 3}', "Fine."),
    ]
)


@given(TYPED, TYPED, st.sampled_from([Endpoint.CHAT_COMPLETIONS, Endpoint.RESPONSES]))
def test_both_ways_say_the_same_of_typed_answers(text: str, before: str, endpoint: Endpoint) -> None:
    """One message or several, of which the last may not fit."""
    for body in BODIES[endpoint]:
        line = json.dumps(usual(endpoint, body)).replace('"Fine."', json.dumps(text))
        line = line.replace('"Let me see."', json.dumps(before)).replace(
            json.dumps("Fine, é 😀."), json.dumps(text)
        )
        check(endpoint, line.encode(), MOOD)


@pytest.mark.parametrize("endpoint", BODIES, ids=lambda endpoint: endpoint.name.lower())
def test_the_usual_line_is_read_quickly(endpoint: Endpoint) -> None:
    """As OpenAI sends it, also where it holds other letters than English ones."""
    assert check(endpoint, json.dumps(usual(endpoint), ensure_ascii=False).encode())


def test_a_list_of_numbers_is_read_quickly_too() -> None:
    """For servers that know no base64."""
    assert check(
        Endpoint.EMBEDDINGS, json.dumps(usual(Endpoint.EMBEDDINGS, BODIES[Endpoint.EMBEDDINGS][1])).encode()
    )


@pytest.mark.parametrize("endpoint", [Endpoint.CHAT_COMPLETIONS, Endpoint.RESPONSES], ids=["chat", "responses"])
def test_the_usual_typed_answer_is_read_quickly(endpoint: Endpoint) -> None:
    """Of either endpoint that has them."""
    line = json.dumps(usual(endpoint), ensure_ascii=False)
    text = json.dumps('{"mood": "happy", "stars": 3}')
    assert check(endpoint, line.replace('"Fine."', text).replace('"Fine, é 😀."', text).encode(), MOOD)


@pytest.mark.parametrize(
    "numbers",
    ["[0.1, 100000000000000000000]", "[-9223372036854775809]", "[" * 1100 + "]" * 1100],
    ids=["beyond 64 bits", "below them", "nested deep"],
)
def test_numbers_of_an_unusual_kind_are_left_to_who_reads_all(numbers: str) -> None:
    """Simdjson has errors of its own for them; one such line kept all of its batch from being fetched."""
    head = '{"id":"b","custom_id":"a","response":{"status_code":200,"body":{"data":[{"embedding":'
    line = head + numbers + ',"index":0}],"usage":{"prompt_tokens":1}}}}'
    quick = quick_lines(Endpoint.EMBEDDINGS, None)
    assert quick is not None
    assert quick.read(line.encode()) is None
    assert quick.read_line(line.encode()) is None


@pytest.mark.parametrize("endpoint", BODIES, ids=lambda endpoint: endpoint.name.lower())
def test_tokens_beyond_all_reason_are_not_told(endpoint: Endpoint) -> None:
    """Summed, they would be less than nothing; the largest that are believed are read at once."""
    lines = [json.dumps(usual(endpoint)).replace(": 10,", f": {tokens},", 1) for tokens in (10**8, 10**8 + 1)]
    assert [check(endpoint, line.encode()) for line in lines] == [True, False]
    assert [slowly(endpoint, line.encode())["input_tokens"] for line in lines] == [10**8, None]


def test_a_part_without_its_type_is_no_text() -> None:
    """Either way of reading has the same to say of it."""
    part = {"text": "Fine."}
    body = {"output": [{"type": "message", "content": [part]}], "usage": {"input_tokens": 1, "output_tokens": 1}}
    line = json.dumps({"id": "b", "custom_id": "a", "response": {"status_code": 200, "body": body}}).encode()
    assert not check(Endpoint.RESPONSES, line)
    part["type"] = "output_text"
    assert check(
        Endpoint.RESPONSES,
        json.dumps({**json.loads(line), "response": {"status_code": 200, "body": body}}).encode(),
    )
