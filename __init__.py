"""OpenAI's Batch API as Prefect tasks and a deployable flow: a table in, the same table with answers out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .batch.batches import Batch
    from .batch.endpoints import Endpoint
    from .batch.input_files import InputFile
    from .batch.items import BatchItem
    from .batch.jobs import Job
    from .batch.opening import open_job
    from .batch.outcome_files import FetchedOutput
    from .batch.reports import JobReport
    from .batch.requests import ChatRequest, EmbeddingRequest, RawRequest, Request, ResponsesRequest
    from .batch.rounds import plan_round
    from .batch.tables.sources import FileSource
    from .blocks import AzureOpenAICredentials, OpenAICredentials
    from .flows import (
        collect_cancelled_run,
        collect_job,
        heal_run,
        openai_batch,
        recover_job,
        resume_job,
        run_dataframe,
        wake_jobs,
    )
    from .tasks import (
        build_items,
        cancel_batch,
        cancel_job,
        clean_up,
        fetch_output,
        get_batch,
        list_batches,
        read_source,
        sensor_options,
        submit_batch,
        wait_for_batch,
        wait_for_batches,
        write_results,
    )

# Prefect imports this package whenever it looks for blocks, and pandas and openai cost seconds: each name is
# imported when it is first used.
_EXPORTS = {
    "batch.batches": ("Batch",),
    "batch.endpoints": ("Endpoint",),
    "batch.input_files": ("InputFile",),
    "batch.items": ("BatchItem",),
    "batch.jobs": ("Job",),
    "batch.opening": ("open_job",),
    "batch.outcome_files": ("FetchedOutput",),
    "batch.reports": ("JobReport",),
    "batch.requests": ("ChatRequest", "EmbeddingRequest", "RawRequest", "Request", "ResponsesRequest"),
    "batch.rounds": ("plan_round",),
    "batch.tables.sources": ("FileSource",),
    "blocks": ("AzureOpenAICredentials", "OpenAICredentials"),
    "flows": (
        "collect_cancelled_run",
        "collect_job",
        "heal_run",
        "openai_batch",
        "recover_job",
        "resume_job",
        "run_dataframe",
        "wake_jobs",
    ),
    "tasks": (
        "build_items",
        "cancel_batch",
        "cancel_job",
        "clean_up",
        "fetch_output",
        "get_batch",
        "list_batches",
        "read_source",
        "sensor_options",
        "submit_batch",
        "wait_for_batch",
        "wait_for_batches",
        "write_results",
    ),
}
_HOME = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = [
    "AzureOpenAICredentials",
    "Batch",
    "BatchItem",
    "ChatRequest",
    "EmbeddingRequest",
    "Endpoint",
    "FetchedOutput",
    "FileSource",
    "InputFile",
    "Job",
    "JobReport",
    "OpenAICredentials",
    "RawRequest",
    "Request",
    "ResponsesRequest",
    "build_items",
    "cancel_batch",
    "cancel_job",
    "clean_up",
    "collect_cancelled_run",
    "collect_job",
    "fetch_output",
    "get_batch",
    "heal_run",
    "list_batches",
    "open_job",
    "openai_batch",
    "plan_round",
    "read_source",
    "recover_job",
    "resume_job",
    "run_dataframe",
    "sensor_options",
    "submit_batch",
    "wait_for_batch",
    "wait_for_batches",
    "wake_jobs",
    "write_results",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
