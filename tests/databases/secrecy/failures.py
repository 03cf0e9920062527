"""Jobs from and into a database that fail, each in its own way, at a server that asks for a password."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from prefect_openai_batch import SqlDestination, SqlSource
from sqlalchemy import URL, Connection, create_engine, make_url, text

from ...conftest import free_port

USER = "locked"
PASSWORD = "Unmistakable:Pass/word+%41&7"
WRONG = "Unmistakable:Wrong/word+%42&8"

SECRETS = (PASSWORD, WRONG)

DIES = "pg_terminate_backend(pg_backend_pid())"
"""In SQL: the server ends the connection that says so."""


class Failure(NamedTuple):
    """What a job is given besides what is usual, and which URL the database's name stands for."""

    url: URL
    parameters: dict[str, Any]


@contextmanager
def asking_for_a_password(url: str) -> Iterator[URL]:
    """A user whom the server lets in with the password alone; the URL with it."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        rules = Path(str(connection.scalar(text("SHOW hba_file"))))
        before = rules.read_text()
        quoted = PASSWORD.replace("'", "''")
        connection.exec_driver_sql(f"CREATE ROLE {USER} LOGIN SUPERUSER PASSWORD '{quoted}'".replace("%", "%%"))
        try:
            asked = "".join(f"{kind} all {USER} {address} scram-sha-256\n" for kind, address in WAYS)
            rules.write_text(asked + before)
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            yield make_url(url).set(username=USER, password=PASSWORD)
        finally:
            rules.write_text(before)
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            connection.exec_driver_sql(f"REASSIGN OWNED BY {USER} TO CURRENT_USER")
            connection.exec_driver_sql(f"DROP OWNED BY {USER}")
            connection.exec_driver_sql(f"DROP ROLE {USER}")
    engine.dispose()


WAYS = (("local", ""), ("host", "127.0.0.1/32"), ("host", "::1/128"))


def make_tables(connection: Connection) -> None:
    """A source, and tables that take nothing."""
    for statement in (
        "CREATE TABLE reviews AS SELECT i AS id, 'Review ' || i AS review FROM generate_series(1, 20) i",
        "CREATE TABLE other (id int, something_else int NOT NULL)",
    ):
        connection.exec_driver_sql(statement)


def failures(url: URL, name: str) -> dict[str, Failure]:
    """Each failure, by what is wrong, of a database that is known as `name`."""
    unreachable = URL.create("postgresql+psycopg", USER, PASSWORD, "127.0.0.1", free_port(), "lake")
    whole = SqlSource(database=name, table="reviews")
    dying = f"SELECT id, review, CASE WHEN id = 15 THEN {DIES} END AS dead FROM reviews"

    def source(**asked: Any) -> dict[str, Any]:
        return {"source": SqlSource(database=name, **asked)}

    def into(table: str) -> dict[str, Any]:
        return {"destination": SqlDestination(database=name, table=table, if_exists="append")}

    return {
        "password": Failure(url.set(password=WRONG), {"source": whole}),
        "unreachable": Failure(unreachable, {"source": whole}),
        "no table": Failure(url, source(table="nowhere")),
        "query": Failure(url, source(query="SELECT id, revue FROM reviews WHERE")),
        "killed while it reads": Failure(url, source(query=dying)),
        "password of a destination": Failure(url.set(password=WRONG), into("answers")),
        "unreachable destination": Failure(unreachable, into("answers")),
        "no schema": Failure(url, into("nowhere.answers")),
        "does not fit": Failure(url, into("other")),
        "killed while it writes": Failure(url, into("answers")),
    }
