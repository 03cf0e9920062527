"""Databases by name."""

from pathlib import Path

import pytest
from prefect.blocks.system import Secret
from prefect_openai_batch import DatabaseError
from prefect_openai_batch.blocks.databases import database_engine, database_url, open_store
from prefect_openai_batch.blocks.databases.answer_stores import is_file, path_in, whole_name
from prefect_openai_batch.blocks.prefect_calls import STARTED_FOR
from prefect_openai_batch.flows.shown.assets import asset_of_table
from prefect_sqlalchemy import AsyncSqlAlchemyConnector, SqlAlchemyConnector
from pydantic import SecretStr


def test_an_environment_variable_holds_a_url(monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    monkeypatch.setenv("WAREHOUSE", database)
    engine = database_engine("WAREHOUSE")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    engine.dispose()


@pytest.mark.usefixtures("prefect_server")
def test_blocks_hold_urls() -> None:
    AsyncSqlAlchemyConnector(connection_info="postgresql+asyncpg://me:secret@db/lake").save("lake")
    SqlAlchemyConnector(connection_info="sqlite:///other.db").save("other")
    Secret(value=SecretStr("sqlite:///house.db")).save("house")
    assert database_url("lake").drivername == "postgresql+psycopg", "what only asynchronous code can use"
    assert database_url("lake").password == "secret"
    assert database_url("other").database == "other.db"
    assert database_url("house").database == "house.db"


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("held", ["nonsense-secret", "oracle9://me:secret@db"])
def test_what_is_no_url_is_refused_and_not_quoted(monkeypatch: pytest.MonkeyPatch, held: str) -> None:
    monkeypatch.setenv("WAREHOUSE", held)
    with pytest.raises(DatabaseError, match="WAREHOUSE") as refused:
        database_url("WAREHOUSE"), database_engine("WAREHOUSE")
    assert "secret" not in str(refused.value)


@pytest.mark.usefixtures("prefect_server")
def test_a_name_that_nothing_bears_is_refused() -> None:
    with pytest.raises(DatabaseError, match="no environment variable, no SqlAlchemyConnector block"):
        database_url("nowhere")


@pytest.mark.parametrize(
    ("url", "table", "key"),
    [
        ("postgresql+psycopg://me:secret@DB.example/lake", "labels", "postgres://db.example/lake/public/labels"),
        ("postgresql://me:secret@db:5433/lake?x=secret", "sales.labels", "postgres://db:5433/lake/sales/labels"),
        ("postgresql+psycopg://db:5432/lake", None, "postgres://db/lake"),
        ("postgresql://me:secret@/lake?host=/run", "labels", "postgres://localhost/lake/public/labels"),
        ("postgresql://me:secret@db", "labels", None),
        ("mysql+pymysql://me:secret@db/lake", "labels", "mysql://db/lake/labels"),
        ("sqlite:////data/lake.db", "labels", "sqlite:///data/lake.db/labels"),
        ("sqlite://", "labels", None),
        ("postgresql://db/lake", "odd labels", None),
    ],
    ids=["usual", "port", "database", "socket", "no name", "MySQL", "SQLite", "memory", "a blank"],
)
def test_a_table_is_an_asset_by_its_place(
    monkeypatch: pytest.MonkeyPatch, url: str, table: str | None, key: str | None
) -> None:
    """With nothing that opens it."""
    monkeypatch.setenv("WAREHOUSE", url)
    asset = asset_of_table("WAREHOUSE", table)
    assert (asset.key if asset else None) == key


@pytest.mark.usefixtures("prefect_server")
def test_a_name_that_nothing_bears_is_no_asset() -> None:
    assert asset_of_table("nowhere", "labels") is None


def test_a_deployed_run_takes_no_sqlite_file_by_a_relative_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would lie in the worker's folder, and go with all that was written to it when the run ends."""
    for held in ("sqlite:///house.db", "sqlite+aiosqlite:///data/house.db"):
        monkeypatch.setenv("WAREHOUSE", held)
        assert database_url("WAREHOUSE").database
        with monkeypatch.context() as deployed:
            deployed.setenv(STARTED_FOR, "06a1b7f4-52c4-7f3e-8000-5d1f0c9a7e21")
            with pytest.raises(DatabaseError, match="WAREHOUSE is a SQLite file by a relative path"):
                database_url("WAREHOUSE")
            deployed.setenv("WAREHOUSE", "sqlite:////data/house.db")
            assert database_url("WAREHOUSE").database == "/data/house.db"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite+pysqlite://"])
def test_a_database_in_memory_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Results that are loaded into it would be nowhere a moment later, and so would answers."""
    monkeypatch.setenv("WAREHOUSE", url)
    with pytest.raises(DatabaseError, match="WAREHOUSE is SQLite's in memory"):
        database_engine("WAREHOUSE")
    with pytest.raises(DatabaseError, match="of that URL is SQLite's in memory"):
        open_store(url)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("answers.db", "answers.db"),
        ("./answers", "./answers"),
        ("sqlite:///answers.db", "answers.db"),
        ("sqlite+pysqlite:////data/answers", "/data/answers"),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("sqlite:///file:answers?mode=ro&uri=true", None),
        ("postgresql+psycopg:///answers.db", None),
        ("team-answers", None),
    ],
)
def test_an_answer_store_is_a_file_by_its_path_or_by_its_url(name: str, path: str | None) -> None:
    """Either way it is found from any folder, read by its owner alone, and refused where it would not stay."""
    assert path_in(name) == path
    assert is_file(name) == (path is not None)
    assert whole_name(name) == (name if path is None else str(Path(path).absolute()))
