"""Results brought into tables of real databases."""

from threading import Event, Thread

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect_openai_batch import DestinationError
from prefect_openai_batch.batch.tables.sql.loads.engines import OPTIONS, prepare
from prefect_openai_batch.batch.tables.sql.loads.ledger import ContestedError, Entry, Ledger
from prefect_openai_batch.batch.tables.sql.loads.staging import Staging
from prefect_openai_batch.batch.tables.sql.loads.target_tables import find_table, update_and_add_rows
from sqlalchemy import MetaData, Table, create_engine, make_url, select

from .results_tables import BY_DATABASE, KINDS, bring, execute, labels, numbered, rows_of

WAYS = {"refuse": (), "append": (), "replace": (), "upsert": ("id",)}


def test_every_kind_of_column_comes_back(database: str) -> None:
    backend = make_url(database).get_backend_name()
    columns = {name: column for name, (column, _) in KINDS.items()}
    wanted = {name: values for name, (_, values) in KINDS.items()}
    columns |= {name: column for name, (column, _) in BY_DATABASE.items()}
    wanted |= {name: by[backend] for name, (_, by) in BY_DATABASE.items()}
    bring(database, labels(), pa.table(columns))
    engine = create_engine(database)
    with engine.connect() as connection:
        found = Table("labels", MetaData(), autoload_with=connection)
        assert {column.name: list(connection.execute(select(column)).scalars()) for column in found.columns} == {
            name: [*values, None] for name, values in wanted.items()
        }
    engine.dispose()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.lists(st.none() | st.text(), max_size=3), min_size=20, max_size=50))
def test_whatever_a_text_holds_it_comes_back(postgres_url: str, texts: list[list[str | None]]) -> None:
    """Alone, in arrays and in JSON, but for the character 0, which PostgreSQL holds nowhere."""
    columns = {
        "one": pa.array([one[0] if one else None for one in texts], pa.string()),
        "array": pa.array(texts, pa.list_(pa.string())),
        "json": pa.array([{"texts": one} for one in texts], pa.struct({"texts": pa.list_(pa.string())})),
    }
    held = [[each and each.replace("\0", "\N{REPLACEMENT CHARACTER}") for each in one] for one in texts]
    engine = create_engine(postgres_url, **OPTIONS)
    with engine.connect() as connection:
        staging = Staging(connection, pa.schema({name: column.type for name, column in columns.items()}), "job")
        staging.write(pa.table(columns).to_batches())
        found = [tuple(row) for row in connection.execute(select(staging.table))]
    assert found == [(one[0] if one else None, one, {"texts": one}) for one in held]


@pytest.mark.parametrize("way", WAYS)
def test_the_same_job_again_adds_nothing(database: str, way: str) -> None:
    """After a crash the same results are brought once more; the rows of others stay as if_exists says."""
    into = labels(if_exists=way, key_columns=WAYS[way])
    others = [] if way == "refuse" else [1, 2]
    if others:
        bring(database, into, numbered(others, "old"), "others")
    for _ in range(2):
        bring(database, into, numbered([2, 3]))
    old = {"append": [(1, "old"), (2, "good"), (2, "old")], "upsert": [(1, "old"), (2, "good")]}
    assert rows_of(database) == [*old.get(way, [(2, "good")]), (3, "good")]
    kept = rows_of(database, "SELECT job_key, row_count FROM openai_batch_loads ORDER BY job_key")
    assert kept == [("job", 2), *([("others", 2)] if way in ("append", "upsert") else [])]


@pytest.mark.parametrize("way", WAYS)
def test_other_results_of_the_same_job_take_the_place_of_its_first(database: str, way: str) -> None:
    """As after `resume`; appended they would stand twice, and are refused."""
    into = labels(if_exists=way, key_columns=WAYS[way])
    bring(database, into, numbered([1, 2], "missing"))
    if way == "append":
        with pytest.raises(DestinationError, match="2 rows of this job already.*--if-exists upsert"):
            bring(database, into, numbered([1, 2]), digest="second")
        return
    bring(database, into, numbered([1, 2]), digest="second")
    assert rows_of(database) == [(1, "good"), (2, "good")]


def test_a_table_of_the_job_that_others_have_written_to_is_not_emptied(database: str) -> None:
    bring(database, labels(), numbered([1, 2]))
    execute(database, "INSERT INTO labels VALUES (3, 'theirs')")
    with pytest.raises(DestinationError, match="exists already, with 2 rows of this very job"):
        bring(database, labels(), numbered([1, 2]), digest="second")
    assert len(rows_of(database)) == 3


def test_a_table_that_is_gone_is_made_again(database: str) -> None:
    bring(database, labels(), numbered([1]))
    execute(database, "DROP TABLE labels")
    bring(database, labels(), numbered([1]))
    assert rows_of(database) == [(1, "good")]


def test_an_upsert_leaves_the_columns_of_others(database: str) -> None:
    execute(
        database,
        "CREATE TABLE labels (id BIGINT NOT NULL PRIMARY KEY, answer TEXT, note TEXT)",
        "INSERT INTO labels VALUES (1, 'old', 'mine')",
    )
    bring(database, labels(if_exists="upsert", key_columns=["id"]), numbered([1, 2]))
    assert rows_of(database, "SELECT * FROM labels ORDER BY id") == [(1, "good", "mine"), (2, "good", None)]


def test_an_upsert_in_the_words_of_every_database_does_the_same(database: str) -> None:
    execute(database, "CREATE TABLE labels (id BIGINT, answer TEXT, note TEXT)")
    execute(database, "INSERT INTO labels VALUES (1, 'old', 'mine')")
    engine = create_engine(database, **OPTIONS)
    results = numbered([1, 2])
    with prepare(engine).begin() as connection:
        table = find_table(connection, labels())
        assert table is not None
        staging = Staging(connection, results.schema, "job")
        staging.write(results.to_batches())
        update_and_add_rows(connection, table, staging, ["id"])
    assert rows_of(database, "SELECT * FROM labels ORDER BY id") == [(1, "good", "mine"), (2, "good", None)]


def test_a_schema_is_named_before_the_table(postgres_url: str) -> None:
    execute(postgres_url, "CREATE SCHEMA sales")
    bring(postgres_url, labels(table="sales.labels"), numbered([1]))
    assert rows_of(postgres_url, "SELECT id FROM sales.labels, sales.openai_batch_loads") == [(1,)]


def test_nothing_is_left_of_a_staging_table(database: str) -> None:
    bring(database, labels(), numbered([1]))
    engine = create_engine(database)
    with engine.connect() as connection:
        metadata = MetaData()
        metadata.reflect(connection)
    engine.dispose()
    assert set(metadata.tables) == {"labels", "openai_batch_loads"}


def test_readers_see_the_old_rows_or_the_new(database: str) -> None:
    """Whenever they look while rows are replaced: all of the one, or all of the other."""
    into, over, seen = labels(if_exists="replace"), Event(), set()
    bring(database, into, numbered(range(1_000), "old"))

    def read() -> None:
        while not over.is_set():
            seen.add(tuple(rows_of(database, "SELECT answer, count(*) FROM labels GROUP BY answer")))

    reader = Thread(target=read)
    reader.start()
    bring(database, into, numbered(range(20_000)), digest="second")
    over.set()
    reader.join()
    assert seen <= {(("old", 1_000),), (("good", 20_000),)}


def test_of_two_that_load_the_same_job_one_adds_its_rows(database: str) -> None:
    into, results = labels(if_exists="append"), numbered(range(5_000))
    bring(database, into, numbered([-1]), "others")
    both = [Thread(target=bring, args=(database, into, results)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert rows_of(database, "SELECT count(*) FROM labels") == [(5_001,)]


def test_nobody_takes_away_what_another_has_written_meanwhile(postgres_url: str) -> None:
    """Who has looked before the other's end, and comes after it, loads nothing: the rows would stand twice."""
    into, results = labels(if_exists="append"), numbered(range(3))
    bring(postgres_url, into, numbered([-1]), "others")
    ledger, engine = Ledger(into), create_engine(postgres_url, **OPTIONS)
    for digest, entry in (("first", None), ("second", Entry("first", 3))):
        with prepare(engine).connect() as connection:
            assert ledger.find(connection, "job") == entry
            bring(postgres_url, labels(if_exists="replace"), results, digest=digest)
            with pytest.raises(ContestedError):
                ledger.enter(connection, "job", Entry("mine", 3), entry)
    engine.dispose()
    assert rows_of(postgres_url, "SELECT digest FROM openai_batch_loads WHERE job_key = 'job'") == [("second",)]
