"""The deployments that a `prefect.yaml` names: the same file that `prefect deploy` takes, without its steps."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from prefect.utilities.templating import apply_values, find_placeholders
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...batch.errors import Refused

STEPS = ("build", "push", "pull", "triggers", "sla")
"""What only `prefect deploy` does: our flows come with the package, so nothing is built, pushed or pulled."""

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def _module_entrypoint(entrypoint: str) -> str:
    if not _MODULE.fullmatch(entrypoint) or entrypoint.endswith(".py"):
        raise ValueError("name the flow's module, as in our_flows.nightly.label; `prefect deploy` takes files")
    return entrypoint


class _Part(BaseModel):
    """A part of the file: what it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FileWorkPool(_Part):
    """Where a deployment's runs go."""

    name: str
    work_queue_name: str | None = None
    job_variables: dict[str, Any] = {}


class FileConcurrencyLimit(_Part):
    """How many runs of a deployment there are at once, and what becomes of one more."""

    limit: int = Field(ge=1)
    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"] = "ENQUEUE"
    grace_period_seconds: int | None = None


class FileSchedule(_Part):
    """When a deployment runs by itself. By its slug it is found again, so it has one."""

    slug: str = Field(min_length=1)
    cron: str | None = None
    interval: timedelta | None = None
    rrule: str | None = None
    timezone: str | None = None
    anchor_date: datetime | None = None
    day_or: bool | None = None
    active: bool = True
    parameters: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "FileSchedule":
        if sum(kind is not None for kind in (self.cron, self.interval, self.rrule)) != 1:
            raise ValueError("a schedule has one of cron, interval and rrule")
        return self


class FileDeployment(_Part):
    """One deployment of the file; what it leaves out, `deploy` leaves as it is on the server."""

    name: str = Field(min_length=1)
    entrypoint: Annotated[str, AfterValidator(_module_entrypoint)]
    flow_name: str | None = None
    version: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}
    schedules: tuple[FileSchedule, ...] = ()
    paused: bool | None = None
    concurrency_limit: FileConcurrencyLimit | None = None
    enforce_parameter_schema: bool | None = None
    work_pool: FileWorkPool

    @model_validator(mode="before")
    @classmethod
    def _written_short(cls, given: Any) -> Any:
        """A number as limit is Prefect's short form of it."""
        if isinstance(given, Mapping) and isinstance(given.get("concurrency_limit"), int):
            return {**given, "concurrency_limit": {"limit": given["concurrency_limit"]}}
        return given


def shipped_file() -> Path:
    """Our own `prefect.yaml`."""
    return Path(str(files("prefect_openai_batch") / "deployments" / "prefect.yaml"))


def read_prefect_file(path: Path) -> list[FileDeployment]:
    """The deployments of a file, with `{{ $NAME }}` replaced by the environment's variables.

    `{{ prefect.… }}` stays where workers resolve it, in job variables.

    Raises:
        Refused: it cannot be read, or asks for what only `prefect deploy` does.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Refused(f"{path} cannot be read: {error}", path=str(path)) from None
    found = content.get("deployments") if isinstance(content, dict) else None
    if not isinstance(found, list) or not found:
        raise Refused(f"{path} names no deployments.", path=str(path))
    _refuse_steps(path, "the file", content)
    return [_read_deployment(path, number, one) for number, one in enumerate(found, start=1)]


def _read_deployment(path: Path, number: int, given: Any) -> FileDeployment:
    what = f"deployment {given.get('name', number)}" if isinstance(given, dict) else f"deployment {number}"
    if isinstance(given, dict):
        _refuse_steps(path, what, given)
        given = {name: value for name, value in given.items() if name not in STEPS}
    given = apply_values(given, {}, remove_notset=False)
    try:
        deployment = FileDeployment.model_validate(given)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or what}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors(include_url=False, include_input=False)
        )
        raise Refused(f"{path}, {what}: {wrong}.", path=str(path)) from None
    left = find_placeholders(deployment.model_dump_json(exclude={"work_pool": {"job_variables"}}))
    if left:
        raise Refused(
            f"{path}, {what}: {min(one.full_match for one in left)} would be replaced by Prefect. `deploy` knows "
            "{{ $NAME }}, a variable of the environment that is set; a prompt stands in a request file.",
            path=str(path),
        )
    return deployment


def _refuse_steps(path: Path, what: str, given: Mapping[str, Any]) -> None:
    if steps := [name for name in STEPS if given.get(name)]:
        raise Refused(
            f"{path}, {what}: {' and '.join(steps)} is for `prefect deploy`. `prefect-openai-batch deploy` takes "
            "flows that workers have installed, by their modules.",
            path=str(path),
        )
