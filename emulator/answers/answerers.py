"""What to say to one request, before it takes the shape of an endpoint's body."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from . import rules
from .prompts import asked_text, instructions
from .schemas import example

Body = dict[str, Any]


class ToolCall(NamedTuple):
    """One call of a tool: its name and its arguments, as JSON text."""

    name: str
    arguments: str


class Reply(NamedTuple):
    """What one request gets.

    Attributes:
        text: the answer's text, or an error's.
        refusal: the text of a refusal, instead of an answer.
        finish_reason: why it ended, in the words of chat completions: stop, length, content_filter, tool_calls.
        tool_calls: calls of tools, instead of a text.
        status: the HTTP status of the line; with 200 the reply takes the endpoint's shape.
        body: the whole body, used as it is: an error's with another status, or any answer of one's own.
    """

    text: str = ""
    refusal: str | None = None
    finish_reason: str = "stop"
    tool_calls: tuple[ToolCall, ...] = ()
    status: int = 200
    body: Body | None = None


Answerer = Callable[[Body], "Reply | str | Body"]
"""What answers a request's body: with a text, a whole body, or a reply that says more."""


def by_rules(body: Body) -> Reply:
    """The rule-based answerer: tool calls and JSON where the request demands them, else a fitting text."""
    text = asked_text(body)
    if tool := _demanded_tool(body):
        return Reply(tool_calls=(_call(tool, text),), finish_reason="tool_calls")
    if (schema := _answer_schema(body)) is not None:
        return Reply(orjson.dumps(example(schema, rules.subject(text))).decode())
    return Reply(rules.answer(text, instructions(body)))


def by_echo(body: Body) -> Reply:
    """The echo: the request's own text, unless a tool call or JSON is demanded."""
    if "tools" in body or "response_format" in body or "text" in body:
        return by_rules(body)
    return Reply(asked_text(body))


def canned(table: dict[str, Any]) -> Answerer:
    """Answers from a table by the request's text; what it does not hold is answered by the rules.

    A value is a text or a whole body. The key `*` answers everything else.
    """

    def answer(body: Body) -> Reply | str | Body:
        found: str | Body | None = table.get(asked_text(body), table.get("*"))
        return by_rules(body) if found is None else found

    return answer


_BUILT_IN: dict[str, Answerer] = {"rules": by_rules, "echo": by_echo}


def find_answerer(name: str) -> Answerer:
    """The answerer behind `rules`, `echo`, a JSON file of canned answers, or `module:function`.

    Raises:
        ValueError: there is none of this name.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    if name.endswith(".json"):
        return canned(orjson.loads(Path(name).read_bytes()))
    module, colon, function = name.partition(":")
    if not colon:
        raise ValueError(f"no answers named {name!r}: use 'rules', 'echo', a .json file or 'module:function'")
    found: Answerer = getattr(import_module(module), function)
    return found


def as_reply(given: Reply | str | Body) -> Reply:
    """What an answerer gave, as a reply."""
    if isinstance(given, Reply):
        return given
    return Reply(given) if isinstance(given, str) else Reply(body=given)


def _demanded_tool(body: Body) -> Body | None:
    """The function that `tool_choice` demands: by name, or the first where any is required."""
    functions = [_function(tool) for tool in body.get("tools") or () if tool.get("type") == "function"]
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        name = _function(choice).get("name")
        return next((function for function in functions if function.get("name") == name), None)
    return functions[0] if functions and choice == "required" else None


def _function(tool: Body) -> Body:
    """A function's description: chat completions nest it, the Responses API does not."""
    nested = tool.get("function")
    return nested if isinstance(nested, dict) else tool


def _call(function: Body, text: str) -> ToolCall:
    arguments = example(function.get("parameters") or {"type": "object"}, rules.subject(text))
    return ToolCall(str(function.get("name")), orjson.dumps(arguments).decode())


def _answer_schema(body: Body) -> Body | None:
    """The JSON schema that the answer must satisfy, if any."""
    wanted: Body = body.get("response_format") or (body.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_schema":
        schema = wanted.get("json_schema", wanted).get("schema")
        return schema if isinstance(schema, dict) else {"type": "object"}
    if wanted.get("type") == "json_object":
        return {"type": "object", "properties": {"answer": {"type": "string"}}}
    return None
