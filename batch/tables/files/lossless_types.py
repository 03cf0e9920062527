"""The type that holds the values of two without a loss: what one table's files may differ in."""

import pyarrow as pa

_UNITS = ("s", "ms", "us", "ns")


class DifferentTypesError(Exception):
    """No type holds the values of both."""


def wider(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    """The type that holds what either holds, exactly: null fits into any, integers into wider ones.

    So do decimals of one scale, timestamps of one zone into the finer unit, texts and lists into large ones, and
    what is kept by a dictionary into what it stands for; lists and structs by what is in them.

    Raises:
        DifferentTypesError: there is none; integers are no numbers with a point, and `float` is no `double`.
    """
    if first == second or pa.types.is_null(second):
        return first
    if pa.types.is_null(first):
        return second
    if pa.types.is_dictionary(first) or pa.types.is_dictionary(second):
        return wider(_plain(first), _plain(second))
    for holder in (_integer, _decimal, _timestamp, _large, _nested):
        held = holder(first, second)
        if held is not None:
            return held
    raise DifferentTypesError


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _integer(first: pa.DataType, second: pa.DataType) -> pa.DataType | None:
    if not (pa.types.is_integer(first) and pa.types.is_integer(second)):
        return None
    signed = [kind for kind in (first, second) if pa.types.is_signed_integer(kind)]
    if len(signed) != 1:
        return max(first, second, key=lambda kind: kind.bit_width)
    unsigned = second if signed[0] is first else first
    width = max(signed[0].bit_width, 2 * unsigned.bit_width)
    return {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}.get(width)


def _decimal(first: pa.DataType, second: pa.DataType) -> pa.DataType | None:
    if not (pa.types.is_decimal(first) and pa.types.is_decimal(second)) or first.scale != second.scale:
        return None
    return max(first, second, key=lambda kind: (kind.bit_width, kind.precision))


def _timestamp(first: pa.DataType, second: pa.DataType) -> pa.DataType | None:
    if not (pa.types.is_timestamp(first) and pa.types.is_timestamp(second)) or first.tz != second.tz:
        return None
    return max(first, second, key=lambda kind: _UNITS.index(kind.unit))


def _large(first: pa.DataType, second: pa.DataType) -> pa.DataType | None:
    for large, *others in (
        (pa.large_string(), pa.string(), pa.string_view()),
        (pa.large_binary(), pa.binary(), pa.binary_view()),
    ):
        if {first, second} <= {large, *others}:
            return large
    return None


def _nested(first: pa.DataType, second: pa.DataType) -> pa.DataType | None:
    if _is_list(first) and _is_list(second):
        make = pa.list_ if pa.types.is_list(first) and pa.types.is_list(second) else pa.large_list
        return make(wider(first.value_type, second.value_type))
    if not (pa.types.is_struct(first) and pa.types.is_struct(second)):
        return None
    names = [field.name for field in first]
    if names != [field.name for field in second]:
        return None
    return pa.struct([(name, wider(first.field(name).type, second.field(name).type)) for name in names])


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))
