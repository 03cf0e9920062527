"""The new rows of a source, read as a source is."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pyarrow as pa

from ...errors import SourceError
from ...watermarks.highest import higher
from ...watermarks.kinds import Kind, lag_of, trusted_until
from ...watermarks.mark import KeptMark, Mark, lowest_read
from ...watermarks.reading import Bounds, Counts, Reading
from ...watermarks.remembered import to_bytes
from ...watermarks.watermark import Watermark
from ..row_groups import rows_at
from .column_values import ColumnKind, check_watermark, kind_of, values_of
from .row_digests import digests_of

Read = Callable[[Kind, int | None], Iterator[pa.RecordBatch]]
"""Reads a table whose watermark column is of a kind: the rows without a value and those from one on, at least."""


class NewRows:
    """The rows of a source that no finished run has taken; what is left of its batches.

    Read once, to the end, then ask for `next_mark`.
    """

    def __init__(
        self,
        schema: pa.Schema,
        read: Read,
        watermark: Watermark,
        kept: KeptMark | None,
        *,
        name: str,
        now: datetime,
        job_key: str,
        full: bool = False,
        limit: int | None = None,
        in_database: bool = False,
    ) -> None:
        """Look at the column; nothing is read yet.

        Args:
            schema: The source's.
            read: Reads the source.
            watermark: Its column and how far back it is read.
            kept: The mark of the last finished run; None where there is none.
            name: What messages call the source.
            now: When the reading begins.
            job_key: The job that reads.
            full: Whether all rows are new.
            limit: Only so many new rows.
            in_database: Whether the column's type is a database's, and can be cast in its query.

        Raises:
            SourceError: the column is not there, or its values cannot be a watermark, or are no longer what they
                were when the mark was kept; or a key column is not there.
        """
        self.schema = schema
        self._read, self._watermark, self._name = read, watermark, name
        self._now, self._job_key, self._full, self._limit = now, job_key, full, limit
        self._kept, self._before = kept, None if full else kept
        self._has_values = False
        self._column = self._kind(in_database)
        self._digested = self._digested_columns()
        self.mark_before = None if self._before is None else self._before.mark
        self.low = lowest_read(self.mark_before, watermark, self._column.kind)
        self._lag = lag_of(watermark, self._column.kind)
        remembered = None if self._before is None else self._before.remembered()
        self._reading = Reading(self._bounds(), remembered, limit)

    @property
    def counts(self) -> Counts:
        """How many rows were found new so far, and how many known."""
        return self._reading.counts

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The new rows in order.

        Raises:
            SourceError: the table is broken, or an integer has more than 64 bits.
        """
        for batch in self._read(self._column.kind, self.low):
            if self._reading.is_cut_off:
                return
            taken = self._taken(batch)
            if len(taken) == batch.num_rows:
                yield batch
            elif len(taken):
                yield rows_at(batch, taken)

    def next_mark(self) -> KeptMark | None:
        """The mark to be kept once the rows that were read are done with; None of a table without columns.

        It stays as it is where nothing was new, and only says who read the table last; also where a full reading
        was cut off at its limit. Another that was cut off moves no mark either, for nobody knows what else there
        is, and has its rows remembered.
        """
        if not self.schema.names:
            return None
        kept = self._kept or KeptMark(self._mark(None, None), b"")
        cut_off, value, floor = self._reading.is_cut_off, kept.mark.value, kept.mark.floor
        if not self.counts.new or (cut_off and self._full and self._kept):
            as_it_was = {"read_at": self._now, "job_key": self._job_key, "full": False}
            return KeptMark(kept.mark.model_copy(update=as_it_was), kept.seen)
        if cut_off:
            return KeptMark(self._mark(value, floor), kept.seen + to_bytes(self._reading.taken()))
        found = self._reading.found()
        value = higher(None if found.mark is None else found.mark * self._column.scale, self._mark_value)
        return KeptMark(self._mark(value, self._floor_below(value)), to_bytes(found.seen))

    @property
    def _mark_value(self) -> int | None:
        return None if self.mark_before is None else self.mark_before.value

    def _floor_below(self, value: int | None) -> int | None:
        """From where on rows are remembered with a mark: the lag below it, as far as they were read."""
        return None if value is None else higher(value - self._lag, self.low)

    def _mark(self, value: int | None, floor: int | None) -> Mark:
        return Mark(
            kind=self._column.kind if self._has_values else self._before and self._before.mark.kind,
            value=value,
            floor=floor,
            read_at=self._now,
            job_key=self._job_key,
            full=self._full,
        )

    def _taken(self, batch: pa.RecordBatch) -> list[int]:
        try:
            values, valid = values_of(batch[self._watermark.column])
        except pa.ArrowInvalid as error:
            raise SourceError(
                f"{self._name}, column {self._watermark.column!r}: an integer of more than 64 bits cannot be a "
                f"watermark: {error}.",
                path=self._name,
                column=self._watermark.column,
            ) from None
        self._has_values |= bool(valid.any())
        places = self._reading.take(
            values, valid, lambda places: digests_of(batch, places.tolist(), self._digested)
        )
        taken: list[int] = places.tolist()
        return taken

    def _kind(self, in_database: bool) -> ColumnKind:
        """The kind of the column; any will do where there is no value, or where JSONL has no lines."""
        names, column = self.schema.names, self._watermark.column
        if names:
            check_watermark(self._watermark, names, self._name)
        if names and not pa.types.is_null(self.schema.field(column).type):
            return kind_of(self.schema, column, self._name, in_database=in_database)
        known = None if self._before is None else self._before.mark.kind
        return ColumnKind(known or ("integer" if isinstance(self._watermark.lag, int) else "instant"))

    def _digested_columns(self) -> tuple[str, ...]:
        """The columns that tell rows apart: the watermark's own is always among them."""
        keys = self._watermark.key_columns
        if keys is None or not self.schema.names:
            return tuple(self.schema.names)
        if missing := [name for name in keys if name not in self.schema.names]:
            raise SourceError(
                f"{self._name} has no column {missing[0]!r}, which the watermark names as a key column.",
                path=self._name,
                column=missing[0],
            )
        return tuple({*keys, self._watermark.column})

    def _bounds(self) -> Bounds:
        """The bounds in the column's own unit; each is cut so that no row is left out that counts."""
        scale, kind = self._column.scale, self._column.kind
        until = trusted_until(kind, self._now)
        mark = self._mark_value
        return Bounds(
            low=None if self.low is None else -(-self.low // scale),
            mark=None if mark is None else mark // scale,
            lag=-(-self._lag // scale),
            trusted_until=None if until is None else until // scale,
        )
