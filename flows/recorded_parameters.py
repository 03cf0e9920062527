"""What Prefect keeps of a call of a flow: its parameters, as far as its server takes them."""

import json
from typing import Any, ParamSpec, TypeVar

from prefect import Flow

P = ParamSpec("P")
R = TypeVar("R")

LARGEST = 262_144
"""Bytes of JSON of one parameter that are kept; Prefect's server takes 524,288 of all of them."""


class _BriefFlow(Flow[P, R]):
    def serialize_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        kept = super().serialize_parameters(parameters)
        large = [name for name, value in kept.items() if len(json.dumps(value)) > LARGEST]
        return kept | {name: f"<{type(parameters[name]).__name__}>" for name in large}

    def with_options(self, **options: Any) -> Flow[P, R]:
        return recorded_briefly(super().with_options(**options))


def recorded_briefly(flow: Flow[P, R]) -> Flow[P, R]:
    """A flow of whose large parameters only the type is kept, as Prefect does of what is no JSON.

    The run has them from its caller. Otherwise the call would fail, with all it was given in the error's text.
    """
    flow.__class__ = _BriefFlow
    return flow
