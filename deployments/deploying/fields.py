"""A deployment as flat fields, so that each can be compared for itself, and back as Prefect takes it."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

from .form_values import Schema, parameters_without_defaults
from .prefect_file import FileDeployment, FileSchedule
from .settling import SCHEDULES, slug_of

PARAMETERS = "parameters."
"""What a parameter's field begins with; its name follows."""

PLAIN = ("version", "description", "paused", "enforce_parameter_schema")
"""Fields that are the same in the file and at the server."""


def file_fields(deployment: FileDeployment, schema: Schema) -> dict[str, Any]:
    """What the file says of a deployment; what it leaves out, or what is a default, has no field.

    Args:
        deployment: As the file has it.
        schema: The JSON Schema of its flow's parameters.
    """
    limit, pool = deployment.concurrency_limit, deployment.work_pool
    fields = {
        **{name: getattr(deployment, name) for name in PLAIN},
        "tags": sorted(deployment.tags) or None,
        "concurrency_limit": limit.model_dump(exclude_none=True) if limit else None,
        "work_pool": pool.name,
        "work_queue": pool.work_queue_name,
        "job_variables": pool.job_variables or None,
        **_parameter_fields(deployment.parameters, schema),
    }
    for schedule in deployment.schedules:
        fields |= _schedule_fields(schedule.slug, _file_schedule(schedule))
    return {name: value for name, value in fields.items() if value is not None}


def server_fields(deployment: DeploymentResponse, schema: Schema) -> dict[str, Any]:
    """What the server has of a deployment; a schedule without a slug is somebody else's, and has no fields."""
    fields = {
        **{name: getattr(deployment, name) for name in PLAIN},
        "tags": sorted(deployment.tags) or None,
        "concurrency_limit": _server_limit(deployment),
        "work_pool": deployment.work_pool_name,
        "work_queue": deployment.work_queue_name,
        "job_variables": deployment.job_variables or None,
        **_parameter_fields(deployment.parameters, schema),
    }
    for schedule in deployment.schedules:
        if schedule.slug:
            fields |= _schedule_fields(schedule.slug, _server_schedule(schedule))
    return {name: value for name, value in fields.items() if value is not None}


def _parameter_fields(parameters: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    said = parameters_without_defaults(parameters, schema)
    return {PARAMETERS + name: value for name, value in said.items()}


def parameters_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters among the fields."""
    return {name.removeprefix(PARAMETERS): value for name, value in fields.items() if name.startswith(PARAMETERS)}


def schedules_of(fields: Mapping[str, Any]) -> dict[str, DeploymentScheduleCreate]:
    """The schedules among the fields, by their slugs."""
    said = {name for name, value in fields.items() if value is not None}
    slugs = sorted({slug for name in said if (slug := slug_of(name)) is not None})
    return {slug: _as_prefect(slug, fields) for slug in slugs}


def update_of(
    changes: Mapping[str, Any], after: Mapping[str, Any], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """What Prefect is told so that these fields change, the schedules apart.

    Args:
        changes: The fields that change.
        after: All fields as they are then: Prefect takes a queue only with its pool, else the pool's first.
        parameters: All parameters as they were, with the defaults that somebody has written out: it takes them
            only together.
    """
    update: dict[str, Any] = {name: changes[name] for name in PLAIN if name in changes}
    if any(name.startswith(PARAMETERS) for name in changes):
        changed = {**parameters, **parameters_of(changes)}
        update["parameters"] = {name: value for name, value in changed.items() if value is not None}
    if "tags" in changes:
        update["tags"] = changes["tags"] or []
    if "concurrency_limit" in changes:
        limit = dict(changes["concurrency_limit"] or {})
        update["concurrency_limit"] = limit.pop("limit", None)
        update["concurrency_options"] = limit or None
    if "work_pool" in changes or "work_queue" in changes:
        update["work_pool_name"] = after.get("work_pool")
        update |= {"work_queue_name": queue} if (queue := after.get("work_queue")) else {}
    if "job_variables" in changes:
        update["job_variables"] = changes["job_variables"] or {}
    return update


def _server_limit(deployment: DeploymentResponse) -> dict[str, Any] | None:
    if deployment.global_concurrency_limit is None:
        return None
    options = deployment.concurrency_options
    said = options.model_dump(mode="json", exclude_none=True) if options else {}
    return {"limit": deployment.global_concurrency_limit.limit, "collision_strategy": "ENQUEUE", **said}


def _schedule_fields(slug: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{SCHEDULES}{slug}.{name}": value for name, value in parts.items() if value is not None}


def _file_schedule(schedule: FileSchedule) -> dict[str, Any]:
    parts = schedule.model_dump(exclude={"slug", "interval", "anchor_date"})
    parts["interval"] = schedule.interval.total_seconds() if schedule.interval else None
    parts["anchor_date"] = schedule.anchor_date.astimezone(UTC).isoformat() if schedule.anchor_date else None
    return parts


def _server_schedule(schedule: DeploymentSchedule) -> dict[str, Any]:
    time = schedule.schedule
    parts: dict[str, Any] = {"active": schedule.active, "parameters": schedule.parameters or None}
    parts["timezone"] = getattr(time, "timezone", None)  # Prefect knows a schedule that is none
    if isinstance(time, CronSchedule):
        parts |= {"cron": time.cron, "day_or": time.day_or}
    elif isinstance(time, RRuleSchedule):
        parts["rrule"] = time.rrule
    elif isinstance(time, IntervalSchedule):
        parts |= {"interval": time.interval.total_seconds()}
        parts |= {"anchor_date": time.anchor_date.astimezone(UTC).isoformat()}
    return parts


def _as_prefect(slug: str, fields: Mapping[str, Any]) -> DeploymentScheduleCreate:
    parts = {
        name.rpartition(".")[2]: value
        for name, value in fields.items()
        if slug_of(name) == slug and value is not None
    }
    rest = {name: parts.pop(name) for name in ("active", "parameters") if name in parts}
    kind = next(kind for kind in KINDS if kind in parts)
    taken = {name: value for name, value in parts.items() if name in KINDS[kind].model_fields}
    return DeploymentScheduleCreate(schedule=KINDS[kind].model_validate(taken), slug=slug, **rest)


KINDS: dict[str, type[CronSchedule | IntervalSchedule | RRuleSchedule]] = {
    "cron": CronSchedule,
    "interval": IntervalSchedule,
    "rrule": RRuleSchedule,
}
