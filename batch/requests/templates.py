"""Jinja templates over the columns of a row: compiled once, sandboxed, strict about names.

A template of plain text and `{{ column }}` alone is rendered without Jinja, to the same text, and for many rows at
once: see `encoding/`.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from unicodedata import normalize

from jinja2 import TemplateError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context

from ..errors import RequestError
from ..tables.value_texts import text
from .row_environment import RowEnvironment

Row = Mapping[str, Any]
Render = Callable[[Row], str]

ROW = "row"
"""The name under which a template reaches any column: `{{ row["Review text"] }}`."""


_ENVIRONMENT = RowEnvironment()

_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_WORDS = frozenset(
    ["and", "or", "not", "in", "is", "if", "else", "true", "True", "false", "False", "none", "None"]
)
"""Jinja's own, which name no column."""


class Piece(NamedTuple):
    """A piece of a plain template: a text as it stands, or the column whose value stands there."""

    literal: str
    column: str | None = None


@dataclass(frozen=True)
class Template:
    """A compiled template: `render` makes the text of one row, `columns` are the columns it reads.

    `pieces` are what it is made of where that is text and bare columns alone, else None.
    """

    render: Render
    columns: frozenset[str]
    pieces: tuple[Piece, ...] | None = None


Compile = Callable[[str, tuple[str, ...]], Template]
"""Compiles a source for rows of these columns."""


def is_template(source: str) -> bool:
    """Whether a text has anything for Jinja to do."""
    return any(mark in source for mark in ("{{", "{%", "{#"))


def reference(column: str) -> str:
    """How a template reads a column."""
    return f"{{{{ {_expression(column)} }}}}"


def _expression(column: str) -> str:
    return column if _is_name(column) else _through_row(column)


def _through_row(column: str) -> str:
    return f"{ROW}[{json.dumps(column, ensure_ascii=False)}]"


def _is_name(column: str) -> bool:
    return column.isidentifier() and column not in _WORDS


def compile_template(source: str, columns: tuple[str, ...]) -> Template:
    """Compile `source` for rows of these columns.

    Raises:
        RequestError: the template is malformed, or names a column that the table does not have.
    """
    try:
        tree = _ENVIRONMENT.parse(source)
        names = find_undeclared_variables(tree) | _shadowed(tree, columns)
    except TemplateError as error:
        shown = f" A column is read as {reference(columns[0])}." if columns else ""  # not everybody knows Jinja
        meant = _meant(source, columns) or shown
        marks = [mark for mark in ("{#", "{%") if mark in source]
        literal = [f" A {mark} that is text is written {{{{ '{mark}' }}}}." for mark in marks]
        said = "".join([_told(error), ".", *literal, meant])
        raise RequestError(f"The template {_short(source)} is not valid Jinja: {said}") from None
    used = _columns_used(tree, names, source, columns)
    pieces = _pieces(tree)
    if pieces is None:
        _refuse_unclear_names(tree, source, columns)
    render = _jinja(tree, columns) if pieces is None else _plain(pieces)
    return Template(_guarded(render, source, used), used, pieces)


def _told(error: Exception) -> str:
    """What an error says, without its full stop."""
    return str(error.message if isinstance(error, TemplateError) else error).rstrip(".")


def _columns_used(tree: nodes.Template, names: set[str], source: str, columns: tuple[str, ...]) -> frozenset[str]:
    through_row: set[str] = set()
    if ROW in names and ROW not in columns:
        names.remove(ROW)
        through_row = _columns_through_row(tree, columns)
    unknown = sorted((names | through_row | _printed_alone(tree)) - set(columns))
    if unknown:
        raise RequestError(
            f"The template {_short(source)} names the column {unknown[0]!r}, which the table does not have. "
            f"Its columns: {', '.join(columns) or 'none'}.{_meant(source, columns)}",
            column=unknown[0],
        )
    return frozenset((names | through_row) & set(columns))


def _meant(source: str, columns: tuple[str, ...]) -> str:
    """How to read a column that stands in the template by a name that is none to Jinja, such as `Review text`."""
    within = " ".join(_EXPRESSION.findall(source)).casefold()
    odd = [name for name in columns if name and not _is_name(name) and name.casefold() in within]
    if not odd:
        return ""
    column = max(odd, key=len)
    if ROW in columns:
        return f" Rename the column {column!r}: a template reads names without blanks and signs."
    return f" The column {column!r} is read as {reference(column)}."


def _shadowed(tree: nodes.Template, columns: tuple[str, ...]) -> set[str]:
    """Columns that bear the name of a function of Jinja's, such as `range`: in a row the column is meant."""
    used = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "load"}
    return used & set(columns) & set(_ENVIRONMENT.globals)


def _printed_alone(tree: nodes.Template) -> set[str]:
    """What is Jinja's own and stands where a value does, as in `{{ range }}`: a column is meant."""
    printed = (node for output in tree.find_all(nodes.Output) for node in output.nodes)
    names = {node.name for node in printed if isinstance(node, nodes.Name)} - _set_within(tree)
    return names & {*_ENVIRONMENT.globals, "self"}


def _set_within(tree: nodes.Template) -> set[str]:
    """The names that the template itself gives a value, as `{% set … %}` and loops do."""
    return {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}


def _refuse_unclear_names(tree: nodes.Template, source: str, columns: tuple[str, ...]) -> None:
    """Refuse columns that Jinja takes for something else: its own `self`, or another that Unicode spells alike."""
    named = {name.name for name in tree.find_all(nodes.Name)} - _set_within(tree)
    used = sorted(named & set(columns))
    spelled = Counter(normalize("NFKC", name) for name in used)
    unclear = [name for name in used if name == "self" or spelled[normalize("NFKC", name)] > 1]
    if unclear:
        name = unclear[0]
        way_on = "rename the column" if ROW in columns else f"it is read as {_through_row(name)}"
        raise RequestError(
            f"The template {_short(source)} names the column {name!r}, which Jinja takes for another: {way_on}.",
            column=name,
        )


def _columns_through_row(tree: nodes.Template, columns: tuple[str, ...]) -> set[str]:
    """The columns read as `row["…"]` or `row.…`; all of them where `row` is used in any other way."""
    names: set[str] = set()
    plain_uses = 0
    for node in tree.find_all((nodes.Getitem, nodes.Getattr)):
        if not isinstance(node, nodes.Getitem | nodes.Getattr):
            continue
        if not (isinstance(node.node, nodes.Name) and node.node.name == ROW):
            continue
        if isinstance(node, nodes.Getattr) and (node.attr in columns or not hasattr(dict, node.attr)):
            names.add(node.attr)
            plain_uses += 1
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
            names.add(str(node.arg.value))
            plain_uses += 1
    uses = sum(name.name == ROW for name in tree.find_all(nodes.Name))
    return names if uses == plain_uses else set(columns)


def _pieces(tree: nodes.Template) -> tuple[Piece, ...] | None:
    """What a template of text and bare columns is made of; None where it asks for more."""
    pieces: list[Piece] = []
    for output in tree.body:
        if not isinstance(output, nodes.Output):
            return None
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                pieces.append(Piece(node.data))
            elif isinstance(node, nodes.Name) and node.name != ROW:
                pieces.append(Piece("", node.name))
            else:
                return None
    return tuple(pieces)


def _plain(pieces: tuple[Piece, ...]) -> Render:
    return lambda row: "".join([literal if name is None else text(row[name]) for literal, name in pieces])


def _jinja(tree: nodes.Template, columns: tuple[str, ...]) -> Render:
    """As `Template.render` of Jinja's, which looks for what is global anew for each row."""
    compiled = _ENVIRONMENT.template_of(tree)
    root, blocks, shared = compiled.root_render_func, compiled.blocks, dict(compiled.globals)

    def render(row: Row) -> str:
        given = {**shared, **row} if ROW in columns else {**shared, **row, ROW: row}
        return "".join(root(Context(_ENVIRONMENT, given, None, blocks)))

    return render


def _guarded(render: Render, source: str, used: frozenset[str]) -> Render:
    def guarded(row: Row) -> str:
        try:
            return render(row)
        except Exception as error:  # a template can fail in as many ways as Python
            guard = _guard(row, used)
            raise RequestError(f"The template {_short(source)} failed: {_told(error)}.{guard}") from error

    return guarded


def _guard(row: Row, used: frozenset[str]) -> str:
    """How a template is kept from failing on a row that has bytes, or no value, where it wants one."""
    binary = sorted(column for column in used if isinstance(row.get(column), bytes))
    if binary:
        name = _expression(binary[0])
        return (
            f" The column {binary[0]!r} holds bytes: write {{{{ {name}.decode() }}}} where they are a text, "
            f"{{{{ {name} | base64 }}}} where base64 is meant."
        )
    nulls = sorted(column for column in used if row.get(column) is None)
    if not nulls:
        return ""
    name = _expression(nulls[0])
    return (
        f" The row has no value in the column {nulls[0]!r}; guard it: "
        f"{{% if {name} is not none %}}…{{% endif %}}, or give another in its place: ({name} or …)."
    )


def compile_structure(
    value: Any, columns: tuple[str, ...], compile_one: Compile = compile_template
) -> tuple[Callable[[Row], Any], frozenset[str]]:
    """Compile the templates among the strings of a JSON structure.

    Returns:
        A function from a row to the structure with every template rendered, and the columns it reads.
    """
    if isinstance(value, str) and is_template(value):
        template = compile_one(value, columns)
        return template.render, template.columns
    if isinstance(value, dict):
        members = {key: compile_structure(member, columns, compile_one) for key, member in value.items()}
        renders = [(key, render) for key, (render, _) in members.items()]
        used = frozenset[str]().union(*(names for _, names in members.values()))
        return lambda row: {key: render(row) for key, render in renders}, used
    if isinstance(value, list):
        elements = [compile_structure(element, columns, compile_one) for element in value]
        functions = [render for render, _ in elements]
        used = frozenset[str]().union(*(names for _, names in elements))
        return lambda row: [render(row) for render in functions], used
    return lambda _row: value, frozenset()


def _short(source: str) -> str:
    """A template as it stands in a message: its first 60 characters."""
    return repr(source if len(source) <= 60 else source[:57] + "...")
