"""`--to-sql`: a table of a database as the place where the results go."""

from typing import Any

import pytest
from prefect_openai_batch import SqlDestination
from prefect_openai_batch.cli.destinations.destination_options import identity, make_destination


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"path": "a.csv", "to_sql": "W", "to_table": "t"}, "one place", id="both"),
        pytest.param({"to_sql": "W"}, "--to-table", id="no table"),
        pytest.param({"path": "a.csv", "if_exists": "append"}, "go with --to-sql", id="a file has no such word"),
        pytest.param({"to_sql": "W", "to_table": "t", "if_exists": "upsert"}, "--key-column", id="no key"),
        pytest.param({"to_sql": "pg://me:hidden-word@h/w", "to_table": "t"}, "never the URL itself", id="a URL"),
    ],
)
def test_what_contradicts_itself_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said) as refused:
        make_destination(**given)
    assert "hidden-word" not in str(refused.value)


def test_another_table_or_way_makes_another_job() -> None:
    """By its key, which the command makes of it."""
    made = [
        make_destination(to_sql="W", to_table=table, if_exists=way, key_columns=("id",) if way == "upsert" else ())
        for table in ("labels", "sales.labels")
        for way in (None, "append", "replace", "upsert")
    ]
    assert all(isinstance(one, SqlDestination) for one in made)
    assert len({identity(one) for one in made if one is not None}) == len(made)
