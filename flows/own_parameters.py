"""A flow's parameters as Prefect takes and keeps them: requests whole, blocks by reference, the large by type."""

import json
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar, get_type_hints

from prefect import Flow
from prefect.blocks.core import Block
from pydantic import TypeAdapter, ValidationError

from ..batch.answer_store.names import holds_password
from ..batch.errors import SourceError
from ..batch.requests.request_files import parse_request
from ..batch.tables.sql.sql_source import LIKE_A_URL
from ..batch.urls import as_text, is_of_database, without_secrets
from ..blocks.references import reference_to

P = ParamSpec("P")
R = TypeVar("R")

LARGEST = 262_144
"""Bytes of JSON of one parameter that are kept; Prefect's server takes 524,288 of all of them."""

REQUEST = "request"
"""The parameter that may hold JSON Schema."""

PLACES = ("source", "path", "destination")
"""What holds a path or the URL of a file, where somebody may give a database's."""

HIDDEN_URL = "url://…:…@…"
"""What stands for a URL with a password, and is refused as one."""


class _OurFlow(Flow[P, R]):
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:  # type: ignore[override]  # return_state too
        """Prefect starts a server before it looks at parameters, and logs what it refuses: a frame's rows."""
        for given in (*args, *kwargs.values()):
            if hasattr(given, "columns"):
                raise SourceError(
                    f"A flow takes the path or URL of a table, and no {type(given).__name__}: a DataFrame goes to "
                    "run_dataframe, or to try_rows for a trial."
                )
        return super().__call__(*args, **kwargs)

    def serialize_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        kept = super().serialize_parameters(
            {
                name: reference_to(value) if isinstance(value, Block) else without_password(name, value)
                for name, value in parameters.items()
            }
        )
        large = [name for name, value in kept.items() if len(json.dumps(value)) > LARGEST]
        return kept | {name: f"<{type(parameters[name]).__name__}>" for name in large}

    def validate_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Prefect takes each `$ref` for a block's; in a request it is JSON Schema's, and stays."""
        parameters = {name: without_password(name, as_text(value)) for name, value in parameters.items()}
        if REQUEST not in parameters:
            return super().validate_parameters(parameters)
        others = super().validate_parameters({**parameters, REQUEST: REQUEST})  # a text, as a path would be
        hints = get_type_hints(self.fn, include_extras=True)
        with suppress(ValidationError):
            return {**others, REQUEST: TypeAdapter(hints[REQUEST]).validate_python(parameters[REQUEST])}
        return {**others, REQUEST: parse_request(parameters[REQUEST])}  # it refuses it, in a few words

    def with_options(self, **options: Any) -> Flow[P, R]:
        return as_we_take_them(super().with_options(**options))


def without_password(name: str, value: Any) -> Any:
    """A parameter as it is, but for the password in a database's URL, by which it is refused.

    Prefect keeps what a run is given, and quotes it where it is refused.
    """
    if isinstance(value, dict) and name != REQUEST:
        return {key: without_password(str(key), one) for key, one in value.items()}
    if not isinstance(value, str):
        return value
    if (name == "database" and LIKE_A_URL.match(value)) or (name == "answers" and holds_password(value)):
        return HIDDEN_URL
    return without_secrets(value) if name in PLACES and is_of_database(value) else value


def as_we_take_them(flow: Flow[P, R]) -> Flow[P, R]:
    """A flow whose parameters are taken and kept so.

    Of a large one Prefect keeps the type alone, as it does of what is no JSON: the run has it from its caller.
    Otherwise the call would fail, with all it was given in the error's text. Of a block Prefect itself keeps all
    fields but the secret ones, of which an address with a password in it is none.
    """
    flow.__class__ = _OurFlow
    return flow
