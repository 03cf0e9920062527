"""A source of either kind: a file, or a database's table or query; what is done with one whichever it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256

from ..errors import DatabaseError
from .row_groups import GROUP_ROWS
from .sources import FileSource, SourceReader, check_source, digest, open_source
from .sql.sql_reading import Connect, opened_table, sql_columns
from .sql.sql_source import SqlSource

Source = FileSource | SqlSource
"""Where the rows come from."""


@contextmanager
def opened(source: Source, connect: Connect | None = None, rows: int = GROUP_ROWS) -> Iterator[SourceReader]:
    """A source open for reading in the block, at most `rows` rows a batch; of a database in one snapshot.

    Args:
        source: The source.
        connect: Makes an engine for a database by its name; not needed of a file.
        rows: The most rows of a batch.

    Raises:
        SourceError: it cannot be read.
        DatabaseError: there is no such database, it cannot be reached, or nobody has said how to.
    """
    if isinstance(source, FileSource):
        yield open_source(source, rows)
        return
    if connect is None:
        raise DatabaseError(
            f"{source.name} is in a database: give connect=database_engine, which "
            "prefect_openai_batch.blocks.databases has.",
            database=source.database,
        )
    with opened_table(source, connect, min(rows, source.limit or rows)) as table:
        yield SourceReader(table, source.limit)


def columns_of(source: Source, connect: Connect | None = None) -> tuple[str, ...] | None:
    """The columns' names, no row read; None where only reading tells: of JSONL, or without a way to a database.

    Raises:
        SourceError: the beginning of a file is malformed, or a query fails.
        DatabaseError: there is no such database, or it cannot be reached.
    """
    if isinstance(source, FileSource):
        return check_source(source)
    return None if connect is None else sql_columns(source, connect)


def source_digest(source: Source) -> str:
    """A hex digest of what a source gives: of a file its bytes, of a database what it is asked.

    Raises:
        SourceError: a file is missing or cannot be read, or its kind is unknown.
    """
    return (
        digest(source) if isinstance(source, FileSource) else sha256(source.model_dump_json().encode()).hexdigest()
    )


def path_of(source: Source | str) -> str | None:
    """The path or URL of a file; None of a database."""
    if isinstance(source, str):
        return source
    return source.path if isinstance(source, FileSource) else None


def rewritten(source: Source | str, write: Callable[[str], str]) -> Source:
    """A source with its path, or its table and the texts among its parameters, written anew."""
    if isinstance(source, str):
        return FileSource(path=write(source))
    if isinstance(source, FileSource):
        return source.model_copy(update={"path": write(source.path)})
    parameters = {
        name: write(value) if isinstance(value, str) else value for name, value in source.parameters.items()
    }
    return source.model_copy(update={"table": source.table and write(source.table), "parameters": parameters})
