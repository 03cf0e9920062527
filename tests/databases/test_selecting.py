"""A source as SQL: its query as it was written, or one around it."""

from typing import Any

import pytest
from prefect_openai_batch import SqlSource
from prefect_openai_batch.batch.tables.sql.selecting import select_no_rows, select_rows
from pydantic import ValidationError
from sqlalchemy import column, create_engine

QUERY = """
    SELECT 1 AS id, '10:30' AS at, '50 %' AS share, CAST(:word AS TEXT) AS word WHERE 1 IN :numbers
    UNION ALL SELECT 2, '11:30', ':x', 'b' ORDER BY id DESC -- the last first
"""
SOURCE = SqlSource(
    database="lake", query=QUERY.replace(":x", "\\:x"), parameters={"word": "a'%", "numbers": [1, 2]}
)


def test_a_query_goes_as_it_is_or_with_a_condition_around_it(database: str) -> None:
    """Values are bound, signs in texts are texts, the order stays; a condition is on the columns' names."""
    engine = create_engine(database)
    with engine.connect() as connection:
        rows = [(2, "11:30", ":x", "b"), (1, "10:30", "50 %", "a'%")]
        assert connection.execute(select_rows(SOURCE)).all() == rows
        assert connection.execute(select_rows(SOURCE, column("id") < 2)).all() == rows[1:]
        nothing = connection.execute(select_no_rows(SOURCE))
        assert (list(nothing.keys()), nothing.all()) == (["id", "at", "share", "word"], [])
    engine.dispose()


def test_a_table_may_bear_its_schema() -> None:
    source = SqlSource(database="lake", table="Lake.reviews")
    query = " ".join(str(select_rows(source, column("id") > 5)).split())
    assert query == 'SELECT * FROM "Lake".reviews WHERE id > :id_1'
    assert source.name == "lake: table Lake.reviews"


def test_only_a_parameter_is_one(database: str) -> None:
    """A colon in a text, a comment, a name or before a number is only a colon."""
    query = """
        SELECT ':x', '{"a":1}', 'it''s :y', 5 AS "it:z /* :no */" -- don't :say
        WHERE 1 = :one /* :or 'not' */
    """
    source = SqlSource(database="lake", query=query, parameters={"one": 1})
    engine = create_engine(database)
    with engine.connect() as connection:
        found = connection.execute(select_rows(source))
        assert found.all() == [(":x", '{"a":1}', "it's :y", 5)]
        assert list(found.keys())[3] == "it:z /* :no */"
    engine.dispose()
    slices = SqlSource(database="lake", query="SELECT days[:2], days[1:2] FROM t")
    assert str(select_rows(slices)) == "SELECT days[:2], days[1:2] FROM t"
    with pytest.raises(ValidationError, match="parameter :smil, .* give the text that it stands in as one"):
        SqlSource(database="lake", query="SELECT ':smile:'")


def test_a_text_is_a_date_where_it_meets_one(postgres_url: str) -> None:
    """As the documentation's own query has it: PostgreSQL would take a typed text for no date, and refuse it."""
    row = "(SELECT DATE '2026-11-24' AS day, 1099511627776 AS number) AS row"
    query = f"SELECT number FROM {row} WHERE day = :day AND day IN :days AND number = :number"
    parameters = {"day": "2026-11-24", "days": ["2026-11-24", "2026-11-25"], "number": 2**40}
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        source = SqlSource(database="lake", query=query, parameters=parameters)
        assert connection.execute(select_rows(source)).all() == [(2**40,)]
    engine.dispose()


def test_a_cast_may_follow_a_parameter() -> None:
    source = SqlSource(database="lake", query="SELECT :days::int, x::text FROM t", parameters={"days": 1})
    assert str(select_rows(source)) == "SELECT :days ::int, x::text FROM t"


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        pytest.param({"query": "SELECT 1", "table": "t"}, "either a query or a table", id="both"),
        pytest.param({}, "either a query or a table", id="neither"),
        pytest.param(
            {"query": "SELECT :a"}, "names the parameter :a, which is not given", id="a value is missing"
        ),
        pytest.param(
            {"table": "t", "parameters": {"a": 1}}, "'a' is given, and the query names no", id="of no use"
        ),
        pytest.param({"table": "t", "tabel": "t"}, "Extra inputs", id="a field that is none"),
    ],
)
def test_what_asks_nothing_or_too_much_is_refused(fields: dict[str, Any], refused: str) -> None:
    with pytest.raises(ValidationError, match=refused):
        SqlSource(database="lake", **fields)


@pytest.mark.parametrize(
    "url",
    ["postgresql+psycopg://me:secret@db/lake", "me:secret@db", "sqlite:///secret.db"],
    ids=["whole", "without a scheme", "a file"],
)
def test_a_url_is_no_name_and_is_not_quoted(url: str) -> None:
    with pytest.raises(ValidationError, match="put it into an environment variable or a block") as refused:
        SqlSource(database=url, table="t")
    assert "secret" not in str(refused.value)


def test_every_field_has_a_text_in_the_form() -> None:
    for field in SqlSource.model_json_schema()["properties"].values():
        assert field["title"]
        assert field["description"]
