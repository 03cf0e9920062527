"""Rows from a database, answers beside them: a query's rows go to a job as a file's do.

    pip install 'prefect-openai-batch[sql]'
    python examples/from_a_database.py

It makes a small database of its own, reviews.sqlite, and names it by an environment variable. Yours has a URL
such as postgresql+psycopg://user:password@host/warehouse, in a variable or a block of Prefect's: the job knows the
name alone.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from prefect_openai_batch import ChatRequest, SqlSource, openai_batch

REVIEWS = [
    (1, "It broke on the first day.", "2026-11-23", 19.99),
    (2, "I would buy it again.", "2026-11-24", 24.50),
    (3, "Good sound, weak battery.", "2026-11-24", 99.00),
]


def make_database(path: Path) -> None:
    """A table of reviews, as a shop might have it."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TABLE IF EXISTS reviews")
        database.execute(
            "CREATE TABLE reviews (id INTEGER PRIMARY KEY, review TEXT, day DATE, price DECIMAL(8,2))"
        )
        database.executemany("INSERT INTO reviews VALUES (?, ?, ?, ?)", REVIEWS)


def main() -> None:
    """Ask about one day's reviews."""
    make_database(Path("reviews.sqlite"))
    os.environ["WAREHOUSE"] = "sqlite:///reviews.sqlite"
    source = SqlSource(
        database="WAREHOUSE",
        query="SELECT id, review, price FROM reviews WHERE day = :day ORDER BY id",
        parameters={"day": "2026-11-24"},  # bound, never written into the query
    )
    request = ChatRequest(
        model="gpt-5-mini",
        prompt="What does the buyer think? {{ review }}",
        answer={"sentiment": "positive | negative | mixed"},
    )
    report = openai_batch(source, request, "sentiments.parquet", job_key="from-a-database", if_exists="replace")
    print(f"{report.answered} of {report.rows} rows answered: {report.destination}")


if __name__ == "__main__":
    main()
