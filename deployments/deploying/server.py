"""A deployment on Prefect's server: read with what the last deploy left there, created, changed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError
from prefect.flows import load_flow_from_entrypoint
from pydantic import TypeAdapter

from ...batch.errors import OpenAIBatchError
from ...flows.form.titles import SUSPEND
from .fields import file_fields, schedules_of, server_fields, update_of
from .prefect_file import FileDeployment
from .settling import LastDeploy, Settlement, digests_of, slug_of

LEFT_BEHIND = "x-prefect-openai-batch"
"""Where a deploy leaves what the next one asks: beside the fields of the form's schema, which may hold more.

A deployment's labels cannot be changed without its schedules being made anew, and a Prefect variable would be
apart from it, in everybody's list and too small.
"""

PACKAGE = "prefect-openai-batch"
OURS = "prefect_openai_batch"

SCHEMA = TypeAdapter(dict[str, Any])

WORDS = {"parameter_openapi_schema": "form", "pull_steps": "pull steps"}
"""What people call it."""


@dataclass(frozen=True)
class Wanted:
    """A deployment as it is to be.

    Attributes:
        deployment: What the file says.
        flow_name: The name of its flow.
        schema: The form's JSON Schema, from the flow's signature.
    """

    deployment: FileDeployment
    flow_name: str
    schema: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As Prefect's commands take it: FLOW/DEPLOYMENT."""
        return f"{self.flow_name}/{self.deployment.name}"

    @property
    def fields(self) -> dict[str, Any]:
        """What the file says, field by field."""
        return file_fields(self.deployment, self.schema)

    @property
    def waits_by(self) -> str | None:
        """Which parameter of its flow says how its runs wait: the wishes of a run, as ours have, or the form's."""
        said = self.schema.get("properties", {})
        marks = {"options": "RunOptions", "suspend": SUSPEND}
        return next((name for name, mark in marks.items() if mark in str(said.get(name, {}))), None)

    def missing(self, parameters: Mapping[str, Any]) -> list[str]:
        """The parameters without which the flow does not start."""
        return [name for name in self.schema.get("required", []) if parameters.get(name) is None]


@dataclass(frozen=True)
class There:
    """A deployment as it is on the server.

    Attributes:
        id: Its id.
        fields: What a person may have changed, field by field.
        parameters: As they stand there, defaults that were written out included.
        code: What only the package's code decides.
        schedules: The ids of its schedules that have slugs, by those.
        last: What the last deploy has left.
    """

    id: UUID
    fields: Mapping[str, Any]
    parameters: Mapping[str, Any]
    code: Mapping[str, Any]
    schedules: Mapping[str, UUID]
    last: LastDeploy


def load_wanted(deployment: FileDeployment) -> Wanted:
    """A deployment of the file with what its flow says of itself.

    Raises:
        OpenAIBatchError: the flow cannot be loaded here.
    """
    try:
        flow: Flow[..., Any] = load_flow_from_entrypoint(deployment.entrypoint, use_placeholder_flow=False)
    except Exception as error:
        raise OpenAIBatchError(
            f"The flow {deployment.entrypoint} of deployment {deployment.name} cannot be loaded: {error}. Its "
            "package must be installed here, too: the form is drawn from its signature."
        ) from error
    told = {"description": (flow.description or "").partition("\n\n")[0] or None}
    told |= {"version": version(PACKAGE)} if deployment.entrypoint.startswith(f"{OURS}.") else {}
    untold = {name: value for name, value in told.items() if getattr(deployment, name) is None}
    deployment = deployment.model_copy(update=untold)
    schema = SCHEMA.dump_python(flow.parameters.model_dump_for_openapi(), mode="json")
    return Wanted(deployment, deployment.flow_name or flow.name, schema)


def code_of(wanted: Wanted) -> dict[str, Any]:
    """What nobody sets by hand: which code runs, and the form that it draws."""
    return {
        "entrypoint": wanted.deployment.entrypoint,
        "path": None,
        "pull_steps": [],
        "parameter_openapi_schema": dict(wanted.schema),
    }


def read_there(client: SyncPrefectClient, name: str, schema: Mapping[str, Any]) -> There | None:
    """A deployment of the server; None where there is none of that name.

    Args:
        client: Prefect's server.
        name: FLOW/DEPLOYMENT.
        schema: The JSON Schema of its flow's parameters, as the flow has it now.
    """
    try:
        found = client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None
    form = dict(found.parameter_openapi_schema or {})
    left = form.pop(LEFT_BEHIND, None) or {}
    return There(
        found.id,
        server_fields(found, schema),
        found.parameters,
        {
            "entrypoint": found.entrypoint,
            "path": found.path,
            "pull_steps": found.pull_steps or [],
            "parameter_openapi_schema": form,
        },
        {schedule.slug: schedule.id for schedule in found.schedules if schedule.slug},
        LastDeploy(left.get("options", {}), left.get("fields", {})),
    )


def create(client: SyncPrefectClient, wanted: Wanted, options: Mapping[str, str]) -> UUID:
    """Create a deployment; its id."""
    fields = wanted.fields
    update = update_of(fields, fields, wanted.deployment.parameters)
    with _told(wanted):
        return client.create_deployment(
            client.create_flow_from_name(wanted.flow_name),
            wanted.deployment.name,
            **{"parameters": {}, **update},
            **_code_and_digests(wanted, options),
            schedules=list(schedules_of(fields).values()),
        )


def change(
    client: SyncPrefectClient, wanted: Wanted, there: There, settlement: Settlement, options: Mapping[str, str]
) -> None:
    """Change a deployment's fields, its code, and what is left for the next deploy; nothing that is kept.

    What is left comes last: a deploy that was cut short is taken up by the next.
    """
    after = {**there.fields, **settlement.changes}
    update = {**update_of(settlement.changes, after, there.parameters), **_code_and_digests(wanted, options)}
    with _told(wanted):
        _change_schedules(client, wanted, there, settlement.changes, after)
        client.update_deployment(there.id, DeploymentUpdate(**update))


def differing_code(wanted: Wanted, there: There) -> list[str]:
    """What of the package's code has changed since, in a person's words."""
    code = code_of(wanted)
    return sorted(WORDS.get(name, name) for name, value in there.code.items() if value != code[name])


def is_left_behind(wanted: Wanted, there: There, options: Mapping[str, str]) -> bool:
    """Whether a deployment bears what the next deploy asks, as this one would leave it."""
    return there.last == LastDeploy(dict(options), digests_of(wanted.fields))


def _change_schedules(
    client: SyncPrefectClient,
    wanted: Wanted,
    there: There,
    changes: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    still_wanted = {slug_of(name) for name in wanted.fields}
    for slug in sorted({slug for name in changes if (slug := slug_of(name)) is not None}):
        if slug not in still_wanted:
            client.delete_deployment_schedule(there.id, there.schedules[slug])
            continue
        schedule = schedules_of(after)[slug]
        said = schedule.model_dump(mode="json", exclude_unset=True)
        path = {"id": there.id}  # older clients have no words for a schedule's slug and parameters
        if slug not in there.schedules:
            client.request("POST", "/deployments/{id}/schedules", path_params=path, json=[said])
        else:
            path["schedule_id"] = there.schedules[slug]
            said["parameters"] = schedule.parameters
            client.request("PATCH", "/deployments/{id}/schedules/{schedule_id}", path_params=path, json=said)


def _code_and_digests(wanted: Wanted, options: Mapping[str, str]) -> dict[str, Any]:
    code = code_of(wanted)
    left = {"options": dict(options), "fields": digests_of(wanted.fields)}
    return code | {"parameter_openapi_schema": {**code["parameter_openapi_schema"], LEFT_BEHIND: left}}


@contextmanager
def _told(wanted: Wanted) -> Iterator[None]:
    """Say which deployment the server does not take, and why."""
    try:
        yield
    except (PrefectHTTPStatusError, ObjectAlreadyExists) as error:
        cause = error if isinstance(error, PrefectHTTPStatusError) else error.http_exc
        said = str(getattr(getattr(cause, "response", None), "text", "") or error)
        environment = wanted.deployment.work_pool.job_variables.get("env")  # may hold a secret: it is not quoted
        for value in sorted(_texts(environment), key=len, reverse=True):
            said = said.replace(value, "…")
        raise OpenAIBatchError(
            f"Prefect's server does not take the deployment {wanted.name}: {said}", name=wanted.name
        ) from None


def _texts(value: Any) -> Iterator[str]:
    """Every text within a JSON value, but for the names of its fields."""
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, Mapping | list):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(one)
