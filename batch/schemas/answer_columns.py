"""The columns that an answer is spread into: fixed by its schema, each with its own Arrow type."""

from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec
import pyarrow as pa

from .schema_keywords import Schema, types_of

Convert = Callable[[Any], Any]
"""From a value of JSON to one that Arrow takes for its column."""

_TYPES = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
_JSON_TEXT = pa.string()


def answer_type(schema: Schema) -> pa.StructType:
    """An answer as a struct: a field a property, in their order.

    Text, int64, float64, bool and date32 are what they are, a list is a list, an object a struct; what is of
    several types, or holds itself, is JSON text.
    """
    return pa.struct([(name, _column(node, schema)[0]) for name, node in schema["properties"].items()])


def answer_choices(schema: Schema) -> dict[str, list[str]]:
    """The words of each field that is one choice of some."""
    branches = {name: branches_of(node, schema) for name, node in schema["properties"].items()}
    return {
        name: nodes[0]["enum"]
        for name, nodes in branches.items()
        if len(nodes) == 1 and "enum" in nodes[0] and types_of(nodes[0]) == ["string"]
    }


def answer_values(schema: Schema) -> Convert:
    """The function that makes a valid answer fit its struct."""
    return _column(schema, schema, root=True)[1]


def _column(node: Schema, root_schema: Schema, *, root: bool = False) -> tuple[pa.DataType, Convert]:
    node = resolved(node, root_schema)
    if not root and _holds_itself(node, root_schema):
        return _JSON_TEXT, _json_text
    branches = branches_of(node, root_schema)
    kinds = {name for branch in branches for name in types_of(branch)} - {"null"}
    if kinds == {"integer", "number"}:
        return pa.float64(), _float
    if len(kinds) != 1 or (len(branches) > 1 and kinds & {"object", "array"}):
        return _JSON_TEXT, _json_text
    kind = kinds.pop()
    if kind == "object":
        return _struct(branches[0], root_schema)
    if kind == "array":
        return _list(branches[0], root_schema)
    if kind == "string" and all(branch.get("format") == "date" for branch in branches):
        return pa.date32(), _date
    return _TYPES[kind], {"integer": _integer, "number": _float}.get(kind, _as_it_is)


def branches_of(node: Schema, root_schema: Schema) -> list[Schema]:
    """What a value may be, but for null."""
    return [branch for branch in all_branches(node, root_schema) if types_of(branch) != ["null"]]


def all_branches(node: Schema, root_schema: Schema) -> list[Schema]:
    """What a value may be, null included; the branches of a union within a union are its own."""
    branches: list[Schema] = []
    waiting, unions = [node], set()
    while waiting:
        one = resolved(waiting.pop(0), root_schema)
        if "anyOf" not in one:
            branches.append(one)
        elif id(one) not in unions:  # it may be a branch of itself
            unions.add(id(one))
            waiting[:0] = one["anyOf"]
    return branches


def _struct(node: Schema, root_schema: Schema) -> tuple[pa.DataType, Convert]:
    members = {name: _column(member, root_schema) for name, member in node["properties"].items()}
    converts = [(name, convert) for name, (_, convert) in members.items()]

    def convert_members(value: Any) -> Any:
        return None if value is None else {name: convert(value[name]) for name, convert in converts}

    return pa.struct([(name, kind) for name, (kind, _) in members.items()]), convert_members


def _list(node: Schema, root_schema: Schema) -> tuple[pa.DataType, Convert]:
    kind, convert = _column(node["items"], root_schema)
    items = different if node.get("uniqueItems") else _as_it_is
    return pa.list_(kind), lambda value: None if value is None else items([convert(item) for item in value])


def different(items: list[Any]) -> list[Any]:
    """The items of a set, in their order."""
    return list({msgspec.json.encode(item): item for item in items}.values())


def resolved(node: Schema, root_schema: Schema) -> Schema:
    """The schema that a reference, or a choice of one, leads to."""
    while True:
        if node.keys() >= {"anyOf"} and len(node["anyOf"]) == 1:
            node = node["anyOf"][0]
        elif node.get("$ref") == "#":
            node = root_schema
        elif "$ref" in node:
            node = root_schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
        else:
            return node


def _holds_itself(node: Schema, root_schema: Schema) -> bool:
    """Whether a value of the schema may hold another of it, so that no Arrow type is deep enough."""
    seen: list[Schema] = []
    waiting = [node]
    while waiting:
        for child in _members(waiting.pop()):
            inner = resolved(child, root_schema)
            if inner is node or inner is root_schema:
                return True
            if not any(inner is one for one in seen):
                seen.append(inner)
                waiting.append(inner)
    return False


def _members(node: Schema) -> list[Schema]:
    return [
        *node.get("properties", {}).values(),
        *node.get("anyOf", ()),
        *([node["items"]] if "items" in node else []),
    ]


def _as_it_is(value: Any) -> Any:
    return value


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _integer(value: Any) -> int | None:
    """JSON Schema takes 1.0 for an integer."""
    return None if value is None else int(value)


def _date(value: Any) -> date | None:
    """A day may be written with its midnight behind it."""
    return None if value is None else date.fromisoformat(value[:10])


def _json_text(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
