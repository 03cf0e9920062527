"""A request and a source from what was typed."""

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click

from ..batch.errors import RequestError
from ..batch.requests.endpoints import PROMPT_FIELD, Endpoint
from ..batch.requests.request import Request
from ..batch.requests.request_files import load_request, parse_request, read_json
from ..batch.tables.any_source import Source
from ..batch.tables.csv_source import ColumnType
from ..batch.tables.sources import FileSource
from ..batch.tables.table_formats import Format
from .databases.sql_options import make_sql_source, sql_options

Command = TypeVar("Command", bound=Callable[..., Any])

TABLE_OPTIONS = ("kind", "separator", "types", "sheet", "limit", "from_sql", "query", "table", "query_parameters")
"""What `table_options` gives a command."""

NO_SOURCE = "Say where the rows come from: a file (SOURCE), or --from-sql NAME with --query or --table."

_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_LIKE_JSON = re.compile(
    r"""[\["]|\{(?!scheduled)|[-+]?(inf|infinity|nan)$|(true|false|null)$|[-+]?[\d.,_'\s]*\d[\d.,_'\s]*(e[-+]?\d*)?%?$""",
    re.IGNORECASE,
)


def parse_parameters(given: tuple[str, ...], option: str = "--param") -> dict[str, Any]:
    """`KEY=VALUE` pairs as parameters; a value is JSON where it parses, else text.

    Raises:
        click.BadParameter: a pair is none, its key is given twice, or its value looks like JSON and is not.
    """
    parameters: dict[str, Any] = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint=option)
        if key in parameters:
            raise click.BadParameter(f"{key!r} is given twice", param_hint=option)
        parameters[key] = _value(pair, value, option)
    return parameters


def _value(pair: str, value: str, option: str) -> Any:
    try:
        return read_json(value)
    except ValueError:
        if _NUMBER.fullmatch(value):
            return float(value) if set(value) & set(".eE") else int(value)
        if _LIKE_JSON.match(value):
            raise click.BadParameter(
                f"{pair!r} looks like a number or like JSON, and is neither; write a text in double quotes, "
                f"{json.dumps(value)}",
                param_hint=option,
            ) from None
        return value


def table_options(command: Command) -> Command:
    """Give a command the options that say how its table is read."""
    for option in (
        click.option(
            "--type",
            "types",
            multiple=True,
            metavar="COLUMN=TYPE",
            help=f"What a column of a CSV file is: {', '.join(get_args(ColumnType))}; in JSONL and Excel: text.",
        ),
        click.option(
            "--separator", metavar="SIGN", help="What separates a CSV file's fields, such as ';' or tab."
        ),
        click.option("--format", "kind", type=click.Choice(get_args(Format)), help="What the file is."),
        click.option("--sheet", metavar="NAME", help="Which sheet of an Excel file.  [default: the first]"),
        click.option("--limit", type=click.IntRange(min=1), help="Only the first so many rows."),
    ):
        command = option(command)
    return sql_options(command)


def request_options(command: Command) -> Command:
    """Give a command the options that make a request, but for the model."""
    for option in reversed(
        (
            click.option("--prompt", "-p", help="What is asked for each row: a Jinja template over its columns."),
            click.option("--system", help="The system message (or instructions), a template too."),
            click.option("--endpoint", help="The endpoint.  [default: /v1/chat/completions]"),
            click.option(
                "--param",
                "parameters",
                multiple=True,
                metavar="KEY=VALUE",
                help="A body parameter; JSON where it parses.",
            ),
            click.option(
                "--request", "request_file", metavar="FILE", help="A request file (JSON or YAML) instead."
            ),
            click.option("--id-column", help="The column that holds the custom_ids."),
            click.option(
                "--constant-prompt", is_flag=True, help="Send every row the same prompt, which uses no column."
            ),
            click.option(
                "--answer",
                "answer_fields",
                multiple=True,
                metavar='"NAME: KIND"',
                help='A column of the answer: "mood: happy | angry", "score: number", "why: text?"; once each.',
            ),
            click.option("--keep-response", is_flag=True, help="Keep whole responses, in a column of their own."),
            click.option("--keep-cost", is_flag=True, help="Say what each row cost, in the column cost_usd."),
        )
    ):
        command = option(command)
    return command


def make_source(
    path: str | None,
    *,
    limit: int | None,
    from_sql: str | None,
    query: str | None,
    table: str | None,
    query_parameters: tuple[str, ...],
    **reading: Any,
) -> Source:
    """The table of this path, or of a database, read as the options say.

    Raises:
        click.UsageError: neither is named, or both are.
    """
    if from_sql is None:
        if path is None:
            raise click.UsageError(NO_SOURCE)
        if query or table or query_parameters:
            raise click.UsageError(
                "--query, --query-param and --table are asked of a database: add --from-sql NAME."
            )
        return _file_source(path, limit=limit, **reading)
    if path is not None:
        raise click.UsageError(f"The rows come from {path} or from --from-sql {from_sql}: leave one of them out.")
    if any(reading.values()):
        raise click.UsageError(
            "--format, --separator, --type and --sheet are of files; a database has types of its own."
        )
    return make_sql_source(from_sql, query, table, parse_parameters(query_parameters, "--query-param"), limit)


def _file_source(
    path: str,
    *,
    kind: Format | None,
    separator: str | None,
    types: tuple[str, ...],
    sheet: str | None,
    limit: int | None,
) -> FileSource:
    sign = {"tab": "\t", "\\t": "\t"}.get(separator or "", separator)
    if sign is not None and len(sign) != 1:
        raise click.BadParameter(f"{separator!r} is not one sign, such as ';', or tab", param_hint="--separator")
    typed = _parse_types(types) or None
    return FileSource(path=path, format=kind, separator=sign, types=typed, sheet=sheet, limit=limit)


def _parse_types(given: tuple[str, ...]) -> dict[str, ColumnType]:
    types: dict[str, ColumnType] = {}
    for pair in given:
        column, equals, kind = pair.rpartition("=")
        known = next((known for known in get_args(ColumnType) if known == kind), None)
        if not (column and equals and known):
            raise click.BadParameter(
                f"{pair!r} is not COLUMN=TYPE with one of {', '.join(get_args(ColumnType))}", param_hint="--type"
            )
        types[column] = known
    return types


def make_request(
    request_file: str | None,
    *,
    model: str | None,
    prompt: str | None,
    system: str | None,
    endpoint: str | None,
    parameters: tuple[str, ...],
    id_column: str | None,
    answer_fields: tuple[str, ...],
    constant_prompt: bool,
    keep_response: bool,
    keep_cost: bool,
) -> Request:
    """The request of a request file, or of the options.

    Raises:
        RequestError: the options do not make a request, or the file holds none.
    """
    typed = {
        "--model": model,
        "--prompt": prompt,
        "--system": system,
        "--endpoint": endpoint,
        "--param": parameters,
        "--id-column": id_column,
        "--answer": answer_fields,
        "--constant-prompt": constant_prompt,
        "--keep-response": keep_response,
        "--keep-cost": keep_cost,
    }
    if request_file is not None:
        given = [option for option, value in typed.items() if value]
        if given:
            raise click.UsageError(f"--request holds the whole request: leave out {given[0]}.")
        return load_request(request_file)
    for option in ("--model", "--prompt"):
        if not typed[option]:
            raise click.UsageError(f"Give {option}, or a request file with --request.")
    asked = _endpoint(endpoint)
    content = _content(asked, model, prompt, system, parse_parameters(parameters))
    if answer_fields:
        content["answer"] = _parse_answers(answer_fields, asked)
    meant = {"id_column": id_column, "constant_prompt": constant_prompt}
    kept = {"keep_response": keep_response, "keep_cost": keep_cost}
    return parse_request({**content, **meant, **kept})


def _parse_answers(given: tuple[str, ...], endpoint: Endpoint) -> dict[str, str]:
    if endpoint not in (Endpoint.CHAT_COMPLETIONS, Endpoint.RESPONSES):
        raise RequestError(f"{endpoint} gives no typed answers: leave --answer out.")
    fields: dict[str, str] = {}
    for one in given:
        name, colon, words = (part.strip() for part in one.partition(":"))
        if not (name and colon and words):
            raise click.BadParameter(
                f'{one!r} is not "NAME: KIND", as "mood: happy | angry"', param_hint="--answer"
            )
        if name in fields:
            raise click.BadParameter(f"{name!r} is given twice", param_hint="--answer")
        fields[name] = words
    return fields


def _endpoint(path: str | None) -> Endpoint:
    try:
        return Endpoint(path or Endpoint.CHAT_COMPLETIONS)
    except ValueError:
        raise RequestError(
            f"The endpoint {path!r} cannot be batched. OpenAI batches {', '.join(Endpoint)}."
        ) from None


def _content(
    endpoint: Endpoint, model: str | None, prompt: str | None, system: str | None, parameters: dict[str, Any]
) -> dict[str, Any]:
    shared = {"model": model, "parameters": parameters}
    if endpoint == Endpoint.CHAT_COMPLETIONS:
        return {"kind": "chat", "prompt": prompt, "system": system, **shared}
    if endpoint == Endpoint.RESPONSES:
        return {"kind": "responses", "prompt": prompt, "instructions": system, **shared}
    if system is not None:
        raise RequestError(f"{endpoint} takes no system message: leave --system out.")
    if endpoint == Endpoint.EMBEDDINGS:
        dimensions = parameters.pop("dimensions", None)
        return {"kind": "embedding", "input": prompt, "dimensions": dimensions, **shared}
    body = {"model": model, PROMPT_FIELD[endpoint]: prompt}
    clash = sorted(body.keys() & parameters.keys())
    if clash:
        raise RequestError(f"--param {clash[0]} would replace what --model or --prompt say: leave it out.")
    return {"kind": "raw", "endpoint": endpoint.value, "body": body, "parameters": parameters}
