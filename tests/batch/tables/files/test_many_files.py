"""A folder or a glob is one table: its files in name order, of one kind and one schema."""

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect_openai_batch.batch.errors import SourceError
from prefect_openai_batch.batch.tables.sources import FileSource, check_source, digest, open_source

from ..reading import refusal, rows_of, table_of, written

THREE = {"b.csv": "id,text\n2,b\n", "a.csv": "text,id\na,1\n", "deep/a.csv": "id,text\n3,c\n"}


def lake(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        written(folder, name, content)
    return folder


def ids(path: Path, **options: Any) -> list[str]:
    return [row["id"] for row in rows_of(path, **options)]


def test_a_folder_is_read_in_the_order_of_its_paths(tmp_path: Path) -> None:
    """The order of the first file's columns is the table's."""
    assert rows_of(lake(tmp_path / "lake", {**THREE})) == [
        {"text": "a", "id": "1"},
        {"text": "b", "id": "2"},
        {"text": "c", "id": "3"},
    ]


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("*.csv", "12"),
        ("**/*.csv", "123"),
        ("**", "123"),
        ("?.csv", "12"),
        ("[ab].csv", "12"),
        ("[!a].csv", "2"),
        ("*/*.csv", "3"),
        ("a*", "1"),
    ],
    ids=["one level", "any level", "all", "a sign", "one of", "none of", "below", "beginning"],
)
def test_a_glob_takes_the_files_that_it_matches(tmp_path: Path, glob: str, found: str) -> None:
    """As a shell would, and no folders."""
    assert ids(lake(tmp_path, {**THREE}) / glob) == [*found]


@pytest.mark.parametrize("name", ["what?.csv", "a[1].csv", "all*.csv", "d[1]/a.csv"])
def test_a_file_with_the_signs_of_a_glob_in_its_name_is_that_file(tmp_path: Path, name: str) -> None:
    """Others that the glob would match are not read with it."""
    lake(tmp_path, {name: "id\n1\n", "whats.csv": "id\n2\n", "a1.csv": "id\n3\n", "all.csv": "id\n4\n"})
    assert ids(tmp_path / name) == ["1"]


def test_hidden_files_are_none_of_a_tables(tmp_path: Path) -> None:
    """What Spark and its like leave beside their files is not read, and changes no digest."""
    path = lake(tmp_path / "_lake", {**THREE})
    before = digest(FileSource(path=str(path)))
    lake(
        path,
        {
            "_SUCCESS": "",
            "~$a.csv": "x",
            ".a.csv.crc": "x",
            "_tmp/c.csv": "x",
            ".git/c.csv": "x",
            "day_$folder$": "",
        },
    )
    assert ids(path) == ids(path / "**/*.csv") == ["1", "2", "3"]
    assert digest(FileSource(path=str(path))) == before


@pytest.mark.parametrize("glob", ["*.csv", "*.parquet", "nowhere/*.csv"])
def test_nothing_is_no_table(tmp_path: Path, glob: str) -> None:
    """A glob that matches nothing is a slip, as a missing file is."""
    said = str(refusal(lake(tmp_path / "lake", {"_a.csv": "id\n"}) / glob))
    assert "names that begin with . or _ do not count" in said


def test_files_of_one_kind_only(tmp_path: Path) -> None:
    """The odd one is named, and so is one whose name tells no kind."""
    said = str(refusal(lake(tmp_path / "lake", {**THREE, "c.jsonl": "{}"})))
    assert said.endswith(
        f"c.jsonl: is jsonl, and {tmp_path}/lake/a.csv is csv; the files of a table are of one kind."
    )
    assert "a glob, such as *.csv, takes some files" in str(
        refusal(lake(tmp_path / "other", {**THREE, "read.me": "Hello"}))
    )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("c.csv", "id\n3\n", "c.csv, column 'text': lacks this column, which is in {0}/a.csv"),
        ("c.csv", "id,text,x\n3,c,x\n", "c.csv, column 'x': has this column, which is not in {0}/a.csv"),
        ("c.csv", "id,text\n3,c,x\n", "c.csv, row 1 (line 2): has 3 fields, but the header has 2"),
        ("c.csv", "id,id\n", "c.csv, column 'id': the name stands more than once"),
    ],
    ids=["one less", "one more", "a broken row", "a broken header"],
)
def test_files_of_one_schema_only(tmp_path: Path, name: str, content: str, said: str) -> None:
    """Both files are named, and the column; of a broken row the file that it is in."""
    path = lake(tmp_path / "lake", {**THREE, name: content})
    assert said.format(path) in str(refusal(path))


def test_files_without_rows_have_no_rows(tmp_path: Path) -> None:
    """Of CSV a file without a byte too, as Spark writes for a part of no rows; a header still counts."""
    path = lake(tmp_path / "lake", {**THREE, "0.csv": "", "c.csv": "text,id\n", "d/.keep": ""})
    assert ids(path) == ["1", "2", "3"]
    assert "column 'x': has this column" in str(refusal(lake(path, {"c.csv": "text,id,x\n"})))
    assert "has no header" in str(refusal(lake(tmp_path / "none", {"0.csv": "", "1.csv": ""})))
    lines = lake(tmp_path / "lines", {"0.jsonl": "", "1.jsonl": '{"id": "1"}\n', "2.jsonl": "\n"})
    assert ids(lines) == ["1"]
    assert table_of(lake(tmp_path / "nothing", {"0.jsonl": "", "1.jsonl": "\n"})).num_rows == 0


def test_a_parquet_file_of_no_bytes_is_broken(tmp_path: Path) -> None:
    """It has no footer: whoever wrote it was stopped."""
    path = lake(tmp_path / "lake", {"b.parquet": b""})
    pq.write_table(pa.table({"id": [1]}), path / "a.parquet")
    assert "b.parquet: is not a readable Parquet file" in str(refusal(path))


def test_what_is_said_of_a_source_counts_for_all_its_files(tmp_path: Path) -> None:
    """Types, format, separator and compression; the separator that the first shows is that of all."""
    path = lake(tmp_path / "lake", {"a.txt": "id;on\n1;2026-11-24\n", "b.txt.gz": gzip.compress(b"id;on\n2;\n")})
    assert rows_of(path, format="csv", types={"id": "integer"}) == [
        {"id": 1, "on": "2026-11-24"},
        {"id": 2, "on": ""},
    ]
    assert rows_of(path, format="csv", separator=";") == rows_of(path, format="csv")
    lake(path, {"b.txt.gz": gzip.compress(b"id;on\n2;x\n")})
    said = str(refusal(path, format="csv", types={"on": "date"}))
    assert "lake/b.txt.gz, row 1, column 'on': 'x' cannot be read as date" in said


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_limit_counts_over_all_files(tmp_path: Path, kind: str, limit: int) -> None:
    """Files behind it are not looked at, not even for their columns."""
    rows = [str(number) for number in range(1, 5)]
    line = {"csv": "id\n{}\n", "jsonl": '{{"id": "{}"}}\n'}[kind]
    files = {f"{row}.{kind}": line.format(row) for row in rows} | {f"5.{kind}": "a,b\n1,2\n"}
    path = lake(tmp_path / "lake", {**files})
    if limit > 4:
        assert refusal(path, limit=limit)
    else:
        assert ids(path, limit=limit) == rows[:limit]


def test_a_jsonl_table_may_change_from_file_to_file_as_from_row_to_row(tmp_path: Path) -> None:
    """Keys that are new, missing and null, integers and numbers; what conflicts is refused with both files."""
    path = lake(tmp_path / "lake", {"a.jsonl": '{"a": 1, "b": null}\n', "b.jsonl": '{"a": 1.5, "c": {"d": 1}}\n'})
    assert rows_of(path) == [{"a": 1.0, "b": None, "c": None}, {"a": 1.5, "b": None, "c": {"d": 1}}]
    said = str(refusal(lake(path, {"c.jsonl": '{"c": {"d": 2}}\n{"a": "x"}\n'})))
    assert (
        f"lake/c.jsonl, row 2, column 'a': holds text at a, where number stands as well in {path}/a.jsonl" in said
    )
    assert [row["a"] for row in rows_of(path, types={"a": "text", "c": "text"})] == ["1", "1.5", None, "x"]


def test_a_file_that_goes_while_it_is_read_is_missed(tmp_path: Path) -> None:
    """The files are those that were there when reading began, no fewer and no more."""
    path = lake(tmp_path / "lake", {**THREE})
    reader = open_source(FileSource(path=str(path)))
    lake(path, {"c.csv": "id,text\n9,x\n"})
    assert sum(batch.num_rows for batch in reader) == 3
    (path / "b.csv").unlink()
    with pytest.raises(SourceError, match=r"lake/b\.csv: cannot be read: .*No such file"):
        list(reader)


@pytest.mark.parametrize("target", ["gone.csv", "elsewhere"], ids=["nowhere", "a folder"])
def test_a_link_is_not_left_out_in_silence(tmp_path: Path, target: str) -> None:
    """A link to a file is that file; any other is refused."""
    path = lake(tmp_path / "lake", {**THREE})
    lake(tmp_path / "elsewhere", {"x.csv": "id,text\n4,d\n"})
    (path / "link.csv").symlink_to(tmp_path / "elsewhere/x.csv")
    assert ids(path) == ["1", "2", "3", "4"]
    (path / "odd.csv").symlink_to(tmp_path / target)
    assert "odd.csv: is neither a file nor a folder" in str(refusal(path))


def test_the_columns_are_known_from_the_first_file(tmp_path: Path) -> None:
    """Opening a job looks at no others, for there may be thousands."""
    path = lake(tmp_path / "lake", {**THREE, "0.csv": "", "c.csv": ""})
    assert check_source(FileSource(path=str(path / "[!0]*.csv"))) == ("text", "id")
    assert check_source(FileSource(path=str(path))) == ("text", "id")
    assert check_source(FileSource(path=str(lake(tmp_path / "lines", {"a.jsonl": "{}"})))) is None


def test_the_digest_tells_names_and_contents_of_all_files(tmp_path: Path) -> None:
    """Below the folder, wherever that lies."""

    def of(path: Path) -> str:
        return digest(FileSource(path=str(path)))

    first = of(lake(tmp_path / "first", {**THREE}))
    assert of(lake(tmp_path / "second", {**THREE})) == of(tmp_path / "second/**/*.csv") == first
    others = [{"c.csv": "id,text\n"}, {"a.csv": "text,id\na,2\n"}, {"_x.csv": ""}]
    assert [of(lake(tmp_path / "second", {**one})) == first for one in others] == [False, False, False]
    (tmp_path / "first/a.csv").rename(tmp_path / "first/z.csv")
    assert of(tmp_path / "first") != first
    one = {"day=1/a.csv": "id\n1\n", "day=2/a.csv": "id\n1\n"}
    lake(tmp_path, {**one})
    assert of(tmp_path / "day=1") != of(tmp_path / "day=2")


def test_small_files_make_no_small_batches(tmp_path: Path) -> None:
    """A thousand files of a row each are read in a few batches, so that their parts have few row groups."""
    path = lake(tmp_path / "lake", {f"{number:03d}.jsonl": '{"id": 1}\n' for number in range(300)})
    reader = open_source(FileSource(path=str(path)), rows=100)
    assert [batch.num_rows for batch in reader] == [100, 100, 100]


def test_one_file_is_open_at_a_time(tmp_path: Path) -> None:
    """However many there are, and however far the reading has come."""
    for number in range(50):
        pq.write_table(pa.table({"id": range(number)}), tmp_path / f"{number:03d}.parquet")
    handles = Path("/proc/self/fd")
    most = 0
    for _ in open_source(FileSource(path=str(tmp_path)), rows=20):
        opened = [handle.readlink() for handle in handles.iterdir() if handle.is_symlink()]
        most = max(most, sum(path.is_relative_to(tmp_path) for path in opened))
    assert most == 1
