"""What a table of a database is called from outside: by its place, with nothing that opens it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import URL

SCHEMES = {"postgresql": "postgres"}
"""Schemes that others use, Prefect's documentation among them, where SQLAlchemy has another."""

USUAL_SCHEMAS = {"postgresql": "public", "mssql": "dbo"}

USUAL_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433, "oracle": 1521}


def table_url(url: URL, table: str | None) -> str | None:
    """The URL that names a table, or without one its database; None where the database has no name to be known by.

    `postgres://host/database/schema/table`, with the port where it is another than usual;
    `sqlite:///data/warehouse.db/table`. Of what the URL is opened with nothing stands in it.

    Example:
        ```python
        from prefect_openai_batch.batch.tables.sql.table_urls import table_url
        from sqlalchemy import make_url

        print(table_url(make_url("postgresql+psycopg://me:secret@db.example/lake"), "sales.labels"))
        ```
    """
    kind = url.get_backend_name()
    schema, _, name = (table or "").rpartition(".")
    if kind == "sqlite":
        if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
            return None
        return "/".join(filter(None, [f"sqlite://{Path(url.database).absolute()}", schema, name]))
    if not url.database:
        return None
    port = "" if url.port in (None, USUAL_PORTS.get(kind)) else f":{url.port}"
    place = f"{SCHEMES.get(kind, kind)}://{(url.host or 'localhost').lower()}{port}/{url.database}"
    usual = USUAL_SCHEMAS.get(kind, "") if name else ""
    return "/".join(filter(None, [place, schema or usual, name]))
