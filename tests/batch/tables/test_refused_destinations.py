"""Destinations that cannot be written are refused early."""

import os
import re
from pathlib import Path

import pyarrow as pa
import pytest
from prefect_openai_batch.batch.errors import DestinationError
from prefect_openai_batch.batch.tables.destinations import check_destination, write_table


@pytest.mark.parametrize(
    "name",
    [
        "out",
        "out.txt",
        "out.json",
        "out.csv.zip",
        "out.csv.bz2",
        "out.parquet.gz",
        "out.xlsx",
        "o/*.txt",
        "o/*.arrow",
    ],
)
def test_an_unknown_kind_is_refused(tmp_path: Path, name: str) -> None:
    """Early, and again where one writes without asking."""
    with pytest.raises(DestinationError, match=re.escape(name)):
        check_destination(str(tmp_path / name))
    with pytest.raises(DestinationError, match=re.escape(name)):
        write_table(str(tmp_path / name), pa.schema([]), [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.jsonl", "out.csv.gz", "new/folder/out.tsv"])
def test_a_destination_that_can_be_made_is_accepted(tmp_path: Path, name: str) -> None:
    """Looking leaves nothing behind."""
    check_destination(str(tmp_path / name), "refuse")
    assert list(tmp_path.iterdir()) == []


def test_a_destination_that_exists_is_refused_unless_it_may_be_replaced(tmp_path: Path) -> None:
    """The error holds the path."""
    path = tmp_path / "out.csv"
    path.write_text("precious")
    with pytest.raises(DestinationError, match="exists already") as refused:
        check_destination(str(path), "refuse")
    assert refused.value.details == {"path": str(path)}
    check_destination(str(path), "replace")
    assert path.read_text() == "precious"


def test_a_directory_is_refused_even_for_replacing(tmp_path: Path) -> None:
    """A folder is never replaced by a file."""
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(DestinationError, match="directory"):
        check_destination(str(tmp_path / "out.csv"), "replace")


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    """A file cannot hold another."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DestinationError, match="not a folder"):
        check_destination(str(tmp_path / "file/out.csv"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """Said before anything is paid for."""
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(DestinationError, match="does not let you"):
        check_destination(str(tmp_path / "closed/out.csv"))


@pytest.mark.parametrize("url", ["nowhere://bucket/out.csv", "https://127.0.0.1:1/out.csv"])
def test_a_protocol_that_cannot_be_written_is_refused(url: str) -> None:
    """It is the destination's fault, not a crash; nothing is asked over the network."""
    with pytest.raises(DestinationError, match=url):
        check_destination(url)
