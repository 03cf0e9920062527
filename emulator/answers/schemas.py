"""Values that satisfy a JSON schema, as strict structured outputs promise."""

import string
from collections.abc import Mapping
from re import _parser  # type: ignore[attr-defined]  # Python's own reading of a pattern; it has no public name
from typing import Any
from zlib import crc32

from .rules import choose, first_sentence, rate

_DEPTH = 6
_FORMATS = {
    "date-time": "2026-01-15T09:30:00Z",
    "date": "2026-01-15",
    "time": "09:30:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "3f2b8c1e-5d4a-4b6c-8e7f-9a0b1c2d3e4f",
    "uri": "https://example.com/",
}

Schema = Mapping[str, Any]


def example(schema: Schema, text: str) -> Any:
    """A value for this schema that fits the text: an enum's value by the text's mood, a string of its words.

    It knows what strict mode allows: objects, arrays, enums, const, anyOf, $ref and $defs, the types, bounds,
    formats and simple patterns. What a schema recurses into is cut off as soon as the schema lets it end.
    """
    return _Builder(schema, text).value(schema, 0)


class _Builder:
    """Walks one schema, with the document that its references point into."""

    def __init__(self, document: Schema, text: str) -> None:
        self.document = document
        self.text = text

    def value(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, Mapping):
            return None
        if "$ref" in schema:
            return self.value(self._target(schema["$ref"]), depth + 1)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._one_of(schema["enum"])
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                return self._branch(schema[key], depth)
        if schema.get("allOf"):
            merged: dict[str, Any] = {}
            for part in schema["allOf"]:
                merged.update(self._target(part["$ref"]) if "$ref" in part else part)
            return self.value(merged, depth + 1)
        return self._of_type(schema, depth)

    def _of_type(self, schema: Schema, depth: int) -> Any:
        kind = schema.get("type") or ("object" if "properties" in schema else "string")
        if isinstance(kind, list):
            plain = [name for name in kind if name != "null"]
            kind = "null" if not plain or (depth > _DEPTH and "null" in kind) else plain[0]
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind == "string":
            return self._string(schema)
        if kind in ("integer", "number"):
            return self._number(schema, kind)
        return None if kind == "null" else crc32(self.text.encode()) % 2 == 0

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        return {
            name: self.value(part, depth + 1)
            for name, part in schema.get("properties", {}).items()
            if name in required or depth < _DEPTH
        }

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        least = int(schema.get("minItems", 0))
        wanted = max(least, 1) if depth < _DEPTH and schema.get("maxItems") != 0 else least
        return [self.value(schema.get("items", {"type": "string"}), depth + 1) for _ in range(wanted)]

    def _string(self, schema: Schema) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        if isinstance(schema.get("pattern"), str):
            return match_pattern(schema["pattern"])
        text = first_sentence(self.text, 12) or "nothing"
        text = text.ljust(int(schema.get("minLength", 0)), ".")
        return text[: int(schema.get("maxLength", len(text)))]

    def _number(self, schema: Schema, kind: str) -> int | float:
        low, high = _bounds(schema, kind)
        value = rate(self.text, 0, 10) if low is None and high is None else self._between(low, high)
        step = schema.get("multipleOf")
        if step:
            value = -(-value // step) * step if low is not None else value // step * step
        return int(value) if kind == "integer" else float(value)

    def _between(self, low: float | None, high: float | None) -> float:
        if low is None or high is None:
            return low if low is not None else high or 0
        if high - low < 1:
            return (low + high) / 2 if low != int(low) or high != low else low
        return rate(self.text, int(-(-low // 1)), int(high // 1))

    def _one_of(self, values: list[Any]) -> Any:
        words = [value for value in values if isinstance(value, str)]
        return choose(words, self.text) if words else values[crc32(self.text.encode()) % len(values)]

    def _branch(self, branches: list[Any], depth: int) -> Any:
        endings = [branch for branch in branches if branch.get("type") == "null"]
        others = [branch for branch in branches if branch.get("type") != "null"]
        chosen = endings if endings and (depth > _DEPTH or not others) else others
        flat = [branch for branch in chosen if "$ref" not in branch]
        return self.value((flat or chosen)[0] if depth > _DEPTH else chosen[0], depth + 1)

    def _target(self, reference: str) -> Schema:
        node: Any = self.document
        for key in reference.lstrip("#").strip("/").split("/"):
            if key:
                node = node[key.replace("~1", "/").replace("~0", "~")]
        return node  # type: ignore[no-any-return]  # a schema says where its own parts are


def _bounds(schema: Schema, kind: str) -> tuple[float | None, float | None]:
    step = 1 if kind == "integer" else 1e-6
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + step
    if "exclusiveMaximum" in schema:
        high = schema["exclusiveMaximum"] - step
    return low, high


def match_pattern(pattern: str) -> str:
    """A text for a simple regular expression: literals, classes, groups, alternatives and counts.

    Lookarounds and back references are beyond it.
    """
    return _text_of(list(_parser.parse(pattern)))


def _text_of(nodes: list[Any]) -> str:
    return "".join(_text_of_node(str(name), value) for name, value in nodes)


def _text_of_node(name: str, value: Any) -> str:
    if name == "LITERAL":
        return chr(value)
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, _, inner = value
        return _text_of(list(inner)) * int(least)
    if name == "SUBPATTERN":
        return _text_of(list(value[3]))
    if name == "BRANCH":
        return _text_of(list(value[1][0]))
    if name == "IN":
        return _member(value)
    return "a" if name in ("ANY", "NOT_LITERAL") else ""


_CATEGORIES = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}


def _member(choices: list[Any]) -> str:
    name, value = str(choices[0][0]), choices[0][1]
    if name == "NEGATE":
        taken = choices[1:]
        return next(letter for letter in string.ascii_letters + string.digits + " " if not _holds(taken, letter))
    if name == "RANGE":
        return chr(value[0])
    if name == "CATEGORY":
        return _CATEGORIES.get(str(value), "-")
    return chr(value)


def _holds(parts: list[Any], letter: str) -> bool:
    for name, value in parts:
        kind = str(name)
        if kind == "LITERAL" and chr(value) == letter:
            return True
        if kind == "RANGE" and value[0] <= ord(letter) <= value[1]:
            return True
        if kind == "CATEGORY" and _CATEGORIES.get(str(value), "-") == letter:
            return True
    return False
