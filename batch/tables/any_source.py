"""A source of either kind: a file, or a database's table or query; what is done with one whichever it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from os import PathLike, fspath

from ..errors import DatabaseError, SourceError
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
    with opened_table(source, way_to(source, connect), min(rows, source.limit or rows)) as table:
        yield SourceReader(table, source.limit)


def way_to(source: SqlSource, connect: Connect | None) -> Connect:
    """What makes an engine for a source's database.

    Raises:
        DatabaseError: nobody has given it.
    """
    if connect is None:
        raise DatabaseError(
            f"{source.name} is in a database: give connect=database_engine, which "
            "prefect_openai_batch.blocks.databases has.",
            database=source.database,
        )
    return connect


def columns_of(source: Source, connect: Connect | None = None) -> tuple[str, ...] | None:
    """The columns' names, no row read; None where only reading tells: of JSONL, or without a way to a database.

    Raises:
        SourceError: the beginning of a file is malformed, or a query fails.
        DatabaseError: there is no such database, or it cannot be reached.
    """
    if isinstance(source, FileSource):
        return check_source(source)
    return None if connect is None else sql_columns(source, connect)


CONTENT = "content:"
"""What a digest begins with that `source_digest` has made of files; any other is its maker's own."""


def source_digest(source: Source) -> str:
    """A digest of what a source gives: of files their bytes, of a database what it is asked.

    Raises:
        SourceError: a file is missing or cannot be read, or its kind is unknown.
    """
    if isinstance(source, FileSource):
        return f"{CONTENT}{digest(source)}"
    return sha256(source.model_dump_json().encode()).hexdigest()


def check_content(source: Source, known: str | None) -> None:
    """Refuse files that have changed since a digest was made of them; `known` may be another kind of digest.

    Raises:
        SourceError: they have.
    """
    if known is not None and known.startswith(CONTENT) and source_digest(source) != known:
        raise SourceError(
            f"{source.name}: it changed since this job was begun, whose key tells what was there then. The same "
            "command again takes what is there now; where files come all the time, name those that are done.",
            path=source.name,
        )


def path_of(source: Source | str) -> str | None:
    """The path or URL of a file; None of a database."""
    if isinstance(source, str):
        return source
    return source.path if isinstance(source, FileSource) else None


def rewritten(source: Source | str | PathLike[str], write: Callable[[str], str]) -> Source:
    """A source with its path, or its table and the texts among its parameters, written anew."""
    if isinstance(source, str | PathLike):
        return FileSource(path=write(fspath(source)))
    if isinstance(source, FileSource):
        return source.model_copy(update={"path": write(source.path)})
    parameters = {
        name: write(value) if isinstance(value, str) else value for name, value in source.parameters.items()
    }
    return source.model_copy(update={"table": source.table and write(source.table), "parameters": parameters})
