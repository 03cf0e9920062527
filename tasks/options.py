"""How the tasks keep their results, and how sensors look again: options, for `**`."""

from collections.abc import Callable
from typing import Any, TypedDict

from prefect.client.schemas.objects import State


class TaskOptions(TypedDict):
    """Options of a task that keeps its result."""

    persist_result: bool
    result_serializer: str
    result_storage_key: str
    refresh_cache: bool


class SensorOptions(TypedDict, total=False):
    """The retries of a sensor: how many, after how many seconds each (the last repeats), and after what."""

    retries: int
    retry_delay_seconds: list[float]
    retry_condition_fn: Callable[[Any, Any, State[Any]], bool]


KEPT_AS_JSON = TaskOptions(
    persist_result=True,
    result_serializer="json",
    result_storage_key="openai-batch/tasks/{task_run.id}.json",
    refresh_cache=True,
)
"""Results are kept as JSON, and never taken in place of a call: what is done, the job folder's records say.

A cache policy, even the one that caches nothing, would keep Prefect from writing them under their key. There are
no retries among them: how often a call is tried stands in `remote/tries.py`.
"""
