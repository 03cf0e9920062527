"""Output files as servers send them: each line is found by its custom_id, whatever stands around it."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.files import output_files
from prefect_openai_batch.batch.files.batches import read_batch
from prefect_openai_batch.batch.files.output_files import OutputLines, custom_id_of
from prefect_openai_batch.batch.outcomes.outcome import read_outcome
from prefect_openai_batch.batch.requests.endpoints import Endpoint

from .conftest import answered


def test_lines_are_split_at_newline_bytes_alone(tmp_path: Path) -> None:
    """An answer may hold other characters at which text is split into lines."""
    path = tmp_path / "output"
    texts = ["a\u2028b", "c\u2029d\x85e", "f\x0bg\x0ch"]
    path.write_bytes(b"".join(answered(str(place), text) for place, text in enumerate(texts)))
    with OutputLines([path]) as lines:
        found = [read_outcome(Endpoint.CHAT_COMPLETIONS, lines.read(position)).answer for position, _ in lines]
    assert found == texts


@given(
    files=st.lists(st.lists(st.integers(0, 40), max_size=8), max_size=3),
    at_once=st.sampled_from([1, 30, 250_000]),
    ended=st.booleans(),
)
def test_each_line_is_read_again_by_its_mark(files: list[list[int]], at_once: int, ended: bool) -> None:
    """In files of any number and size, empty lines among theirs, however many are read at once."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(output_files, "CHUNK_BYTES", at_once)
        wanted, paths = [], []
        for number, sizes in enumerate(files):
            texts = [
                b"" if not size else json.dumps({"id": number, "text": "x" * size}).encode() for size in sizes
            ]
            content = b"\n".join(texts) + (b"\n" if ended or not texts or not texts[-1] else b"")
            paths.append(Path(folder, str(number)))
            paths[-1].write_bytes(content if texts else b"")
            wanted += [json.loads(text) if text else None for text in texts]
        with OutputLines(paths) as lines:
            positions = [position for position, _ in lines]
            found = [lines.read(position) for position in positions]
    assert positions == sorted(set(positions))
    assert [None if "error" in one else one for one in found] == wanted


@given(st.text(), st.booleans(), st.booleans())
def test_a_lines_custom_id_is_what_json_says(custom_id: str, ascii_only: bool, spaced: bool) -> None:
    """The short way to a line's custom_id never differs from parsing the line."""
    separators = (", ", ": ") if spaced else (",", ":")
    line = {"id": "batch_req_1", "custom_id": custom_id, "response": None, "error": None}
    text = json.dumps(line, ensure_ascii=ascii_only, separators=separators)
    try:
        encoded = text.encode() + b"\n"
    except UnicodeEncodeError:
        return
    assert custom_id_of(encoded) == custom_id


@pytest.mark.parametrize(
    "prefix", [b'{"id": "b", "custom_id": "a", ', b'{"custom_id": "a", '], ids=["id first", "custom_id first"]
)
def test_what_python_writes_and_json_does_not_know_is_read(tmp_path: Path, prefix: bytes) -> None:
    """An answer cut in the middle of an emoji, and numbers that are none, cost no paid answer."""
    choice = rb'{"message": {"content": "fine \ud83d"}, "logprobs": -Infinity}'
    body = b'{"choices": [' + choice + b'], "usage": {"prompt_tokens": NaN}}'
    path = tmp_path / "output"
    path.write_bytes(prefix + b'"response": {"status_code": 200, "body": ' + body + b"}}\n")
    with OutputLines([path]) as lines:
        ((position, line),) = list(lines)
        assert custom_id_of(line) == "a"
        outcome = read_outcome(Endpoint.CHAT_COMPLETIONS, lines.read(position))
    assert (outcome.outcome, outcome.answer, outcome.input_tokens) == ("succeeded", "fine ?", None)


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {"a": 1, "b": None}},
        {"errors": 3},
        {"errors": ["a text", {"code": 7}]},
        {"request_counts": {"total": ""}},
        {"created_at": "soon"},
        {"created_at": "2026-01-01T00:00:00"},
        {"id": 7, "model": {"name": "x"}},
    ],
)
def test_a_foreign_batch_object_can_always_be_read(fields: dict[str, Any]) -> None:
    """Somebody else's batch in a listing must not stop our job."""
    batch = read_batch({"id": "b", "status": "completed", **fields})
    assert batch.created_at in (None, 1767225600)


@pytest.mark.parametrize(("said", "custom_id"), [(b"5", "5"), (b"true", None), (b"5.0", None), (b"null", None)])
def test_a_number_in_place_of_an_id_is_its_text(said: bytes, custom_id: str | None) -> None:
    """So some servers write what looks like one; else the row would be paid again."""
    assert custom_id_of(b'{"custom_id": ' + said + b', "response": null}') == custom_id
