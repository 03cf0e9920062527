"""JSON Schema made such as strict structured output takes it, or refused with the place that it does not take.

The rules are those of OpenAI's guide "Structured model outputs" and what its API was seen to answer. What strict
mode cannot hold but a check of ours can (a bound, a format, a pattern) stays in the schema, and is left out of
what is sent, see `sent_schema`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .schema_keywords import Schema, choice, joined, own_bounds, plain, refusal, saying, types_of
from .text_forms import AMBIGUOUS_SET

MAX_PROPERTIES = 5_000
MAX_DEPTH = 10
"""Objects along one path, the root being the first; a definition is counted from itself."""
MAX_CHARACTERS = 120_000
"""Of names, enum and const values together."""
MAX_CHOICES = 1_000
LONG_ENUM, LONG_ENUM_CHARACTERS = 250, 15_000

_REFUSED = (
    *("allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies"),
    *("patternProperties", "contains", "contentSchema", "unevaluatedItems", "unevaluatedProperties"),
    "additionalItems",
)
_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
_SENT = (
    *("type", "enum", "const", "anyOf", "$ref", "$defs", "properties", "required", "additionalProperties"),
    *("items", "description", "format", "pattern", "minLength", "maxLength", "multipleOf", "minimum", "maximum"),
    *("exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"),
)
_NOT_BY_FINE_TUNED = (
    *("minLength", "maxLength", "pattern", "format", "minimum", "maximum", "multipleOf", "minItems", "maxItems"),
    *("exclusiveMinimum", "exclusiveMaximum"),
)
_UNREADABLE = re.compile(r"\(\?[=!<]|\\[pP]\{")
"""Looking around, names of groups and classes of characters, which OpenAI's reader of patterns does not take."""


def strict_schema(schema: Mapping[str, Any]) -> Schema:
    """The schema as strict mode wants it: each object closed, each property required, an optional one nullable.

    Raises:
        AnswerSchemaError: strict mode cannot say it; the message names the place.

    Example:
        ```python
        from prefect_openai_batch.batch.schemas.strict_schema import strict_schema

        strict = strict_schema({"type": "object", "properties": {"mood": {"type": "string"}}})
        assert strict["required"] == ["mood"]
        ```
    """
    try:
        made = _root(dict(schema))
        _check_limits(made)
    except RecursionError:
        raise refusal("answer", "the schema holds itself otherwise than by a reference") from None
    except (TypeError, LookupError, AttributeError) as error:
        raise refusal("answer", f"a keyword's value is of the wrong kind: {error}") from None
    return made


def _root(schema: Schema) -> Schema:
    definitions = schema.pop("$defs", {})
    if not isinstance(definitions, dict):
        raise refusal("answer.$defs", "definitions are a set of schemas by their names")
    made = {name: _strict(node, f"answer.$defs.{name}", definitions) for name, node in definitions.items()}
    for name in made:
        _refuse_circle(name, made)
    title = {"title": schema["title"]} if isinstance(schema.get("title"), str) else {}
    target = schema.get("$ref")
    if isinstance(target, str) and target.removeprefix("#/$defs/") in definitions:
        del schema["$ref"]
        schema = joined(schema, definitions[target.removeprefix("#/$defs/")], "answer")
    root = _strict(schema, "answer", definitions)
    if root.get("type") != "object":
        raise refusal(
            "answer", "the whole answer is an object with named properties: put a list or a choice into one"
        )
    return {**title, **root, **({"$defs": made} if made else {})}


def _refuse_circle(name: str, definitions: Schema) -> None:
    """Refuse a definition that is nothing but a reference which leads back to it."""
    passed: set[str] = set()
    while name in definitions:
        if name in passed:
            raise refusal(f"answer.$defs.{name}", "the reference leads to itself, and to no type")
        passed.add(name)
        node = definitions[name]
        only = node["anyOf"][0] if len(node.get("anyOf", ())) == 1 else node
        name = only.get("$ref", "").removeprefix("#/$defs/")


def _strict(node: Any, place: str, definitions: Schema) -> Schema:
    if not isinstance(node, dict):
        raise refusal(place, f"a schema is a set of keywords, and not {node!r}")
    schema = plain(node, place)
    for keyword in _REFUSED:
        if keyword in schema:
            raise refusal(place, f"strict mode does not take `{keyword}`")
    if "$ref" in schema:
        return _reference(schema, place, definitions)
    if "anyOf" in schema:
        return _any_of(schema, place, definitions)
    if "enum" in schema or "const" in schema:
        return choice(schema, place)
    if "type" not in schema and "properties" in schema:
        schema["type"] = "object"
    names = types_of(schema)
    if not names or not all(name in _TYPES for name in names):
        raise refusal(place, "it does not say of what type it is: an answer of any kind cannot be asked for")
    schema = own_bounds(schema, place)
    if "object" in names:
        _close(schema, place, definitions)
    if "array" in names:
        _one_kind_of_items(schema, place, definitions)
    return schema


def _reference(schema: Schema, place: str, definitions: Schema) -> Schema:
    target = schema["$ref"]
    known = isinstance(target, str) and (target == "#" or target.removeprefix("#/$defs/") in definitions)
    if not known:
        raise refusal(place, f"the reference {target!r} leads nowhere: one leads to `#` or to `#/$defs/…`")
    told = {"type": "object"} if target == "#" else definitions[target.removeprefix("#/$defs/")]
    more = {name: value for name, value in saying(schema, "$ref").items() if not _says(told, name, value)}
    if more and target == "#":
        raise refusal(place, f"strict mode does not take `{next(iter(more))}` beside the whole answer again")
    beside = {name: value for name, value in schema.items() if name == "description"}
    if more:
        return _strict(joined({**more, **beside}, told, place), place, definitions)
    return {"anyOf": [{"$ref": target}], **beside} if len(schema) > 1 else schema


def _says(told: Schema, name: str, value: Any) -> bool:
    """Whether a keyword says nothing new of what a reference leads to; objects are closed anyhow."""
    if name == "type":
        return bool(types_of(told)) and {*types_of(told)} <= {*types_of({"type": value})}
    return bool(told.get(name) == value) or (name == "additionalProperties" and value is False)


def _any_of(schema: Schema, place: str, definitions: Schema) -> Schema:
    branches = schema["anyOf"]
    if not isinstance(branches, list) or not branches:
        raise refusal(place, "`anyOf` is a list of schemas")
    more = saying(schema, "anyOf")
    places = [f"{place}|{number}" for number in range(len(branches))]
    if more:
        branches = [joined(branch, more, where) for branch, where in zip(branches, places, strict=True)]
    made = [_strict(branch, where, definitions) for branch, where in zip(branches, places, strict=True)]
    beside = {name: schema[name] for name in ("description",) if name in schema}
    return {"anyOf": made, **beside}


def _close(schema: Schema, place: str, definitions: Schema) -> None:
    properties = schema.get("properties")
    if schema.get("additionalProperties", False) is not False:
        raise refusal(
            place, "strict mode takes no object with names of its own choosing: make it a list of key and value"
        )
    if not isinstance(properties, dict) or not properties:
        raise refusal(place, "an object names its properties: strict mode takes none without any")
    required = schema.get("required", ())
    made = {}
    for name, node in properties.items():
        property_ = _strict(node, f"{place}.{name}", definitions)
        made[name] = property_ if name in required or "default" in node else nullable(property_)
    schema |= {"properties": made, "required": list(made), "additionalProperties": False}


def nullable(schema: Schema) -> Schema:
    """The schema, or null."""
    branches = schema.get("anyOf", [schema])
    if any("null" in types_of(branch) for branch in branches):
        return schema
    beside = {"description": schema["description"]} if "description" in schema else {}
    bare = [{name: value for name, value in branch.items() if name != "description"} for branch in branches]
    return {"anyOf": [*bare, {"type": "null"}], **beside}


def _one_kind_of_items(schema: Schema, place: str, definitions: Schema) -> None:
    places = schema.pop("prefixItems", None)
    if places is not None:
        if any(other != places[0] for other in places[1:]):
            raise refusal(
                place, "strict mode takes no list whose places differ: make it an object with a name for each"
            )
        schema |= {"items": places[0], "minItems": len(places), "maxItems": len(places)}
    if not isinstance(schema.get("items"), dict):
        raise refusal(place, "a list says what its items are")
    schema["items"] = _strict(schema["items"], f"{place}[]", definitions)


def nodes_of(schema: Schema) -> Iterator[Schema]:
    """A schema and all that stand in it."""
    yield schema
    for node in _children(schema):
        yield from nodes_of(node)


def _children(schema: Schema) -> Iterator[Schema]:
    yield from schema.get("$defs", {}).values()
    yield from schema.get("properties", {}).values()
    yield from schema.get("anyOf", ())
    if "items" in schema:
        yield schema["items"]


def _depth(schema: Schema) -> int:
    inner = max((_depth(node) for node in _children({**schema, "$defs": {}})), default=0)
    return inner + ("object" in types_of(schema))


def _check_limits(schema: Schema) -> None:
    nodes = list(nodes_of(schema))
    names = [name for node in nodes for name in (*node.get("properties", ()), *node.get("$defs", ()))]
    words = [[*node.get("enum", ()), *([node["const"]] if "const" in node else [])] for node in nodes]
    depth = max(_depth(node) for node in (schema, *schema.get("$defs", {}).values()))
    properties = sum(len(node.get("properties", ())) for node in nodes)
    characters = sum(len(str(word)) for word in (*names, *(word for some in words for word in some)))
    found = (
        (properties, MAX_PROPERTIES, "properties"),
        (depth, MAX_DEPTH, "objects within each other"),
        (characters, MAX_CHARACTERS, "characters in names and choices"),
        (sum(map(len, words)), MAX_CHOICES, "choices"),
        *(
            (sum(map(len, some)), LONG_ENUM_CHARACTERS, f"characters in one choice of over {LONG_ENUM} words")
            for some in words
            if len(some) > LONG_ENUM and all(isinstance(word, str) for word in some)
        ),
    )
    for count, limit, what in found:
        if count > limit:
            raise refusal("answer", f"the schema has {count:,} {what}, and strict mode takes {limit:,}")


def sent_schema(schema: Schema, model: str | None = None) -> Schema:
    """What of a strict schema is sent: without what OpenAI's strict mode, or a fine-tuned model, cannot hold."""
    left_out = _NOT_BY_FINE_TUNED if (model or "").startswith("ft:") else ()
    made = {name: value for name, value in schema.items() if name in _SENT and name not in left_out}
    if made.get("format") not in (None, *_FORMATS):
        del made["format"]
    if not _is_pattern(made.get("pattern", "")):
        del made["pattern"]
    for name in ("properties", "$defs"):
        if name in made:
            made[name] = {key: sent_schema(node, model) for key, node in made[name].items()}
    if "anyOf" in made:
        made["anyOf"] = [sent_schema(node, model) for node in made["anyOf"]]
    if "items" in made:
        made["items"] = sent_schema(made["items"], model)
    return made


def schema_name(schema: Schema) -> str:
    """What a schema is called where it is sent: its title, as far as OpenAI takes it, else `answer`."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", schema.get("title", ""))[:64] or "answer"


def _is_pattern(pattern: Any) -> bool:
    if not isinstance(pattern, str) or _UNREADABLE.search(pattern) or AMBIGUOUS_SET.search(pattern):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
