"""Schemas and answers drawn at random: what a person may ask for, with values that fit and values that do not."""

import datetime
from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]

_TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6)
_INTEGERS = st.integers(-(2**63), 2**63 - 1)
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
_DATES = st.dates(datetime.date(1, 1, 1)).map(datetime.date.isoformat)

LEAVES: dict[str, tuple[Schema, st.SearchStrategy[Any]]] = {
    "text": ({"type": "string"}, _TEXTS),
    "integer": ({"type": "integer"}, _INTEGERS),
    "number": ({"type": "number"}, _NUMBERS),
    "yes or no": ({"type": "boolean"}, st.booleans()),
    "date": ({"type": "string", "format": "date"}, _DATES),
    "choice": ({"type": "string", "enum": ["a", "ä b", ""]}, st.sampled_from(["a", "ä b", ""])),
}


@st.composite
def schemas(draw: st.DrawFn, depth: int = 3) -> tuple[Schema, st.SearchStrategy[Any]]:
    """An object's schema, not yet strict, and the answers that fit it."""
    names = draw(st.lists(_NAMES, min_size=1, max_size=4, unique=True))
    properties, values, required = {}, {}, []
    for name in names:
        node, fitting = draw(_nodes(depth - 1))
        if draw(st.booleans()):
            required.append(name)
        else:
            fitting = st.none() | fitting
        properties[name], values[name] = node, fitting
    schema = {"type": "object", "properties": properties, "required": required}
    return schema, st.fixed_dictionaries(values)


@st.composite
def _nodes(draw: st.DrawFn, depth: int) -> tuple[Schema, st.SearchStrategy[Any]]:
    kind = draw(st.sampled_from([*LEAVES, *(["list", "object"] if depth > 0 else [])]))
    if kind == "list":
        node, fitting = draw(_nodes(depth - 1))
        return {"type": "array", "items": node}, st.lists(fitting, max_size=3)
    return draw(schemas(depth)) if kind == "object" else LEAVES[kind]
