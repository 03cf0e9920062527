"""Who saves a deployment in Prefect's UI writes every default out, and changes nothing of its meaning."""

from typing import Any

import pytest
from prefect_openai_batch import openai_batch
from prefect_openai_batch.deployments.deploying.form_values import parameters_without_defaults
from prefect_openai_batch.deployments.deploying.settling import digest

SCHEMA = openai_batch.parameters.model_dump_for_openapi()

EXPANDED = {
    "source": {"path": "/data/a.csv", "format": None, "separator": None, "column_types": None, "limit": None},
    "request": {
        "kind": "chat",
        "model": "gpt-5-mini",
        "prompt": "{{ a }}",
        "retry_invalid": True,
        "messages": None,
    },
    "options": {"wait": "suspend", "in_flight": 20, "max_rounds": 3, "min_answered": 0, "finish_by": ""},
    "storage": None,
    "if_exists": "refuse",
}
"""As the UI sends it when only the description was changed."""


def test_what_the_form_adds_says_nothing() -> None:
    """What remains is what the file said, in nested objects and in each kind of a choice."""
    assert parameters_without_defaults(EXPANDED, SCHEMA) == {
        "source": {"path": "/data/a.csv"},
        "request": {"kind": "chat", "model": "gpt-5-mini", "prompt": "{{ a }}"},
        "options": {"wait": "suspend"},
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("options", {"in_flight": 5}, id="another number"),
        pytest.param("request", "s3://lake/request.yaml", id="a path in place of a request"),
        pytest.param("request", {"kind": "responses", "model": "m", "prompt": "p"}, id="another kind of request"),
        pytest.param("unknown", {"a": None, "b": 1}, id="what the flow does not know"),
    ],
)
def test_what_says_more_stays(name: str, value: Any) -> None:
    """Whatever it is."""
    said = value if name != "unknown" else {"b": 1}
    assert parameters_without_defaults({name: value}, SCHEMA) == {name: said}


def test_numbers_are_the_same_however_they_are_written() -> None:
    """Browsers write 2.0 as 2."""
    assert digest({"poll_seconds": 2.0}) == digest({"poll_seconds": 2})
    assert digest(2.5) != digest(2)
