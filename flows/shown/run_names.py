"""What our flows' runs are called and tagged in Prefect: by their table, model and rows, or by their job."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext

from ...batch.jobs.job import Job
from ...batch.requests.base_request import BaseRequest
from ...batch.tables.sources import FileSource
from ...batch.tables.sql.sql_source import SqlSource
from ...batch.urls import name_in
from ...batch.words import counted
from ..defaults import begun_at, current_run, with_schedule

FLOW = "openai-batch"
"""What the names of our flows begin with; what follows is what the run does to a job."""

FROM_THE_BEGINNING = (FLOW, f"{FLOW}-form")
"""What runs a job from its beginning: its name is the table's."""

OF_THE_OLD_UI = re.compile(
    "(alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|omicron|pi|rho|sigma|tau|upsilon|phi|"
    r"chi|psi|omega)\d+(-[a-z]+)+"
)
"""Names that the old UI's form makes up: a Greek letter with a number, a place, and at times a part of that."""

OF_THE_NEW_UI = re.compile(
    "(Awesome|Rustic|Small|Gorgeous|Fantastic|Sleek|Intelligent|Unbranded|Refined|Licensed|Generic|Practical|"
    "Ergonomic|Handcrafted|Tasty|Handmade|Incredible)-[A-Z].{1,5}"
)
"""Names that the new UI's form makes up: what a shop says of its goods, and an animal of six letters at most."""


def run_name() -> str:
    """A run's name at its start: `reviews.parquet · gpt-5-mini`, of another flow `resume · nightly`.

    A name that somebody gave stays: only one that Prefect has made up is replaced. It is called as a
    `flow_run_name`, at each start of a run; that no name can be made is no reason for a run to fail.
    """
    given = current_run().name
    try:
        return _name_at_start() if is_made_up(given) else given
    except Exception:
        return given


def add_to_name(part: str) -> None:
    """Say more of a run in its name, where that is ours; that it cannot be is no reason to stop."""
    try:
        run = current_run()
        if run.name == _name_at_start():
            _update(f"{run.name} · {part}", run.tags)
    except Exception:
        get_run_logger().debug("The run could not be renamed", exc_info=True)


def introduce(job: Job) -> None:
    """Add model and rows to the run's name, where it is ours, and tag the run; that it fails is no reason to stop.

    The tags are `model:…` and, where somebody named the job, `job:…`, by which all runs of a job are found.
    """
    try:
        _introduce(job)
    except Exception:
        get_run_logger().debug("The run could not be renamed", exc_info=True)


def _introduce(job: Job) -> None:
    run, rows = current_run(), job.rows()
    model = job.request.named_model
    name = run.name
    if rows is not None and name == _name_at_start():
        added = [part for part in (model, counted(rows.rows, "row")) if part and part not in name]
        name = " · ".join([name, *added])
    tags = {f"model:{model}"} if model else set()
    tags |= {f"job:{job.key}"} if job.key_given else set()
    if name != run.name or not tags <= set(run.tags):
        _update(name, sorted({*run.tags, *tags}))


def _update(name: str, tags: list[str]) -> None:
    run = current_run()
    with get_client(sync_client=True) as client:
        client.update_flow_run(run.id, name=name, tags=tags)
    run.name, run.tags = name, tags


def _name_at_start() -> str:
    context = FlowRunContext.get()
    assert context is not None, "asked for within a flow run"
    name = context.flow.name if context.flow else ""
    does = name.removeprefix(FLOW).strip("-") if name.startswith(FLOW) and name not in FROM_THE_BEGINNING else ""
    return described(does, context.parameters or {}, begun_at(current_run()))


def described(does: str, parameters: Mapping[str, Any], begun: datetime) -> str:
    """What a run is called by its parameters.

    Args:
        does: What its flow does to a job, where that is not to run it.
        parameters: The flow's.
        begun: When the run was to start.
    """
    source, request = parameters.get("source") or parameters.get("table"), parameters.get("request")
    named = (
        source if isinstance(source, str) else source.name if isinstance(source, FileSource | SqlSource) else ""
    )
    table = name_in(with_schedule(named, begun)) if named else ""
    models = " + ".join(parameters.get("models") or ())
    model = models or (
        request.named_model if isinstance(request, BaseRequest) else str(parameters.get("model") or "")
    )
    key = "" if named else with_schedule(str(parameters.get("job_key") or ""), begun)
    return " · ".join(filter(None, (does, table, model, key))) or FLOW


def is_made_up(name: str) -> bool:
    """Whether Prefect made a run's name up: `lively-otter`, by its UIs' forms `Licensed-Elk` and `nu84-zayra`."""
    if OF_THE_OLD_UI.fullmatch(name) or OF_THE_NEW_UI.fullmatch(name):
        return True
    words = name.split("-")
    return len(words) > 1 and known_words().issuperset(words)


@cache
def known_words() -> frozenset[str]:
    """The words of which Prefect's server makes names up, from the library that it takes them from."""
    try:
        lists = [file for file in files("coolname.data").iterdir() if file.name.endswith(".txt")]
    except ModuleNotFoundError:
        return frozenset()
    lines = (line for file in lists for line in file.read_text(encoding="utf-8").splitlines())
    return frozenset(word for line in lines for word in line.split() if line[0] != "#")
