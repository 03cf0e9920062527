"""What a source is told to find its new rows by."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..form_texts import without_example, without_none

DAYS = re.compile(r"(?<=[\d\s])d\b")
"""A small d for days, as everybody writes it, and pandas soon no longer."""


class Watermark(BaseModel):
    """A column that grows with the table: only rows that no finished run has taken are read.

    Example:
        ```python
        from prefect_openai_batch import FileSource, Watermark

        source = FileSource(path="orders.parquet", watermark=Watermark(column="updated_at", lag="2h"))
        print(source.watermark.lag)
        ```
    """

    model_config = ConfigDict(frozen=True, extra="forbid", title="Watermark", json_schema_extra=without_example)

    column: str = Field(
        min_length=1,
        title="Column",
        description="A column of integers, dates or times in which later rows have higher values.",
        examples=["id", "updated_at"],
    )
    lag: int | str = Field(
        default=0,
        title="Lag",
        description="How far below the mark rows may still come: a number for integers, a duration such as 2h or "
        "1d for times and dates. Rows that were taken before are left out.",
        examples=["2h", 1000],
    )
    key_columns: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        title="Key columns",
        description="Columns that tell rows of one value apart; empty: all columns.",
        examples=[["id"]],
        json_schema_extra=without_none,
    )
    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        title="Name",
        description="Keeps a mark of this name, whatever is asked; empty: a mark for each request.",
        examples=["nightly"],
        json_schema_extra=without_none,
    )

    @field_validator("lag", mode="before")
    @classmethod
    def _is_a_lag(cls, lag: Any) -> Any:
        if isinstance(lag, bool) or not isinstance(lag, int | str):
            raise ValueError(f"{lag!r} is neither a whole number nor a duration such as 2h or 1d")
        if isinstance(lag, str) and lag.strip().isdecimal():
            lag = int(lag)
        if (lag if isinstance(lag, int) else nanoseconds_of(lag)) < 0:
            raise ValueError(f"{lag!r} is less than nothing")
        return lag


def nanoseconds_of(duration: str) -> int:
    """A duration such as `2h`, `1d`, `90 min` or `PT2H`, as pandas reads it.

    Raises:
        ValueError: it is none.
    """
    from pandas import Timedelta

    try:
        return int(Timedelta(DAYS.sub("D", duration.strip())).as_unit("ns").value)
    except (ValueError, AttributeError):  # of an empty text pandas makes what is no time
        raise ValueError(f"{duration!r} is no duration such as 2h, 90min or 1d") from None
