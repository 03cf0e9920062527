"""What Prefect's server shows of a job and holds rows of: its artifacts."""

from collections.abc import Iterator

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact
from prefect.exceptions import ObjectNotFound

from ...batch.jobs.job import Job
from ...tasks.shown.artifact_keys import Kind, artifact_key
from ..runs import may_be_for

KINDS: dict[str, Kind] = {"progress": "", "markdown": "report", "table": "unanswered"}
"""What Prefect calls each kind, and what we do in its key."""

PAGE = 200


def remove_artifacts(client: SyncPrefectClient, job: Job) -> int:
    """Delete every version of a job's artifacts; returns how many there were."""
    found = [artifact for artifact in _named_alike(client, job) if _is_of(client, artifact, job)]
    for artifact in found:
        try:
            client.delete_artifact(artifact.id)
        except ObjectNotFound:
            continue
    return len(found)


def _named_alike(client: SyncPrefectClient, job: Job) -> Iterator[Artifact]:
    """The artifacts with a key of the job's; unnamed jobs of one table may have the same."""
    keys = {kind: artifact_key(job, ours) for kind, ours in KINDS.items()}
    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=list(keys.values())))
    for offset in range(0, 100 * PAGE, PAGE):
        found = client.read_artifacts(artifact_filter=wanted, limit=PAGE, offset=offset)
        yield from (one for one in found if one.type is not None and keys.get(one.type) == one.key)
        if len(found) < PAGE:
            break


def _is_of(client: SyncPrefectClient, artifact: Artifact, job: Job) -> bool:
    """Whether the run that made an artifact was this job's; of one that is gone nobody knows another."""
    if artifact.flow_run_id is None:
        return True
    try:
        return may_be_for(client.read_flow_run(artifact.flow_run_id), job.files)
    except ObjectNotFound:
        return True
