"""The engines: Prefect's task runners, each with two processes on this machine."""

from collections.abc import Callable
from typing import Any

from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner
from prefect_openai_batch.flows.job import WORKERS

Runner = TaskRunner[Any]

PROCESSES = 2


def threads() -> Runner:
    """Prefect's own threads, as many as the flow has unless told otherwise."""
    return ThreadPoolTaskRunner(max_workers=WORKERS)


def processes() -> Runner:
    """Prefect's own processes."""
    return ProcessPoolTaskRunner(max_workers=PROCESSES)


def dask() -> Runner:
    """A Dask cluster of this machine."""
    from prefect_dask.task_runners import DaskTaskRunner

    cluster = {"n_workers": PROCESSES, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    return DaskTaskRunner(cluster_kwargs=cluster)


def ray() -> Runner:
    """A Ray cluster of this machine."""
    from prefect_ray import RayTaskRunner

    runner: Runner = RayTaskRunner(init_kwargs={"num_cpus": PROCESSES, "include_dashboard": False})
    return runner


RUNNERS: dict[str, Callable[[], Runner]] = {"threads": threads, "processes": processes, "dask": dask, "ray": ray}
"""By the names that the tables have."""
