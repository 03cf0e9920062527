"""Bodies: the function from a row to the body of its item, compiled for a table."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import orjson

from ..errors import RequestError
from .encoding.body_pieces import BodyPieces, body_pieces
from .templates import Compile, compile_structure, compile_template, reference

MOST_DIGITS = 20
"""Of an integer of 64 bits, with its sign."""

_LONG_NUMBER = re.compile(r"\d{19}")

Function = Callable[[Mapping[str, Any]], Any]
Make = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Bodies:
    """A compiled request: `make` gives a row's body, `columns` are those it reads (None: all).

    `pieces` gives the body in pieces, for many rows at once; None where it is no template.
    """

    make: Make
    columns: frozenset[str] | None
    pieces: Callable[[], BodyPieces | None] = lambda: None


def bodies_from_template(
    template: Mapping[str, Any], parameters: Mapping[str, Any], columns: tuple[str, ...], *, constant: bool
) -> Bodies:
    """Bodies whose strings are templates over a row's columns.

    Args:
        template: The body; its strings are templates.
        parameters: Further fields, sent as they stand.
        columns: The table's columns.
        constant: Whether a prompt that uses no column is as meant.

    Raises:
        RequestError: a template is malformed, names an unknown column, or none uses any.
    """
    asked = {name: value for name, value in template.items() if name != "model"}

    def compiled(compile_one: Compile) -> tuple[Make, frozenset[str], frozenset[str]]:
        model_render, model_columns = compile_structure(template.get("model"), columns, compile_one)
        render, asked_columns = compile_structure(asked, columns, compile_one)

        def make(row: Mapping[str, Any]) -> dict[str, Any]:
            return {"model": model_render(row), **render(row), **parameters}

        return make, asked_columns, model_columns

    make, asked_columns, model_columns = compiled(compile_template)
    if not (asked_columns or constant):
        raise RequestError(
            "The prompt uses no column, so every row would be sent the same text. Name a column in it, "
            f"{reference(columns[0] if columns else 'column')} for one; or say that it is meant so: "
            "--constant-prompt, constant_prompt=True."
        )
    return Bodies(make, asked_columns | model_columns, lambda: body_pieces(lambda one: compiled(one)[0]))


def bodies_from_function(
    path: str,
    body_of: Callable[[Any], dict[str, Any]],
    model: str | None,
    parameters: Mapping[str, Any],
    columns: tuple[str, ...],
) -> Bodies:
    """Bodies that a Python function makes of a row.

    Args:
        path: The function's import path.
        body_of: The body from what the function returned.
        model: The model where the body names none, a template too.
        parameters: Further fields, below those of the body.
        columns: The table's columns.

    Raises:
        RequestError: the function is not there, or the model's template does not fit.
    """
    function = load_function(path)
    model_render, _ = compile_structure(model, columns)

    def make(row: Mapping[str, Any]) -> dict[str, Any]:
        try:
            body = body_of(function(row))
        except Exception as error:
            raise RequestError(f"The function {path} failed: {error!r}") from error
        defaults = {} if model is None else {"model": model_render(row)}
        return {**defaults, **parameters, **body}

    return Bodies(make, None)


def bodies_from_column(column: str, parameters: Mapping[str, Any], columns: tuple[str, ...]) -> Bodies:
    """Bodies that stand ready-made in a column, as JSON text or as nested values; `parameters` go above them.

    Raises:
        RequestError: there is no such column.
    """
    check_column("body_column", column, columns)

    def make(row: Mapping[str, Any]) -> dict[str, Any]:
        value = row[column]
        try:
            body = _parsed(value) if isinstance(value, str | bytes) else _without_nulls(value)
        except orjson.JSONDecodeError as error:
            raise RequestError(f"Column {column!r} does not hold JSON: {error}", column=column) from None
        if not isinstance(body, dict):
            raise RequestError(f"Column {column!r} does not hold a JSON object.", column=column)
        return {**body, **parameters}

    return Bodies(make, frozenset({column}))


def _parsed(content: str | bytes) -> Any:
    """What JSON text says, exactly: an integer beyond 64 bits would be sent as another number.

    Raises:
        RequestError: it holds one.
    """
    parsed = orjson.loads(content)
    text = content if isinstance(content, str) else content.decode(errors="replace")
    if _LONG_NUMBER.search(text):
        json.loads(text, parse_int=_of_64_bits)
    return parsed


def _of_64_bits(digits: str) -> int:
    value = int(digits[:MOST_DIGITS])
    if len(digits) > MOST_DIGITS or not -(2**63) <= value < 2**64:
        raise RequestError(
            f"The body holds the integer {digits[:60]}, which is beyond 64 bits: write it as a text."
        )
    return value


def _without_nulls(value: Any) -> Any:
    """A nested value as its row held it: a table gives every row the keys of all, null where it had none."""
    if isinstance(value, dict):
        return {key: _without_nulls(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_without_nulls(element) for element in value]
    return value


def check_column(field: str, column: str, columns: tuple[str, ...]) -> None:
    """Refuse a request whose `field` names a column that the table does not have.

    Raises:
        RequestError: it does; the message lists the columns.
    """
    if column not in columns:
        raise RequestError(
            f"{field} names the column {column!r}, which the table does not have. "
            f"Its columns: {', '.join(columns) or 'none'}.",
            column=column,
        )


def load_function(path: str) -> Function:
    """The function at an import path such as `package.module:function`.

    Raises:
        RequestError: there is no such module, or no such function in it.
    """
    module_name, _, names = path.partition(":")
    try:
        found: Any = import_module(module_name)
        for name in names.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise RequestError(f"The function {path} cannot be imported here: {error}", function=path) from None
    if not callable(found):
        raise RequestError(f"{path} is not a function.", function=path)
    function: Function = found
    return function
