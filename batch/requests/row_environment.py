"""Jinja for rows: sandboxed, strict about names, and what it prints is what the tables say."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from jinja2 import StrictUndefined, Template, Undefined, nodes, pass_environment
from jinja2.filters import make_attrgetter
from jinja2.sandbox import SandboxedEnvironment

from ..tables.value_texts import json_bytes, text

_OF_TEXTS = (
    *("capitalize", "center", "e", "escape", "forceescape", "indent", "lower", "replace", "striptags", "title"),
    *("trim", "truncate", "upper", "urlize", "wordcount", "wordwrap"),
)
"""Jinja's filters of texts, which would make a text of their own of any other value."""


class RowEnvironment(SandboxedEnvironment):
    """Templates over rows: every value is printed by its `text`, and keys come before methods."""

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, finalize=text, keep_trailing_newline=True)
        self.filters.update({name: _of_text(self.filters[name]) for name in _OF_TEXTS})
        self.filters.update(text=text, string=text, join=_join, tojson=_to_json, base64=_base64)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`order.items` is the key `items` where the value has one."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def template_of(self, tree: nodes.Template) -> Template:
        """The template of a parsed text; `~` joins texts, as printing does."""
        for concat in tree.find_all(nodes.Concat):
            concat.nodes = [_filtered(node, "text") for node in concat.nodes]
        tree.set_environment(self)
        code = self.compile(tree)
        return self.template_class.from_code(self, code, self.make_globals(None))


def _filtered(node: nodes.Expr, name: str) -> nodes.Expr:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _of_text(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter of Jinja's that is given the text of a value; some take Jinja's surroundings before it."""
    if hasattr(function, "jinja_pass_arg"):

        @wraps(function)
        def within(surroundings: Any, value: Any, *given: Any, **named: Any) -> Any:
            return function(surroundings, _kept_text(value), *given, **named)

        return within
    return lambda value, *given, **named: function(_kept_text(value), *given, **named)


def _kept_text(value: Any) -> str:
    """A text as it is, even one that is marked as safe."""
    return value if isinstance(value, str) else text(value)


@pass_environment
def _join(
    environment: SandboxedEnvironment, values: Iterable[Any], d: str = "", attribute: str | int | None = None
) -> str:
    found = values if attribute is None else map(make_attrgetter(environment, attribute), values)
    return text(d).join(map(text, found))


def _to_json(value: Any, indent: int | None = None) -> str:
    """JSON as it stands in the tables, with no escapes for HTML."""
    if isinstance(value, Undefined):
        return str(value)  # which raises
    written = json_bytes(value).decode()
    return json.dumps(json.loads(written), ensure_ascii=False, indent=indent) if indent else written


def _base64(value: bytes) -> str:
    return b64encode(value).decode()
