"""Files that are compressed: a .zip of one file is that file, and what is not read is told so."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from fsspec.utils import compressions

from ..reading import refusal, rows_of, written


def zipped(path: Path, members: dict[str, str]) -> Path:
    with ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_zip_of_one_file_is_that_file(tmp_path: Path) -> None:
    """In a folder too, and with what a Mac puts beside it."""
    members = {"days/": "", "days/a.csv": "x\n1\n", "__MACOSX/days/._a.csv": "icon"}
    assert rows_of(zipped(tmp_path / "a.csv.zip", members)) == [{"x": "1"}]


@pytest.mark.parametrize(
    ("names", "said"),
    [("ab", "2, a, b"), ("abcd", "4, a, b, c, …"), (["days/"], "none"), ("", "none")],
    ids=["two files", "four files", "a folder", "nothing"],
)
def test_a_zip_of_more_files_or_none_is_refused(tmp_path: Path, names: list[str], said: str) -> None:
    """No row is left out in silence."""
    path = zipped(tmp_path / "a.csv.zip", dict.fromkeys(names, "x\n1\n"))
    refused = str(refusal(path))
    assert f"a .zip is read if it holds one file, and this holds {said}; unpack it" in refused


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"PK", b"KP", "cannot be read: File is not a zip file"),
        (b"x\n1\n", b"x\n2\n", "cannot be read: Bad CRC-32"),
        (b"\x14\0\0\0", b"\x14\0\1\0", "password required for extraction; unpack it"),
    ],
    ids=["no zip", "broken inside", "encrypted"],
)
def test_a_zip_that_cannot_be_read_is_refused(tmp_path: Path, old: bytes, new: bytes, said: str) -> None:
    """By its name, and with what is wrong."""
    content = zipped(tmp_path / "a.csv.zip", {"a.csv": "x\n1\n"}).read_bytes()
    assert said in str(refusal(written(tmp_path, "a.csv.zip", content.replace(old, new))))


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", None])
@pytest.mark.parametrize("suffix", ["zst", "lz4", "snappy", "br", "7z", "tar", "tar.gz", "TGZ"])
def test_what_is_compressed_in_another_way_is_told_so(tmp_path: Path, suffix: str, kind: str | None) -> None:
    """Whatever the format is said to be."""
    if suffix in compressions:
        pytest.skip("fsspec has found a library that reads it")
    error = refusal(written(tmp_path, f"a.csv.{suffix}", b"x\n1\n"), format=kind)
    assert "in a way that is not read here: .gz, .bz2, .xz and a .zip of one file are" in str(error)
