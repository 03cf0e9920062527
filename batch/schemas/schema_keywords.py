"""Keywords of JSON Schema that stand beside each other: all of them hold, so that none is dropped unseen."""

from typing import Any

import jsonschema_rs

from ..errors import AnswerSchemaError

Schema = dict[str, Any]

_ANNOTATIONS = ("title", "default", "examples", "deprecated", "discriminator", "readOnly", "writeOnly", "$comment")
_FROM = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_TO = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_BOUNDS = {
    "number": _NUMBERS,
    "integer": _NUMBERS,
    "string": ("minLength", "maxLength", "pattern", "format"),
    "array": ("minItems", "maxItems", "uniqueItems"),
}
_ALL_BOUNDS = {name for names in _BOUNDS.values() for name in names}
_SAYING = {
    *("type", "enum", "const", "anyOf", "$ref", "items", "prefixItems"),
    *("properties", "required", "additionalProperties", *_ALL_BOUNDS),
}
_OF_PYDANTIC = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
"""What pydantic calls a bound of a union, of a reference, and of what has a validator before it."""


def refusal(place: str, why: str) -> AnswerSchemaError:
    """The error that a schema is not taken at a place."""
    return AnswerSchemaError(f"{place}: {why}", place=place)


def types_of(schema: Schema) -> list[Any]:
    """The types that a schema names; it may name several, null among them."""
    types = schema.get("type", [])
    return types if isinstance(types, list) else [types]


def plain(node: Schema, place: str) -> Schema:
    """A schema in the keywords that strict mode has words for: one `allOf` is part of it, `oneOf` is `anyOf`.

    Raises:
        AnswerSchemaError: two of its keywords cannot be said as one.
    """
    schema = dict(node)
    if len(schema.get("allOf", ())) == 1:
        (only,) = schema.pop("allOf")
        if not isinstance(only, dict):
            raise refusal(place, "`allOf` holds no schema")
        schema = joined(schema, only, place)
    if "oneOf" in schema:
        schema = joined(schema, {"anyOf": schema.pop("oneOf")}, place)
    for name, plain_name in _OF_PYDANTIC.items():
        if name in schema:
            bound = _number(schema.pop(name))
            if bound is not None:
                schema = joined(schema, {plain_name: bound}, place)
    return {name: value for name, value in schema.items() if name not in _ANNOTATIONS}


def _number(bound: Any) -> int | float | None:
    """A bound as pydantic writes it, decimals as text; None where it is a day, of which it mostly says nothing."""
    if isinstance(bound, int | float):
        return bound
    try:
        return float(bound)
    except (TypeError, ValueError):
        return None


def saying(schema: Schema, but: str) -> Schema:
    """The keywords that say what a value is, but for one."""
    return {name: value for name, value in schema.items() if name in _SAYING and name != but}


def joined(schema: Schema, more: Schema, place: str) -> Schema:
    """A schema that says what both say; what is said for readers, such as a description, is the first's.

    Raises:
        AnswerSchemaError: they cannot be said as one.
    """
    made = dict(schema)
    for name, value in more.items():
        if name not in made:
            made[name] = value
        elif name in _FROM:
            made[name] = max(made[name], value)
        elif name in _TO:
            made[name] = min(made[name], value)
        elif name == "type":
            made[name] = _common_type(types_of(made), types_of(more), place)
        elif name == "required":
            made[name] = list(dict.fromkeys([*made[name], *value]))
        elif name in _SAYING and made[name] != value:
            raise refusal(place, f"strict mode does not take two of `{name}` for one value")
    return made


def _common_type(some: list[Any], others: list[Any], place: str) -> Any:
    """What is of both; an integer is a number."""
    takes = [{*names, "integer"} if "number" in names else {*names} for names in (some, others)]
    both = [name for name in dict.fromkeys([*some, *others]) if all(name in names for names in takes)]
    if not both:
        raise refusal(place, f"no value is of the types {some} and {others} at once")
    return both[0] if len(both) == 1 else both


def own_bounds(schema: Schema, place: str) -> Schema:
    """A schema without the bounds that say nothing of its types.

    The length of a list may be called that of a text, as pydantic does in unions of both.
    """
    types = types_of(schema)
    if "array" in types:
        lengths = {"minItems": schema.get("minLength"), "maxItems": schema.get("maxLength")}
        schema = joined(schema, {name: most for name, most in lengths.items() if most is not None}, place)
    foreign = _ALL_BOUNDS - {bound for name in types for bound in _BOUNDS.get(name, ())}
    return {name: value for name, value in schema.items() if name not in foreign}


def choice(schema: Schema, place: str) -> Schema:
    """A choice of the words that keep to the bounds beside it, which it then does without.

    Raises:
        AnswerSchemaError: no word is left, or they are of several types.
    """
    words, schema = _words(schema, place)
    told = {_type_of(word, place) for word in words}
    nullable = "null" in told and told != {"null"}
    told -= {"null"} if nullable else set()
    if told == {"integer", "number"}:
        told = {"number"}
    if len(told) != 1:
        raise refusal(place, f"a choice is of words of one type, and not of {' and '.join(sorted(told))}")
    beside = {name: value for name, value in schema.items() if name not in ("type", "enum", "const")}
    values = [word for word in dict.fromkeys(words) if word is not None or not nullable]
    if nullable:
        return {"anyOf": [{"type": told.pop(), "enum": values}, {"type": "null"}], **beside}
    kept: Schema = {name: schema[name] for name in ("enum", "const") if name in schema}
    return {"type": told.pop(), **kept, **({"enum": values} if "enum" in schema else {}), **beside}


def _words(schema: Schema, place: str) -> tuple[list[Any], Schema]:
    """The words of a choice within its bounds, and the schema without these."""
    bounds = {name: value for name, value in schema.items() if name in (*_FROM, *_TO, "multipleOf")}
    words = schema["enum"] if "enum" in schema else [schema["const"]]
    try:
        held = jsonschema_rs.Draft202012Validator(bounds).is_valid
        words = [word for word in words if held(word)] if isinstance(words, list) else []
    except ValueError as error:
        raise refusal(place, f"its bounds are none: {str(error).splitlines()[0]}") from None
    if not words:
        raise refusal(place, "a choice names at least one word, and one that is within its bounds")
    return words, {name: value for name, value in schema.items() if name not in bounds}


def _type_of(word: Any, place: str) -> str:
    by_type = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    if type(word) not in by_type:
        raise refusal(place, f"a choice is of words and numbers, and not of {word!r}")
    return by_type[type(word)]
