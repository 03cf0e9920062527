"""A CSV in, a table of a database out: new answers take the place of old ones, by the rows' key.

Runs as it stands, on SQLite. For a warehouse of your own let WAREHOUSE hold its URL, or name a block of
prefect-sqlalchemy's.
"""

import os
from pathlib import Path

from prefect_openai_batch import ChatRequest, FileSource, SqlDestination, openai_batch
from sqlalchemy import create_engine, text

DATABASE = "WAREHOUSE"
"""The name of an environment variable here; parameters, logs and records hold this name, and no URL."""


def main() -> None:
    """Label the first reviews, and count in SQL what came back."""
    os.environ.setdefault(DATABASE, "sqlite:///warehouse.db")
    source = FileSource(path=str(Path(__file__).with_name("reviews.csv")), limit=20)
    request = ChatRequest(model="gpt-5-mini", prompt="Positive, negative or mixed? {{ review }}")
    labels = SqlDestination(database=DATABASE, table="labels", if_exists="upsert", key_columns=("review_id",))
    report = openai_batch(source, request, labels)
    print(f"{report.answered} of {report.rows} rows in {report.destination}")
    with create_engine(os.environ[DATABASE]).connect() as connection:
        counted = connection.execute(text("SELECT outcome, count(*) AS answers FROM labels GROUP BY outcome"))
        print({row.outcome: row.answers for row in counted})


if __name__ == "__main__":
    main()
