"""What a person asks of `deploy` beyond the file, and what that makes of the file's deployments."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

from prefect.client.schemas.schedules import CronSchedule
from pydantic import ValidationError

from ...batch.errors import Refused
from ...batch.storage.rights import check_claims
from ...flows.places import is_relative
from .prefect_file import FileDeployment, FileSchedule

NIGHTLY = "nightly"
"""The deployment that `--schedule` is about, and its schedule's slug where it has none."""


@dataclass(frozen=True)
class DeployOptions:
    """What `deploy` is asked on its line; None: as it was asked the last time, an empty text: no more.

    Attributes:
        schedule: The cron of the deployment `nightly`, switched on.
        timezone: Of that schedule.
        pool: The work pool of every deployment.
        storage: Where the job folders lie, for everybody: Prefect's variable `openai_batch_storage`.
        webhook: Where OpenAI reaches our receiver: runs then wait suspended.
    """

    schedule: str | None = None
    timezone: str | None = None
    pool: str | None = None
    storage: str | None = None
    webhook: str | None = None

    def after(self, last: Mapping[str, str]) -> dict[str, str]:
        """All that is asked: what is given now, and of what is not, what was asked the last time."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return {name: value for name, value in {**last, **given}.items() if value}


def check_schedule(schedule: str, timezone: str | None) -> None:
    """Refuse what is no cron, or no time zone.

    Raises:
        Refused: with what is wrong.
    """
    try:
        CronSchedule(cron=schedule, timezone=timezone)
    except ValidationError as error:
        reasons = "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())
        raise Refused(f"The schedule {schedule!r} ({timezone or 'UTC'}) cannot be used: {reasons}.") from None


def check_storage(storage: str) -> None:
    """Refuse a storage that no run could use.

    Raises:
        StorageError: job folders cannot lie there.
        Refused: it is a path that each worker would take from a folder of its own.
    """
    check_claims(storage)
    if is_relative(storage):
        raise Refused(
            f"The storage {storage!r} is a relative path, which each run would take from its own folder: name a "
            f"whole path, such as /data/{PurePath(storage).name}, or a URL."
        )


def with_options(deployment: FileDeployment, options: Mapping[str, str], waits_by: str | None) -> FileDeployment:
    """A deployment of the file as the options make it.

    Args:
        deployment: As the file has it.
        options: All that is asked.
        waits_by: Which parameter of its flow says how its runs wait: `options`, or the form's `suspend`.
    """
    changes: dict[str, Any] = {}
    if pool := options.get("pool"):
        changes["work_pool"] = deployment.work_pool.model_copy(update={"name": pool})
    if options.get("webhook") and waits_by:
        wishes = {**deployment.parameters.get("options", {}), "wait": "suspend"} if waits_by == "options" else True
        changes["parameters"] = {**deployment.parameters, waits_by: wishes}
    if (cron := options.get("schedule")) and deployment.name == NIGHTLY:
        changes["schedules"] = _scheduled(deployment.schedules, cron, options.get("timezone"))
    return deployment.model_copy(update=changes)


def _scheduled(schedules: tuple[FileSchedule, ...], cron: str, timezone: str | None) -> tuple[FileSchedule, ...]:
    """The first schedule at that time, and on; the others as they are."""
    first = schedules[0] if schedules else None
    asked = FileSchedule(
        slug=first.slug if first else NIGHTLY,
        cron=cron,
        timezone=timezone or (first and first.timezone) or "UTC",
        parameters=first.parameters if first else None,
    )
    return (asked, *schedules[1:])
