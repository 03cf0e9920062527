"""Which kind of table a file is, told by its name."""

from pathlib import PurePosixPath
from typing import Literal

from fsspec.utils import infer_compression

Format = Literal["csv", "parquet", "jsonl", "excel", "arrow"]
"""The kinds of tables that are read; CSV may be separated by tabs."""

WRITTEN: frozenset[Format] = frozenset({"csv", "parquet", "jsonl"})
"""Those that are written too."""

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
SPREADSHEETS = frozenset({".xlsb", ".xls", ".ods"})
"""Those that are not read here."""

PACKED = frozenset({".zst", ".lz4", ".snappy", ".br", ".7z", ".rar", ".tar", ".tgz"})
"""Those of compressed files that are not read here, unless fsspec finds a library that does."""

KNOWN_SUFFIXES = ", ".join(SUFFIXES)
WRITTEN_SUFFIXES = ", ".join(suffix for suffix, kind in SUFFIXES.items() if kind in WRITTEN)


def compression_of(path: str) -> str | None:
    """How a file is compressed by its name, as fsspec calls it: `gzip` for `reviews.csv.gz`."""
    compression: str | None = infer_compression(_file_name(path))
    return compression


def table_suffix(path: str) -> str:
    """The suffix that tells the kind of table, in lower case: `.csv` for `Reviews.CSV.gz`."""
    name = PurePosixPath(_file_name(path))
    return PurePosixPath(name.stem if compression_of(path) else name).suffix.lower()


def separator_of(path: str) -> str:
    """What stands between the fields of a CSV file of this name."""
    return "\t" if table_suffix(path) == ".tsv" else ","


def _file_name(path: str) -> str:
    """The last part of a path; over HTTP the path is a URL, which may end in a query."""
    whole = path.partition("?")[0] if "://" in path else path
    return whole.rsplit("/", 1)[-1]
