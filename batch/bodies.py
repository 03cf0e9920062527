"""A request compiled for a table: the function from a row to the body of its item."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import orjson

from .errors import RequestError
from .templates import compile_structure, reference

Function = Callable[[Mapping[str, Any]], Any]
Make = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Bodies:
    """A compiled request: `make` gives a row's body, `columns` are those it reads (None: all)."""

    make: Make
    columns: frozenset[str] | None


class _Compilable(Protocol):
    """What a request says of itself for compiling; see `requests.BaseRequest`."""

    @property
    def parameters(self) -> dict[str, Any]: ...
    @property
    def id_column(self) -> str | None: ...
    @property
    def function(self) -> str | None: ...
    @property
    def constant_prompt(self) -> bool: ...
    @property
    def ready_column(self) -> str | None: ...
    def body_template(self) -> dict[str, Any]: ...
    def body_of(self, returned: Any) -> dict[str, Any]: ...


def compile_request(request: _Compilable, columns: tuple[str, ...], *, by_hand: bool = False) -> Bodies:
    """Compile a request for rows of these columns.

    Args:
        request: How a row becomes a body.
        columns: The table's columns.
        by_hand: Whether a prompt that uses no column is as meant, as it is in an item made by hand.

    Raises:
        RequestError: a template is malformed, names an unknown column or uses none; a function is not there.
    """
    if request.id_column is not None and not by_hand:
        _check_column("id_column", request.id_column, columns)
    if request.function is not None:
        return _from_function(request, request.function, columns)
    if request.ready_column is not None:
        return _from_column(request, request.ready_column, columns)
    return _from_template(request, columns, by_hand=by_hand)


def _from_template(request: _Compilable, columns: tuple[str, ...], *, by_hand: bool) -> Bodies:
    template = request.body_template()
    model_render, model_columns = compile_structure(template.get("model"), columns)
    asked = {name: value for name, value in template.items() if name != "model"}
    render, asked_columns = compile_structure(asked, columns)
    if not (asked_columns or by_hand or request.constant_prompt):
        raise RequestError(
            "The prompt uses no column, so every row would be sent the same text. Name a column in it, "
            f"{reference(columns[0] if columns else 'column')} for one, or say constant_prompt if that is meant."
        )
    parameters = request.parameters

    def make(row: Mapping[str, Any]) -> dict[str, Any]:
        return {"model": model_render(row), **render(row), **parameters}

    return Bodies(make, asked_columns | model_columns)


def _from_function(request: _Compilable, path: str, columns: tuple[str, ...]) -> Bodies:
    function = load_function(path)
    model = request.body_template().get("model")
    model_render, _ = compile_structure(model, columns)

    def make(row: Mapping[str, Any]) -> dict[str, Any]:
        try:
            body = request.body_of(function(row))
        except Exception as error:
            raise RequestError(f"The function {path} failed: {error!r}") from error
        defaults = {} if model is None else {"model": model_render(row)}
        return {**defaults, **request.parameters, **body}

    return Bodies(make, None)


def _from_column(request: _Compilable, column: str, columns: tuple[str, ...]) -> Bodies:
    _check_column("body_column", column, columns)

    def make(row: Mapping[str, Any]) -> dict[str, Any]:
        value = row[column]
        try:
            body = orjson.loads(value) if isinstance(value, str | bytes) else _without_nulls(value)
        except orjson.JSONDecodeError as error:
            raise RequestError(f"Column {column!r} does not hold JSON: {error}", column=column) from None
        if not isinstance(body, dict):
            raise RequestError(f"Column {column!r} does not hold a JSON object.", column=column)
        return {**body, **request.parameters}

    return Bodies(make, frozenset({column}))


def _without_nulls(value: Any) -> Any:
    """A nested value as its row held it: a table gives every row the keys of all, null where it had none."""
    if isinstance(value, dict):
        return {key: _without_nulls(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_without_nulls(element) for element in value]
    return value


def _check_column(field: str, column: str, columns: tuple[str, ...]) -> None:
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
