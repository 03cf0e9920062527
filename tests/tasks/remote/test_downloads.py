"""A download is whole, or it is made again."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.tasks.remote.downloads import breaks_off

LINE = b'{"id": "1", "custom_id": "row-1", "response": {"status_code": 200, "body": {"text": "It is \\u00e9."}}}'
NO_ID = b'{"id": "2", "custom_id": null, "response": {"status_code": 500}}'


def file_of(folder: Path, content: bytes) -> Path:
    path = folder / "output.jsonl"
    path.write_bytes(content)
    return path


@given(cut=st.integers(1, len(LINE) - 1))
def test_a_line_that_is_cut_anywhere_breaks_off(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """Behind its custom_id too."""
    folder = tmp_path_factory.mktemp("cut")
    assert breaks_off(file_of(folder, LINE + b"\n" + LINE[:cut]))


@pytest.mark.parametrize(
    "content",
    [b"", LINE, LINE + b"\n", LINE + b"\n" + NO_ID, LINE + b"\n" + NO_ID + b"\n"],
    ids=["nothing", "no line end", "a line end", "no custom_id", "no custom_id and a line end"],
)
def test_what_ends_with_a_whole_line_is_whole(tmp_path: Path, content: bytes) -> None:
    """With a line end or without, whatever item the line names."""
    assert not breaks_off(file_of(tmp_path, content))


def test_the_end_of_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    """A file without a last line end is not read as a whole."""
    path = file_of(tmp_path, (LINE + b"\n") * 100_000 + LINE)
    tracemalloc.start()
    assert not breaks_off(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < path.stat().st_size / 10


@pytest.mark.parametrize(
    "end", [b"", b" ", b"\r", b"null", b"[]"], ids=["nothing", "blank", "return", "null", "list"]
)
def test_what_stands_last_is_whole_where_it_is_json_or_nothing(tmp_path: Path, end: bytes) -> None:
    """It need be no object: the beginning of one is never JSON."""
    assert not breaks_off(file_of(tmp_path, LINE + b"\n" + end))
