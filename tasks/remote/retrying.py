"""Which failures a retry may mend, and how the tasks that talk to OpenAI retry them."""

from typing import Any

from openai import APIConnectionError, APIStatusError
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from ...batch.errors import DownloadBroken
from ...batch.outcomes.outcome import is_transient

KEPT_AS_JSON: dict[str, Any] = {
    "persist_result": True,
    "result_serializer": "json",
    "result_storage_key": "openai-batch/tasks/{task_run.id}.json",
    "refresh_cache": True,
}
"""Results are kept as JSON, and never taken in place of a call: what is done, the job folder's records say.

A cache policy, even the one that caches nothing, would keep Prefect from writing them under their key.
"""


def may_pass(error: object) -> bool:
    """Whether the same call may succeed another time: lost connections, 408, 409, 429 and 5xx."""
    if isinstance(error, APIStatusError):
        return is_transient(error.status_code) and error.code != "insufficient_quota"
    return isinstance(error, APIConnectionError | DownloadBroken | ConnectionError | TimeoutError)


def when_it_may_pass(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """A task's retry condition: retry what a retry can mend."""
    return may_pass(state.data)


RETRIED: dict[str, Any] = {
    "retries": 5,
    "retry_delay_seconds": [1, 4, 15, 60, 120],
    "retry_condition_fn": when_it_may_pass,
}
"""For tasks that may run twice."""
