"""Requests as files of JSON or YAML hold them: what JSON can say and nothing else, so that it can be sent.

PyYAML reads YAML 1.1, where `1e-05` is a text, `no` is false and `12:30` is 750; its resolver is replaced here.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from ..errors import AnswerSchemaError, RequestError
from ..storage.locations import open_url, told_by_web
from .request import Request

REQUEST: TypeAdapter[Request] = TypeAdapter(Request)

_KINDS = {list: "a list", str: "a text", type(None): "nothing"}


def load_request(url: str) -> Request:
    """The request in a file of JSON or of YAML 1.2, by its path or URL.

    Raises:
        RequestError: the file is missing or malformed, its kind of URL cannot be read here, or it does not hold
            a request.
    """
    return parse_request(_read(url), f"The request file {url}")


def given_request(given: Request | str | os.PathLike[str]) -> Request:
    """A request as it is, or the one in the file that is named.

    Raises:
        RequestError: as `load_request` does.
    """
    return load_request(os.fspath(given)) if isinstance(given, str | os.PathLike) else given


def _read(url: str) -> Any:
    try:
        filesystem, path = open_url(url)
        return _parse(filesystem.cat_file(path), is_json=path.lower().endswith(".json"))
    except FileNotFoundError:
        raise RequestError(f"The request file {url} does not exist.", path=url) from None
    except ImportError as error:
        raise RequestError(
            f"The request file {url} cannot be read: {error}. Install what is missing, or keep it on a disk.",
            path=url,
        ) from None
    except Exception as error:  # each file system has errors of its own
        told = told_by_web(error) or error
        raise RequestError(f"The request file {url} cannot be read: {told}", path=url) from None


def _parse(content: bytes, *, is_json: bool) -> Any:
    """JSON as JSON, whatever the file is called; what is not JSON and does not bear its name is YAML."""
    try:
        return read_json(content)
    except ValueError:
        if is_json:
            raise
        return read_yaml(content)


def parse_request(content: Any, whence: str = "The request") -> Request:
    """The request in a JSON structure; `kind` is `chat` where it is not said.

    Raises:
        RequestError: it does not hold a request; the message names the field.
    """
    if not isinstance(content, dict):
        kind = _KINDS.get(type(content), repr(content))
        raise RequestError(f"{whence} holds {kind}, where a request is one set of fields: model, prompt, …")
    try:
        return REQUEST.validate_python({"kind": "chat", **content})
    except AnswerSchemaError as error:
        raise AnswerSchemaError(f"{whence} is not valid: {error}", **error.details) from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(place) for place in first["loc"][1:])
        is_ours = first["type"] == "value_error"  # where it is of no field it says itself what it is about
        told = str(first["ctx"]["error"]) if is_ours else first["msg"]
        said = f"{field or 'kind'}: {told}" if field or not is_ours else told
        field = field or getattr(first.get("ctx", {}).get("error"), "field", "")
        raise RequestError(f"{whence} is not valid: {said}", field=field or "kind") from None


_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?[0-9]+$|0o[0-7]+$|0x[0-9a-fA-F]+$")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$")


def read_json(content: bytes | str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is no JSON, has a key twice, or a number that is none, such as NaN.
    """
    return json.loads(content, object_pairs_hook=_object, parse_constant=_no_number)


def read_yaml(content: bytes) -> Any:
    """The value of a YAML document by version 1.2's core schema; keys are texts, as JSON's are.

    Raises:
        yaml.YAMLError, ValueError: it is no YAML, or has a key twice.
    """
    return yaml.load(content, _Loader)  # noqa: S506 - the loader is a safe one


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _refuse_twice(key for key, _ in pairs)
    return dict(pairs)


def _no_number(word: str) -> Any:
    raise ValueError(f"JSON has no number {word}")


def _refuse_twice(keys: Iterable[str]) -> None:
    twice = [key for key, times in Counter(keys).items() if times > 1]
    if twice:
        raise ValueError(f"the key {twice[0]!r} stands twice in one set of fields")


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 - as PyYAML has it

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        if any(isinstance(key, yaml.MappingNode) for key, _ in node.value):
            raise ValueError(
                f"line {node.start_mark.line + 1}: to YAML {{{{ is no text: put the prompt in quotes, "
                '"{{ review }}"'
            )
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != _TAG + "merge"]
        _refuse_twice(key.value for key in keys)
        for key in keys:
            key.tag = _TAG + "str"
        return node


def _text(_loader: _Loader, node: yaml.ScalarNode) -> str:
    """A text, where two halves of a character that JSON escapes make the one."""
    text: str = node.value
    return text.encode("utf-16", "surrogatepass").decode("utf-16")


def _integer(_loader: _Loader, node: yaml.ScalarNode) -> int:
    text: str = node.value
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text if base == 10 else text[2:], base)


for _name, _pattern, _first in (
    ("null", re.compile(r"(~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    ("bool", re.compile(r"(true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    ("int", _INTEGER, list("-+0123456789")),
    ("float", _FLOAT, list("-+.0123456789")),
    ("merge", re.compile(r"<<$"), ["<"]),
):
    _Loader.add_implicit_resolver(_TAG + _name, _pattern, _first)
_Loader.add_constructor(_TAG + "str", _text)
_Loader.add_constructor(_TAG + "int", _integer)
