"""Requests as files of JSON or YAML hold them."""

from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from ..errors import RequestError
from ..storage import open_url
from .json_and_yaml import read_json, read_yaml
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
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RequestError(f"The request file {url} cannot be read: {error}", path=url) from None


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
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(place) for place in first["loc"][1:]) or "kind"
        raise RequestError(f"{whence} is not valid: {field}: {first['msg']}", field=field) from None
