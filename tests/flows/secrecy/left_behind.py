"""All that runs leave behind, as text: Prefect's whole database, results, and the files of a folder."""

import base64
import html
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

import pyarrow.parquet as pq


def spellings(secret: str) -> set[str]:
    """How a secret may be written: as it is, in JSON, once more in JSON, in bytes, addresses, pages and Base64."""
    in_json = json.dumps(secret)[1:-1]
    return {
        secret,
        in_json,
        json.dumps(in_json)[1:-1],
        repr(secret.encode())[2:-1],
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        html.escape(secret),
        base64.b64encode(secret.encode()).decode(),
        base64.urlsafe_b64encode(secret.encode()).decode(),
    }


def in_database(path: Path) -> Iterator[tuple[str, str]]:
    """Every row of every table: flow runs, parameters, states, logs, artifacts, events, blocks."""
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                yield f"table {table}", " ".join(map(_text, row))


def in_folder(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file, by its name and its bytes; of tables what they hold."""
    for path in folder.rglob("*"):
        yield "a path", str(path)
        if path.is_file():
            yield str(path), path.read_bytes().decode("latin-1")
        if path.suffix == ".parquet":
            yield str(path), str(pq.read_table(path).to_pydict())


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
