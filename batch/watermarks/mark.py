"""The mark of a table: what no run needs to read again, and what is remembered of the rest."""

from dataclasses import dataclass
from datetime import datetime

from ..errors import SourceError
from ..storage.records import Record
from .kinds import NAMES, Kind, lag_of, shown
from .remembered import Remembered
from .watermark import Watermark


class Mark(Record):
    """How far a table was taken.

    Rows below `floor` are done with; at or above it, and where there is no value, those are that are remembered.
    None stands for a mark that is below every value. `read_at` is when the table was read that the mark tells of,
    `job_key` the job that read it, `asks` what that asked, and where its table went, for people; `kind` is None
    while no row has had a value.
    """

    kind: Kind | None
    value: int | None
    floor: int | None
    read_at: datetime
    job_key: str
    full: bool = False
    asks: str = ""

    @property
    def shown(self) -> str:
        """The mark as a person reads it."""
        return "none yet" if self.value is None or self.kind is None else shown(self.kind, self.value)

    def follows(self, other: "Mark") -> bool:
        """Whether it takes the place of another: it was read no earlier, and is no lower, unless all was read."""
        if self.read_at < other.read_at:
            return False
        return self.full or self.kind != other.kind or _or_lowest(self.value) >= _or_lowest(other.value)


@dataclass(frozen=True)
class KeptMark:
    """A mark, and the digests of the rows that are remembered with it."""

    mark: Mark
    seen: bytes

    def remembered(self) -> Remembered:
        """The rows that are remembered."""
        return Remembered.from_bytes(self.seen)


def lowest_read(mark: Mark | None, watermark: Watermark, kind: Kind) -> int | None:
    """The lowest value that is read: the lag below the mark, as far as rows are remembered; None reads all.

    Raises:
        SourceError: the column holds something else than when the mark was kept, or the lag does not fit it.
    """
    lag = lag_of(watermark, kind)
    if mark is None:
        return None
    if mark.kind is not None and mark.kind != kind:
        raise SourceError(
            f"The watermark column {watermark.column!r} holds {NAMES[kind]}, and its mark ({mark.shown}) is of "
            f"{NAMES[mark.kind]}. If the column was changed, --full (`full` in the options) takes all rows and "
            "begins a new mark.",
            column=watermark.column,
        )
    if mark.value is None or mark.floor is None:
        return None
    return max(mark.value - lag, mark.floor)


def _or_lowest(value: int | None) -> float | int:
    return float("-inf") if value is None else value
