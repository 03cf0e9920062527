"""A column of two values of every kind that pandas has, a null among them where it has one."""

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa


def _arrow(values: list[Any], kind: pa.DataType) -> pd.Series:
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.array(values, kind)))


UNITS = ("s", "ms", "us", "ns")
NULL: Any = None
AT = dt.datetime(2024, 1, 2, 3, 4, 5)

KINDS: dict[str, pd.Series] = {
    **{
        kind: pd.Series(np.array([1, 0], dtype=kind))
        for kind in ("bool", "int8", "int64", "uint64", "float16", "float32", "float64")
    },
    **{kind: pd.Series([1, None], dtype=kind) for kind in ("Int8", "Int64", "UInt64", "Float32", "Float64")},
    **{kind: pd.Series(np.array([AT, "NaT"], dtype=kind)) for kind in (f"datetime64[{unit}]" for unit in UNITS)},
    **{kind: pd.Series(np.array([90, "NaT"], dtype=kind)) for kind in (f"timedelta64[{unit}]" for unit in UNITS)},
    "boolean": pd.Series([True, None], dtype="boolean"),
    "string": pd.Series(["a", None], dtype="string"),
    "str": pd.Series(["a", None], dtype="str"),
    "zoned": pd.Series(pd.to_datetime([AT, NULL], utc=True)).dt.tz_convert("Europe/Berlin"),
    "category": pd.Series(pd.Categorical(["a", None])),
    "category of integers": pd.Series(pd.Categorical([1, None])),
    "category of moments": pd.Series(pd.Categorical([AT, None])),
    "period": pd.Series(pd.PeriodIndex(["2024-01", None], freq="M")),
    "interval": pd.Series(pd.arrays.IntervalArray.from_tuples([(0, 1), NULL])),
    "object of texts": pd.Series(["a", None], dtype=object),
    "object of integers": pd.Series([2**53 + 1, None], dtype=object),
    "object of decimals": pd.Series([Decimal("1.50"), None]),
    "object of dates": pd.Series([dt.date(2024, 1, 2), None]),
    "object of times": pd.Series([dt.time(1, 2, 3), None]),
    "object of lists": pd.Series([["a"], None]),
    "object of arrays": pd.Series([np.array([1.5]), None]),
    "object of dicts": pd.Series([{"a": 1}, None]),
    "object of bytes": pd.Series([b"a", None]),
    "object of uuids": pd.Series([UUID(int=1), None]),
    "arrow integer": _arrow([1, None], pa.int64()),
    "arrow text": _arrow(["a", None], pa.large_string()),
    "arrow binary": _arrow([b"a", None], pa.binary()),
    "arrow decimal": _arrow([Decimal("1.50"), None], pa.decimal128(5, 2)),
    "arrow date": _arrow([dt.date(2024, 1, 2), None], pa.date32()),
    "arrow time": _arrow([dt.time(1, 2, 3), None], pa.time64("us")),
    "arrow moment": _arrow([AT, None], pa.timestamp("us")),
    "arrow moment in no known zone": _arrow([AT, None], pa.timestamp("us", "Z")),
    "arrow duration": _arrow([dt.timedelta(1), None], pa.duration("us")),
    "arrow list": _arrow([["a"], None], pa.list_(pa.string())),
    "arrow large list": _arrow([["a"], None], pa.large_list(pa.string())),
    "arrow vector": _arrow([[1.5, 2.5], None], pa.list_(pa.float32(), 2)),
    "arrow object": _arrow([{"a": 1}, None], pa.struct([("a", pa.int64())])),
    "arrow map": _arrow([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
    "arrow dictionary": _arrow(["a", None], pa.dictionary(pa.int32(), pa.string())),
    "arrow nothing": _arrow([None, None], pa.null()),
}  # fmt: skip
