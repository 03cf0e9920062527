"""How a request asks for typed answers: strict structured output, in each endpoint's own form."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field, PlainSerializer, PlainValidator, WithJsonSchema

from .answer_schemas import answer_schema
from .schema_keywords import Schema
from .short_fields import AnswerField
from .strict_schema import schema_name, sent_schema


def _schema_or_none(given: Any) -> Schema | None:
    return None if given is None or given == [] else answer_schema(given)


def _as_it_is(schema: Schema | None) -> Schema | None:
    return schema


_Columns = Annotated[list[AnswerField], Field(title="Columns")]
_JsonSchema = Annotated[Any, WithJsonSchema({"title": "JSON Schema", "not": {"type": "array"}})]
"""An object, or none; Prefect's form has an editor only for what names no type."""

AnswerFields = Annotated[
    type[BaseModel] | Sequence[AnswerField] | Mapping[str, Any] | None,
    PlainValidator(_schema_or_none, json_schema_input_type=_Columns | _JsonSchema),
    PlainSerializer(_as_it_is, return_type=Schema | None),
]
"""What each answer is, as it may be given: see `answer_schema`; it is kept as a strict JSON Schema."""


def named_schema(schema: Schema, model: str | None) -> dict[str, Any]:
    """A schema as structured output names it."""
    return {"name": schema_name(schema), "schema": sent_schema(schema, model), "strict": True}


def forced_tool(parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """The one function tool that a body forces the model to call; None where it forces none.

    Chat completions hold a tool's fields under `function`, the Responses API in the tool itself.
    """
    tools = parameters.get("tools")
    choice = parameters.get("tool_choice")
    if not (isinstance(tools, list) and len(tools) == 1 and isinstance(tools[0], dict)):
        return None
    forced = choice == "required" or (isinstance(choice, dict) and choice.get("type") == "function")
    return tools[0] if forced and tools[0].get("type") == "function" else None


def tool_with_schema(tool: Mapping[str, Any], schema: Schema, model: str | None) -> dict[str, Any]:
    """The tool with the schema as that of its arguments.

    Raises:
        ValueError: it has a schema of its own.
    """
    inner = tool.get("function", tool)
    if "parameters" in inner:
        raise ValueError(
            f"the tool {inner.get('name')!r} has parameters of its own: leave them out, for `answer` says what "
            "its arguments are, or leave out `answer`"
        )
    told = {**inner, "parameters": sent_schema(schema, model), "strict": True}
    return {**tool, "function": told} if "function" in tool else told
