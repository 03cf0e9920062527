"""Arrow columns as JSON's values: dates and times in ISO 8601, decimals as text, bytes in base64."""

from base64 import b64encode
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from .json_types import holds
from .temporal_values import temporal_values
from .value_texts import text

import_module("pandas.core.arrays.arrow.extension_types")  # tells Arrow of pandas' types, in every process

_OF_PANDAS = ("pandas.period", "pandas.interval")
"""Types that Arrow keeps as numbers, and whose text pandas knows: `2024-01`, `(0, 1]`."""


def row_values(column: pa.Array) -> list[Any]:
    """The values of a column as templates and functions get them, None for null.

    They are Python's own, whose `text` is what `json_values` gives; lists and nested values hold JSON's.
    """
    kind = column.type
    if pa.types.is_nested(kind) or isinstance(column, pa.ExtensionArray):
        values = json_values(column)
        return [_plain_lists(value) for value in values] if _may_hold_vectors(kind) else values
    if pa.types.is_dictionary(kind):
        return row_values(column.dictionary_decode())
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        return json_values(column)
    return temporal_values(column) if _is_temporal(kind) else list(column.to_pylist())


def _is_temporal(kind: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(kind) and not pa.types.is_interval(kind))


def _may_hold_vectors(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType) or holds(kind, pa.float32()) or holds(kind, pa.float64())


def _plain_lists(value: Any) -> Any:
    """Lists of floats are Python's, each float as it prints."""
    if isinstance(value, np.ndarray):
        return [float(str(number)) for number in value]
    if isinstance(value, dict):
        return {key: _plain_lists(member) for key, member in value.items()}
    return [_plain_lists(element) for element in value] if isinstance(value, list) else value


def json_values(column: pa.Array) -> list[Any]:
    """The values of a column, None for null.

    Floats of fewer than 64 bits become the 64-bit floats that print as they do. Lists of floats stay numpy
    arrays, so that embeddings do not become millions of Python objects.
    """
    kind = column.type
    if isinstance(column, pa.ExtensionArray) and kind.extension_name in _OF_PANDAS:
        return [None if pd.isna(value) else str(value) for value in column.to_pandas()]
    if isinstance(column, pa.ExtensionArray):
        return _texts(column.to_pylist()) if kind.extension_name == "arrow.uuid" else json_values(column.storage)
    if pa.types.is_dictionary(kind):
        return json_values(column.dictionary_decode())
    if pa.types.is_struct(kind):
        return _objects(column)
    if pa.types.is_map(kind):
        return [None if pairs is None else _object_of(pairs) for pairs in _lists(column)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _lists(column)
    return _scalars(column)


def _scalars(column: pa.Array) -> list[Any]:
    kind = column.type
    if _is_temporal(kind):
        return _texts(temporal_values(column))
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        return [None if value is None else float(str(value)) for value in _floats(column)]
    if pa.types.is_decimal(kind) or pa.types.is_interval(kind):
        return _texts(column.to_pylist())
    if (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    ):
        return [None if value is None else b64encode(value).decode() for value in column.to_pylist()]
    values: list[Any] = column.to_pylist()
    return values


def _texts(values: list[Any]) -> list[str | None]:
    return [None if value is None else text(value) for value in values]


def _floats(column: pa.Array) -> list[Any]:
    """Numpy floats, which print in their own precision."""
    numbers = column.fill_null(0).to_numpy(zero_copy_only=False) if column.null_count else column.to_numpy()
    return [number if valid else None for number, valid in zip(numbers, _valid(column), strict=True)]


def _objects(column: pa.StructArray) -> list[Any]:
    names = [field.name for field in column.type]
    fields = [json_values(column.field(place)) for place in range(len(names))]
    objects = [dict(zip(names, row, strict=True)) for row in zip(*fields, strict=True)]
    return [value if valid else None for value, valid in zip(objects, _valid(column), strict=True)]


def _object_of(pairs: list[dict[str, Any]]) -> dict[Any, Any]:
    """The pairs of a map as one object; keys that are no values of Python's own, as lists, by their text."""
    return {text(key) if isinstance(key, list | dict) else key: value for key, value in map(dict.values, pairs)}


def _lists(column: pa.Array) -> list[Any]:
    # A null may hide values of its own, which must not count.
    inside, bounds = _inside(column.drop_null())
    values: Any = inside.to_numpy() if _is_vector(inside) else json_values(inside)
    lists = (values[start:end] for start, end in pairwise(bounds))
    return [next(lists) if valid else None for valid in _valid(column)]


def _is_vector(inside: pa.Array) -> bool:
    # numpy's 16-bit floats are written in full length by orjson, so they go the slow way.
    return (pa.types.is_float32(inside.type) or pa.types.is_float64(inside.type)) and not inside.null_count


def _inside(column: pa.Array) -> tuple[pa.Array, list[int]]:
    """The values of all lists in a row, and where in them each list begins; the last bound is their end."""
    if not pa.types.is_fixed_size_list(column.type):
        bounds = column.offsets.to_numpy()
        bounds_from_zero: list[int] = (bounds - bounds[0]).tolist()
        return column.values.slice(int(bounds[0]), int(bounds[-1] - bounds[0])), bounds_from_zero
    length = column.type.list_size
    values = column.values.slice(column.offset * length, len(column) * length)
    return values, [place * length for place in range(len(column) + 1)]


def _valid(column: pa.Array) -> list[bool]:
    if not column.null_count:
        return [True] * len(column)
    valid: list[bool] = column.is_valid().to_pylist()
    return valid
