"""The Arrow type of JSON values: the narrowest that holds them all."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

_SCALARS: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}
_NUMBERS = {pa.int64(), pa.float64()}


class ConflictError(Exception):
    """Two values that no type holds; `path` leads to them from the column, `found` names their types."""

    def __init__(self, found: Iterable[str], path: str = "") -> None:
        self.path = path
        self.found = tuple(found)
        super().__init__(path, *self.found)

    def inside(self, place: str) -> "ConflictError":
        """The same conflict, seen from one level up."""
        return ConflictError(self.found, place + self.path)


def infer(values: Sequence[Any]) -> pa.DataType:
    """The type of parsed JSON values, None among them; keys of objects are in the order first seen.

    Raises:
        ConflictError: no type holds them all.
    """
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if not kinds:
        return pa.null()
    if kinds == {int, float}:
        return pa.float64()
    if len(kinds) > 1:
        raise ConflictError(sorted(_kind_name(kind) for kind in kinds))
    kind = kinds.pop()
    if kind is dict:
        return _infer_object([value for value in values if value is not None])
    if kind is list:
        return pa.list_(_infer_inside("[]", list(chain.from_iterable(value for value in values if value))))
    return _SCALARS[kind]


def _infer_object(objects: list[dict[str, Any]]) -> pa.DataType:
    found: dict[str, list[Any]] = {}
    for key, value in chain.from_iterable(item.items() for item in objects):
        found.setdefault(key, []).append(value)
    return pa.struct([pa.field(key, _infer_inside(f".{key}", values)) for key, values in found.items()])


def _infer_inside(place: str, values: list[Any]) -> pa.DataType:
    try:
        return infer(values)
    except ConflictError as conflict:
        raise conflict.inside(place) from None


def merge(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    """The type that holds what either holds.

    Raises:
        ConflictError: there is none.
    """
    if first == second or second == pa.null():
        return first
    if first == pa.null():
        return second
    if {first, second} == _NUMBERS:
        return pa.float64()
    if pa.types.is_list(first) and pa.types.is_list(second):
        return pa.list_(_merge_inside("[]", first.value_type, second.value_type))
    if pa.types.is_struct(first) and pa.types.is_struct(second):
        return _merge_objects(first, second)
    raise ConflictError([type_name(first), type_name(second)])


def _merge_objects(first: pa.StructType, second: pa.StructType) -> pa.DataType:
    keys = {field.name: field.type for field in first}
    for field in second:
        keys[field.name] = _merge_inside(f".{field.name}", keys.get(field.name, pa.null()), field.type)
    return pa.struct([pa.field(key, kind) for key, kind in keys.items()])


def _merge_inside(place: str, first: pa.DataType, second: pa.DataType) -> pa.DataType:
    try:
        return merge(first, second)
    except ConflictError as conflict:
        raise conflict.inside(place) from None


def holds(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values of a type have `wanted` anywhere inside them."""
    inside = [kind.field(place).type for place in range(kind.num_fields)]
    return kind == wanted or any(holds(part, wanted) for part in inside)


def keys_in(kind: pa.DataType) -> int:
    """How many keys the objects in a type have, all together."""
    own = kind.num_fields if pa.types.is_struct(kind) else 0
    return own + sum(keys_in(kind.field(place).type) for place in range(kind.num_fields))


def type_name(kind: pa.DataType) -> str:
    """What people call a type that JSON values have."""
    if pa.types.is_list(kind):
        return "list"
    if pa.types.is_struct(kind):
        return "object"
    return next((_kind_name(scalar) for scalar, arrow in _SCALARS.items() if arrow == kind), "null")


def _kind_name(kind: type) -> str:
    names = {str: "text", int: "integer", float: "number", bool: "boolean", list: "list", dict: "object"}
    return names[kind]
