"""Jinja for rows: sandboxed, strict about names, and what it prints is what the tables say."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import wraps
from typing import Any

from jinja2 import StrictUndefined, Template, Undefined, nodes, pass_environment
from jinja2.filters import make_attrgetter
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

from ..tables.value_texts import json_bytes, text

_OF_TEXTS = (
    *("capitalize", "center", "e", "escape", "forceescape", "indent", "lower", "replace", "striptags", "title"),
    *("trim", "truncate", "upper", "urlize", "wordcount", "wordwrap"),
)
"""Jinja's filters of texts, which would make a text of their own of any other value."""


class RowEnvironment(SandboxedEnvironment):
    """Templates over rows: every value is printed by its `text`, and keys come before methods."""

    intercepted_binops = frozenset({"%"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, finalize=text, keep_trailing_newline=True)
        self.filters.update({name: _of_text(self.filters[name]) for name in _OF_TEXTS})
        self.filters.update(text=text, string=text, join=_join, tojson=_to_json, base64=_base64)
        self.filters["format"] = _format
        del self.filters["random"], self.globals["lipsum"]  # the same rows make the same items

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """A time of the row's is there, but not the time that it is."""
        of_now = isinstance(obj, date) and attr in ("now", "today", "utcnow")
        return not of_now and super().is_safe_attribute(obj, attr, value)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`order.items` is the key `items` where the value has one."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`"%s" % value` puts the value's text in."""
        if not isinstance(left, str):
            return super().call_binop(context, operator, left, right)
        if isinstance(right, tuple):
            return left % tuple(map(_argument, right))
        named = isinstance(right, Mapping) and "%(" in left
        return left % ({key: _argument(value) for key, value in right.items()} if named else _argument(right))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """What `"{}".format` is given has a text; how it is put in is Python's, for the sake of `{:%d.%m.%Y}`."""
        put_in = super().wrap_str_format(value)
        if put_in is None:
            return None

        def put_in_values(*given: Any, **named: Any) -> str:
            for one in (*given, *named.values()):
                text(one)
            return put_in(*given, **named)

        return put_in_values

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


def _format(value: Any, *given: Any, **named: Any) -> str:
    return text(value) % (
        {key: _argument(one) for key, one in named.items()} if named else tuple(map(_argument, given))
    )


def _argument(value: Any) -> Any:
    """What `%` puts in: a number as it is, since it may be rounded there, and the text of anything else."""
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return value if is_number else text(value)


def _base64(value: bytes) -> str:
    return b64encode(value).decode()
