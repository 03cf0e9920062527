"""The examples in the docstrings run as they stand, against our own Batch API server."""

import inspect
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prefect_openai_batch
import pytest
from prefect import Flow, Task
from prefect.blocks.core import Block
from prefect.settings import PREFECT_HOME, temporary_settings
from prefect.utilities.callables import parameter_schema
from prefect_openai_batch import build_items, open_job, plan_round, read_source, submit_batch
from prefect_openai_batch.batch.requests.base_request import BaseRequest
from prefect_openai_batch.emulator import BatchServer, Timing

from .conftest import ROOT

PUBLIC = {name: getattr(prefect_openai_batch, name) for name in prefect_openai_batch.__all__}

BEGUN = {"resume_job", "collect_job", "recover_job", "cancel_job"}
"""Their examples take up the job `reviews`, which an earlier run has left."""


def example_of(value: Any) -> str:
    """The Python in a docstring; empty where there is none."""
    found = re.search(r"Example:\n\s+```python\n(.*?)```", value.__doc__ or "", re.DOTALL)
    return inspect.cleandoc(found[1]) if found else ""


def needs_an_example(value: Any) -> bool:
    """Flows, tasks and functions, blocks and requests do; whatever else has one, it runs too."""
    return isinstance(value, Flow | Task) or inspect.isfunction(value) or is_kind_of(value, Block, BaseRequest)


def is_kind_of(value: Any, *kinds: type) -> bool:
    return inspect.isclass(value) and issubclass(value, kinds)


EXAMPLES = {
    name: example_of(value) for name, value in PUBLIC.items() if needs_an_example(value) or example_of(value)
}


@pytest.fixture
def workplace(tmp_path: Path, prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the shipped table and request file, a home for Prefect, and a server that is done at once."""
    for file in (ROOT / "examples").glob("*reviews*"):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    at_once = Timing(validating=0, running=0, finalizing=0, cancelling=0)
    with BatchServer(timing=at_once) as server, temporary_settings({PREFECT_HOME: tmp_path / "home"}):
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.url)
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", "test")
        monkeypatch.setenv("OPENAI_API_VERSION", "2025-04-01-preview")
        yield tmp_path


def begin_job() -> None:
    """A job that was begun, and whose run has ended since."""
    job = open_job("reviews.csv", "label_reviews.yaml", "labelled.csv", job_key="reviews", storage="jobs")
    read_source(job)
    for selection in plan_round(job):
        for file in build_items(selection):
            submit_batch(file)


@pytest.mark.server
@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_runs(name: str) -> None:
    """Each flow, task, function, block and request has one, of at most a dozen lines."""
    assert 0 < len(EXAMPLES[name].splitlines()) <= 12
    if name in BEGUN:
        begin_job()
    if is_kind_of(PUBLIC[name], Block):
        PUBLIC[name]().save("team-account", overwrite=True)  # all it needs is in the environment
    exec(compile(EXAMPLES[name].replace("BLOCK_NAME", "team-account"), f"the example of {name}", "exec"), {})


@pytest.mark.parametrize("name", [name for name, value in PUBLIC.items() if isinstance(value, Flow)])
def test_no_example_stands_in_a_form(name: str) -> None:
    """Each parameter has its own text, each request its first sentence; `prefect deploy` leaves texts whole."""
    schema = parameter_schema(PUBLIC[name])
    assert all(field.get("description") for field in schema.properties.values())
    assert "```" not in json.dumps(schema.model_dump(mode="json"))
    assert "{{" not in str(PUBLIC[name].description)  # which `prefect deploy` would replace
