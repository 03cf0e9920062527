"""How a table becomes the content of one file: CSV, Parquet or JSONL, the same bytes of the same rows."""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from gzip import GzipFile
from io import BytesIO, StringIO
from itertools import chain
from types import NoneType
from typing import IO, Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import DestinationError
from ..json_values import json_values
from ..row_groups import DICTIONARY_BYTES, slices
from ..table_formats import SUFFIXES, WRITTEN, WRITTEN_SUFFIXES, Format, compression_of, separator_of, table_suffix
from ..value_texts import json_bytes

TEXT_BYTES = 4 * 1024 * 1024
"""About the most bytes of columns that become text at once: as text and as objects they are many more."""

SAMPLE_ROWS = 500
"""So many of the first rows tell how a Parquet file's columns are kept."""

TELLING_BYTES = 2_000
"""Of a column that is smaller in them nothing can be told: it is compressed, and looked up."""

WORTH_IT = 0.9
"""The share of its size that a compressed column has at most; others are not compressed."""

EXISTS_ALREADY = "exists already; choose another, or let it be replaced (--overwrite, if_exists='replace')"
"""What is wrong with a destination where a table stands."""

_PLAIN_CELLS = {str, int, float, NoneType}


def write_content(path: str, file: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write into an open file what belongs into one of this name; the number of rows written.

    Raises:
        DestinationError: the suffix is unknown.
    """
    write = _WRITERS[written_format(path)]
    with _compressed(file, compression_of(path)) as content:
        return write(content, path, schema, batches)


def written_format(path: str, destination: str | None = None) -> Format:
    """What is written to a file of this name, which is a destination or the first file of one.

    Raises:
        DestinationError: its suffix is none of a table's, or of one that is not written.
    """
    kind = SUFFIXES.get(table_suffix(path))
    if kind not in WRITTEN:
        problem = "is of no known kind" if kind is None else "can be read, and not written"
        ways = f"name it {WRITTEN_SUFFIXES}, or let it end in / for a folder of files"
        raise refused(destination or path, f"{problem}; {ways}")
    compression = compression_of(path)
    if compression and (compression != "gzip" or kind == "parquet"):
        raise refused(destination or path, "cannot be compressed that way; CSV and JSONL may end in .gz")
    return kind


def refused(path: str, problem: str) -> DestinationError:
    """The error that says what is wrong with a destination."""
    return DestinationError(f"The destination {path} {problem}.", path=path)


@contextmanager
def _compressed(file: IO[bytes], compression: str | None) -> Iterator[IO[bytes]]:
    if compression is None:
        yield file
        return
    # No name and no time inside, so that the same rows give the same bytes.
    with GzipFile("", "wb", 6, file, mtime=0) as content:
        yield cast(IO[bytes], content)


def _write_parquet(file: IO[bytes], _place: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    coming = (batch for batch in batches if batch.num_rows)
    first = next(coming, None)
    if first is None:
        pq.ParquetWriter(file, schema).close()
        return 0
    rows = 0
    with pq.ParquetWriter(file, schema, **_kept_as(first.slice(0, SAMPLE_ROWS))) as writer:
        for batch in chain([first], coming):
            for group in slices(batch, rows=batch.num_rows):
                writer.write_batch(group)
            rows += batch.num_rows
    return rows


def _kept_as(sample: pa.RecordBatch) -> dict[str, Any]:
    """How columns are kept: in dictionaries and compressed, but for those of which the sample becomes no smaller.

    Such are vectors and random ids, of which either takes long. Of the values in lists no statistics are kept.
    """
    plain, looked_up = _leaves(sample, use_dictionary=False), _leaves(sample, use_dictionary=True)
    told = {path: leaf for path, leaf in plain.items() if leaf.size >= TELLING_BYTES}
    random = {path for path, leaf in told.items() if leaf.compressed > WORTH_IT * leaf.size}
    unlike = {path for path, leaf in told.items() if looked_up[path].size > leaf.size}
    return {
        "compression": {path: "none" if path in random else "snappy" for path in plain},
        "use_dictionary": [path for path in plain if path not in unlike],
        "dictionary_pagesize_limit": DICTIONARY_BYTES,
        "write_statistics": [path for path, leaf in plain.items() if not leaf.repeated],
    }


class _Leaf(NamedTuple):
    """A column as Parquet knows it: its bytes, so and compressed, and whether its values are in lists."""

    size: int
    compressed: int
    repeated: bool


def _leaves(sample: pa.RecordBatch, *, use_dictionary: bool) -> dict[str, _Leaf]:
    """The columns of a sample by their paths, as they are when they are written."""
    written = BytesIO()
    with pq.ParquetWriter(written, sample.schema, use_dictionary=use_dictionary, write_statistics=False) as writer:
        writer.write_batch(sample)
    parquet = pq.ParquetFile(written)
    group = parquet.metadata.row_group(0)
    columns = [(group.column(place), parquet.schema.column(place)) for place in range(group.num_columns)]
    return {
        leaf.path: _Leaf(kept.total_uncompressed_size, kept.total_compressed_size, leaf.max_repetition_level > 0)
        for kept, leaf in columns
    }


def _write_jsonl(file: IO[bytes], _place: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    rows = 0
    for piece in _pieces(batches):
        columns = [json_values(column) for column in piece.columns]
        for row in zip(*columns, strict=True):
            file.write(json_bytes(dict(zip(schema.names, row, strict=True))) + b"\n")
        rows += piece.num_rows
    return rows


def _write_csv(file: IO[bytes], place: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    separator = separator_of(place)
    file.write(_csv_text([schema.names], separator))
    rows = 0
    for piece in _pieces(batches):
        cells = [_cells(column) for column in piece.columns]
        file.write(_csv_text(list(zip(*cells, strict=True)), separator))
        rows += piece.num_rows
    return rows


def _pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return chain.from_iterable(slices(batch, size=TEXT_BYTES) for batch in batches)


def _csv_text(rows: list[Any], separator: str) -> bytes:
    text = StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
    if "\r" in text.getvalue():
        # Before Python 3.13 the csv module quotes a carriage return only where lines end in one.
        text = StringIO(newline="")
        writer = csv.writer(text, delimiter=separator, lineterminator="\r\n")
        for row in rows:
            writer.writerow(row)
            text.seek(text.tell() - len("\r\n"))
            text.write("\n")
        text.truncate()
    return text.getvalue().encode()


def _cells(column: pa.Array) -> list[Any]:
    values = json_values(column)
    return values if set(map(type, values)) <= _PLAIN_CELLS else [_cell(value) for value in values]


def _cell(value: Any) -> Any:
    if type(value) in _PLAIN_CELLS:
        return value
    return json_bytes(value).decode()


_WRITERS: dict[Format, Callable[[IO[bytes], str, pa.Schema, Iterable[pa.RecordBatch]], int]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
    "jsonl": _write_jsonl,
}
