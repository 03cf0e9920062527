"""Parameters without what Prefect's form adds: it saves a deployment with every default written out.

So whoever changes a description there seems to have changed every parameter, with the same meaning.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]


def parameters_without_defaults(parameters: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """The parameters that say more than the flow's signature does.

    Args:
        parameters: A deployment's.
        schema: The JSON Schema of the flow's parameters.
    """
    return _said(parameters, schema.get("properties", {}), schema)


def _said(value: Mapping[str, Any], properties: Mapping[str, Schema], whole: Schema) -> dict[str, Any]:
    """An object's fields that are not their defaults; what tells two kinds of objects apart stays."""
    said = {}
    for name, field in value.items():
        schema = properties.get(name, {})
        plain = _plain(field, schema, whole)
        if plain is not None and ("const" in schema or plain != _plain(schema.get("default"), schema, whole)):
            said[name] = plain
    return said


def _plain(value: Any, schema: Schema, whole: Schema) -> Any:
    if isinstance(value, list):
        items: Schema = next((one["items"] for one in _shapes(schema, whole) if "items" in one), {})
        return [_plain(one, items, whole) for one in value]
    if not isinstance(value, Mapping):
        return value
    shapes = (one["properties"] for one in _shapes(schema, whole) if "properties" in one)
    return _said(value, next((one for one in shapes if _fits(value, one)), {}), whole)


def _shapes(schema: Schema, whole: Schema) -> Iterator[Schema]:
    """The schema itself, or each that it leaves open."""
    if reference := schema.get("$ref"):
        yield from _shapes(whole.get("definitions", {}).get(reference.rpartition("/")[2], {}), whole)
    alternatives = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    for one in alternatives:
        yield from _shapes(one, whole)
    yield schema


def _fits(value: Mapping[str, Any], properties: Mapping[str, Schema]) -> bool:
    constants = {name: schema["const"] for name, schema in properties.items() if "const" in schema}
    return set(value) <= set(properties) and all(value.get(name, one) == one for name, one in constants.items())
