"""A run's options on the command line: one for each field of `RunOptions`, with its words, bounds and default."""

from collections.abc import Callable
from math import isnan
from typing import Any, TypeVar

import click
from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo

from ..batch.jobs.options import RunOptions

Command = TypeVar("Command", bound=Callable[..., Any])

FLAGS = {"poll_seconds": "--poll", "max_poll_seconds": "--max-poll", "settle_seconds": "--settle"}
"""Flags that are shorter than their field's name."""


class NumberRange(click.FloatRange):
    """A range of numbers: nan is none, and click takes it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; what is none, or outside the range, is refused."""
        number = super().convert(value, param, ctx)
        return self.fail(f"{value} is no number.", param, ctx) if isnan(number) else number


def run_options(*names: str) -> Callable[[Command], Command]:
    """Give a command the options of these fields; it takes them by the fields' names."""

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            command = _option(name, RunOptions.model_fields[name])(command)
        return command

    return decorate


def _option(name: str, field: FieldInfo) -> Callable[[Command], Command]:
    flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
    if field.annotation is bool:
        return click.option(flag, name, is_flag=True, help=field.description)
    return click.option(
        flag,
        name,
        type=_type(field),
        default=field.default,
        show_default=field.default not in ("", None),
        help=field.description,
    )


def _type(field: FieldInfo) -> "click.ParamType[Any]":  # no subscript before click 8.4
    """Click's type of a field, with the field's bounds."""
    bounds: dict[str, Any] = {}
    for bound in field.metadata:
        if isinstance(bound, Ge | Gt):
            bounds["min"] = bound.ge if isinstance(bound, Ge) else bound.gt
            bounds["min_open"] = isinstance(bound, Gt)
        elif isinstance(bound, Le):
            bounds["max"] = bound.le
    if field.annotation in (int, int | None):
        return click.IntRange(**bounds)
    return NumberRange(**bounds) if field.annotation in (float, float | None) else click.STRING
