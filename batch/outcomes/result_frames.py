"""Results beside the rows of a DataFrame."""

import json

import pandas as pd
import pyarrow as pa

CHOICES = b"choices"
"""The name under which a column that is a choice of some words has them in its metadata, as JSON."""

NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.float64(): pd.Float64Dtype(), pa.bool_(): pd.BooleanDtype()}
"""The types of pandas that hold a row without a value."""


def with_results(frame: pd.DataFrame, results: pa.Table) -> pd.DataFrame:
    """The frame's own columns and index, and the results beside them by position."""
    columns = results.to_pandas(types_mapper=NULLABLE.get)
    for place, field in enumerate(results.schema):
        words = (field.metadata or {}).get(CHOICES)
        if words is not None:
            columns.isetitem(place, pd.Categorical(columns.iloc[:, place], categories=json.loads(words)))
    columns.index = frame.index
    columns.columns.names = frame.columns.names
    answered: pd.DataFrame = pd.concat([frame, columns], axis=1)
    answered.attrs = dict(frame.attrs)
    return answered
