"""OpenAI's Batch API as Prefect tasks and a deployable flow: a table in, the same table with answers out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .batch.files.batches import Batch
    from .batch.files.input_files import InputFile
    from .batch.jobs.job import Job
    from .batch.jobs.opening import open_job
    from .batch.jobs.options import RunOptions
    from .batch.jobs.report import JobReport
    from .batch.jobs.rounds import plan_round
    from .batch.outcomes.outcome_files import FetchedOutput
    from .batch.requests.chat_request import ChatRequest
    from .batch.requests.embedding_request import EmbeddingRequest
    from .batch.requests.endpoints import Endpoint
    from .batch.requests.items import BatchItem
    from .batch.requests.raw_request import RawRequest
    from .batch.requests.request import Request
    from .batch.requests.responses_request import ResponsesRequest
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
    "batch.files.batches": ("Batch",),
    "batch.requests.endpoints": ("Endpoint",),
    "batch.files.input_files": ("InputFile",),
    "batch.requests.items": ("BatchItem",),
    "batch.jobs.job": ("Job",),
    "batch.jobs.opening": ("open_job",),
    "batch.jobs.options": ("RunOptions",),
    "batch.outcomes.outcome_files": ("FetchedOutput",),
    "batch.jobs.report": ("JobReport",),
    "batch.requests.chat_request": ("ChatRequest",),
    "batch.requests.embedding_request": ("EmbeddingRequest",),
    "batch.requests.raw_request": ("RawRequest",),
    "batch.requests.request": ("Request",),
    "batch.requests.responses_request": ("ResponsesRequest",),
    "batch.jobs.rounds": ("plan_round",),
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
    "RunOptions",
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
