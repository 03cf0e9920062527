"""Answers of a simple schema, checked and read in one go: straight from their text into columns.

A schema is simple where msgspec's types say just what it says: then an answer that they take keeps to it. Any
other schema, and any answer that they do not take, is for `AnswerReader`.
"""

from collections.abc import Callable, Sequence
from datetime import date
from itertools import accumulate, chain
from operator import attrgetter
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import pyarrow as pa

from .answer_columns import all_branches, answer_type, branches_of
from .schema_keywords import Schema, types_of

Column = Callable[[Sequence[Any]], pa.Array]
"""From values to their column."""


class QuickAnswers:
    """Reads the answers of a simple schema; `column` makes the struct that `answer_type` says of them."""

    def __init__(self, kind: "_Kind") -> None:
        self._decode = msgspec.json.Decoder(kind.type).decode
        self.column = kind.column

    def read(self, text: str) -> Any:
        """What an answer holds, for `column`; None where that is not certain."""
        if text[:1] != "{" or text[-1:] != "}":  # something stands around it
            return None
        try:
            return self._decode(text)
        except (ValueError, RecursionError):
            return None


def quick_answers(schema: Schema) -> QuickAnswers | None:
    """The reader of a schema's answers; None where the schema is not simple."""
    try:
        return QuickAnswers(_object(schema, schema, answer_type(schema)))
    except (
        _NotSimple,
        TypeError,
        ValueError,
    ):  # the latter are msgspec's, of names and bounds that it cannot hold
        return None


class _NotSimple(Exception):
    """The schema says more than types do."""


class _Kind(NamedTuple):
    """What values are: msgspec's type of them, and how they become a column."""

    type: Any
    column: Column


_BOUNDS = {
    "string": {"minLength": "min_length", "maxLength": "max_length"},
    "array": {"minItems": "min_length", "maxItems": "max_length"},
    "integer": {"minimum": "ge", "maximum": "le"},
    "number": {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"},
}
_SAID = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items"},
    "string": {"enum", "const", "format"},
}
_SAYING_NOTHING = {"type", "title", "description", "$defs"}
_WHOLE_FLOATS = 2**53
"""Beyond these bounds an integer may be on the other side of one than the float that it becomes."""


def _kind(node: Schema, root: Schema, column: pa.DataType) -> _Kind:
    """What the values of a schema are, whose column is of this type."""
    branches = branches_of(node, root)
    names = [name for name in types_of(branches[0]) if name != "null"] if len(branches) == 1 else []
    if len(names) != 1:
        raise _NotSimple
    kind = _of_one_type(names[0], branches[0], root, column)
    takes_null = any("null" in types_of(one) for one in all_branches(node, root))
    return kind._replace(type=kind.type | None) if takes_null else kind


def _of_one_type(name: str, node: Schema, root: Schema, column: pa.DataType) -> _Kind:
    bounds = _bounds(name, node)
    if name == "object":
        return _object(node, root, column)
    if name == "array":
        return _array(node, root, column, bounds)
    if name == "string":
        return _Kind(_text(node, bounds), _scalars(column))
    if name == "integer":
        least, most = max(bounds.get("ge", -(2**63)), -(2**63)), min(bounds.get("le", 2**63 - 1), 2**63 - 1)
        return _Kind(Annotated[int, msgspec.Meta(ge=least, le=most)], _scalars(column))
    scalar = {"number": float, "boolean": bool}[name]
    return _Kind(Annotated[scalar, msgspec.Meta(**bounds)] if bounds else scalar, _scalars(column))


def _bounds(name: str, node: Schema) -> dict[str, Any]:
    """The bounds of a schema of one type, by msgspec's names."""
    known = _BOUNDS.get(name, {})
    if node.keys() - known.keys() - _SAID.get(name, set()) - _SAYING_NOTHING:
        raise _NotSimple
    bounds = {known[keyword]: value for keyword, value in node.items() if keyword in known}
    whole = name != "number"
    if not all(type(value) is int or not whole for value in bounds.values()):
        raise _NotSimple
    if not all(-_WHOLE_FLOATS <= value <= _WHOLE_FLOATS for value in bounds.values()):
        raise _NotSimple
    return bounds


def _text(node: Schema, bounds: dict[str, Any]) -> Any:
    said = _SAID["string"] & node.keys()
    if not said:
        return Annotated[str, msgspec.Meta(**bounds)] if bounds else str
    if len(said) > 1 or bounds or node.get("format", "date") != "date":
        raise _NotSimple
    return date if said == {"format"} else Literal[tuple(node.get("enum", [node.get("const")]))]


def _scalars(column: pa.DataType) -> Column:
    return lambda values: pa.array(values, type=column)


def _array(node: Schema, root: Schema, column: pa.DataType, bounds: dict[str, Any]) -> _Kind:
    if not pa.types.is_list(column):  # JSON text, as it holds itself
        raise _NotSimple
    item = _kind(node["items"], root, column.value_type)
    kind = Annotated[list[item.type], msgspec.Meta(**bounds)] if bounds else list[item.type]  # type: ignore[name-defined]  # made as it runs
    if not pa.types.is_nested(column.value_type):
        return _Kind(kind, _scalars(column))

    def lists(values: Sequence[Any]) -> pa.Array:
        inside = item.column(list(chain.from_iterable(value for value in values if value)))
        offsets = pa.array(accumulate((len(value or ()) for value in values), initial=0), pa.int32())
        return pa.ListArray.from_arrays(offsets, inside, type=column, mask=_nulls(values))

    return _Kind(kind, lists)


def _object(node: Schema, root: Schema, column: pa.DataType) -> _Kind:
    if not pa.types.is_struct(column):  # JSON text, as it holds itself
        raise _NotSimple
    _bounds("object", node)
    members = [_kind(member, root, column.field(name).type) for name, member in node["properties"].items()]
    names = {f"f{place}": name for place, name in enumerate(node["properties"])}
    kind = msgspec.defstruct(
        "Answer",
        [(name, member.type) for name, member in zip(names, members, strict=True)],
        rename=names,
        forbid_unknown_fields=True,
        gc=False,
    )

    def structs(values: Sequence[Any]) -> pa.Array:
        nulls = _nulls(values)
        columns = []
        for name, member in zip(names, members, strict=True):
            get = attrgetter(name)
            held = (
                map(get, values) if nulls is None else (value if value is None else get(value) for value in values)
            )
            columns.append(member.column(list(held)))
        return pa.StructArray.from_arrays(columns, fields=list(column), mask=nulls)

    return _Kind(kind, structs)


def _nulls(values: Sequence[Any]) -> pa.Array | None:
    """Which values are null, if any are."""
    return pa.array([value is None for value in values]) if None in values else None
