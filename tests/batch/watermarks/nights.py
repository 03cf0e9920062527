"""A table that grows from night to night, and a reader that takes what is new of it."""

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from prefect_openai_batch.batch.tables.new_rows.new_rows import NewRows
from prefect_openai_batch.batch.watermarks.mark import KeptMark
from prefect_openai_batch.batch.watermarks.watermark import Watermark

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class Table:
    """Rows in memory, given in batches."""

    values: pa.Array
    labels: Sequence[str]
    rows_per_batch: int = 4

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("at", self.values.type), ("label", pa.string())])

    def read(self, _kind: str, _low: int | None) -> Generator[pa.RecordBatch, None, None]:
        batch = pa.RecordBatch.from_arrays([self.values, pa.array(self.labels, pa.string())], schema=self.schema)
        for start in range(0, batch.num_rows, self.rows_per_batch):
            yield batch.slice(start, self.rows_per_batch)


@dataclass
class Reader:
    """What reads a table every night, and keeps its mark when a night finishes."""

    kept: KeptMark | None = None
    taken: Counter[tuple[Any, str]] = field(default_factory=Counter)

    def night(
        self,
        table: Table,
        lag: int | str = 0,
        *,
        now: datetime = NOW,
        fails: bool = False,
        full: bool = False,
        limit: int | None = None,
        key_columns: tuple[str, ...] | None = None,
    ) -> list[tuple[Any, str]]:
        """The rows that a night takes."""
        watermark = Watermark(column="at", lag=lag, key_columns=key_columns)
        rows = NewRows(
            table.schema,
            table.read,
            watermark,
            self.kept,
            name="table",
            now=now,
            job_key="night",
            full=full,
            limit=limit,
        )
        taken = [
            (value, label)
            for batch in rows.batches()
            for value, label in zip(plain(batch["at"]), batch["label"].to_pylist(), strict=True)
        ]
        if not fails:
            self.kept = rows.next_mark() or self.kept
            self.taken.update(taken)
        return taken


def plain(column: pa.Array) -> list[int | None]:
    """A column's values as integers."""
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    values: list[int | None] = column.cast(pa.int64()).to_pylist()
    return values
