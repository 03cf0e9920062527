"""Errors without what is secret: a server may quote the request that it came with."""

from collections.abc import Callable
from typing import Any

import orjson

from ..outcome import Outcome, OutcomeKind

_SAID = ("error_code", "error_message", "request_id", "response")
"""What of an outcome without an answer is the server's words."""

LONGEST = 1_000
"""Characters of an error's message: cut when it is hidden, or half of a secret would not be found."""


def with_hidden_error(outcome: Outcome, hide: Callable[[str], str]) -> Outcome:
    """An outcome whose error says nothing that `hide` takes out; what a model has answered stays as it is."""
    if outcome.outcome in (OutcomeKind.SUCCEEDED, OutcomeKind.INVALID):
        return outcome
    said = {name: text for name in _SAID if (text := getattr(outcome, name)) is not None}
    discreet: dict[str, Any] = {name: hide(text) for name, text in said.items()}
    if "error_message" in discreet:
        discreet["error_message"] = discreet["error_message"][:LONGEST]
    if discreet.get("response") != said.get("response"):
        discreet["response"] = _as_json(discreet["response"])
    return outcome._replace(**discreet)


def _as_json(text: str) -> str:
    """A text that was JSON; one that is so no more, as JSON's text."""
    try:
        orjson.loads(text)
    except ValueError:
        return orjson.dumps(text).decode()
    return text
