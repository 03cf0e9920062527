"""OpenAI's Batch API as Prefect tasks and a deployable flow: a table in, the same table with answers out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .batch.errors import AccessError as AccessError
    from .batch.errors import AnswerSchemaError as AnswerSchemaError
    from .batch.errors import BatchFailed as BatchFailed
    from .batch.errors import BatchNotFinished as BatchNotFinished
    from .batch.errors import BatchUnknown as BatchUnknown
    from .batch.errors import BudgetError as BudgetError
    from .batch.errors import CustomIdError as CustomIdError
    from .batch.errors import DatabaseError as DatabaseError
    from .batch.errors import DatabaseLocked as DatabaseLocked
    from .batch.errors import DatabaseUnreachable as DatabaseUnreachable
    from .batch.errors import DeadlineError as DeadlineError
    from .batch.errors import DestinationError as DestinationError
    from .batch.errors import DownloadBroken as DownloadBroken
    from .batch.errors import ItemTooLarge as ItemTooLarge
    from .batch.errors import JobAtWork as JobAtWork
    from .batch.errors import JobKeyError as JobKeyError
    from .batch.errors import ModelNotFound as ModelNotFound
    from .batch.errors import OpenAIBatchError as OpenAIBatchError
    from .batch.errors import ReadElsewhere as ReadElsewhere
    from .batch.errors import Refused as Refused
    from .batch.errors import RequestError as RequestError
    from .batch.errors import SourceError as SourceError
    from .batch.errors import StorageError as StorageError
    from .batch.errors import StorageNotShared as StorageNotShared
    from .batch.errors import TableNotWritten as TableNotWritten
    from .batch.errors import WaitError as WaitError
    from .batch.files.batches import Batch as Batch
    from .batch.files.input_files import InputFile as InputFile
    from .batch.jobs.job import Job as Job
    from .batch.jobs.opening import open_job as open_job
    from .batch.jobs.options import RunOptions as RunOptions
    from .batch.jobs.report import JobReport as JobReport
    from .batch.jobs.rounds import plan_round as plan_round
    from .batch.outcomes.bill import Bill as Bill
    from .batch.outcomes.outcome_files import FetchedOutput as FetchedOutput
    from .batch.prices import GivenPrice as GivenPrice
    from .batch.reports.report_page import ReportPage as ReportPage
    from .batch.requests.chat_request import ChatRequest as ChatRequest
    from .batch.requests.embedding_request import EmbeddingRequest as EmbeddingRequest
    from .batch.requests.endpoints import Endpoint as Endpoint
    from .batch.requests.items import BatchItem as BatchItem
    from .batch.requests.raw_request import RawRequest as RawRequest
    from .batch.requests.request import Request as Request
    from .batch.requests.responses_request import ResponsesRequest as ResponsesRequest
    from .batch.schemas.short_fields import AnswerField as AnswerField
    from .batch.tables.sources import FileSource as FileSource
    from .batch.tables.sql.sql_destination import SqlDestination as SqlDestination
    from .batch.tables.sql.sql_source import SqlSource as SqlSource
    from .batch.trials.trial import Trial as Trial
    from .batch.trials.trial_report import TrialReport as TrialReport
    from .batch.watermarks.watermark import Watermark as Watermark
    from .blocks import AzureOpenAICredentials as AzureOpenAICredentials
    from .blocks import OpenAICredentials as OpenAICredentials
    from .flows import collect_cancelled_run as collect_cancelled_run
    from .flows import collect_job as collect_job
    from .flows import forget_job as forget_job
    from .flows import heal_run as heal_run
    from .flows import openai_batch as openai_batch
    from .flows import openai_batch_trial as openai_batch_trial
    from .flows import recover_job as recover_job
    from .flows import report_of as report_of
    from .flows import resume_job as resume_job
    from .flows import run_dataframe as run_dataframe
    from .flows import try_rows as try_rows
    from .flows import wake_jobs as wake_jobs
    from .tasks import build_items as build_items
    from .tasks import cancel_batch as cancel_batch
    from .tasks import cancel_job as cancel_job
    from .tasks import clean_up as clean_up
    from .tasks import fetch_output as fetch_output
    from .tasks import get_batch as get_batch
    from .tasks import keep_mark as keep_mark
    from .tasks import list_batches as list_batches
    from .tasks import read_source as read_source
    from .tasks import sensor_options as sensor_options
    from .tasks import submit_batch as submit_batch
    from .tasks import wait_for_batch as wait_for_batch
    from .tasks import wait_for_batches as wait_for_batches
    from .tasks import write_results as write_results
    from .tasks.databases import check_table as check_table
    from .tasks.databases import load_results as load_results

# Prefect imports this package whenever it looks for blocks, and pandas and openai cost seconds: each name is
# imported when it is first used. Type checkers read the imports above, where `as` makes a name public.
_EXPORTS = (
    # what a person deploys or calls
    ("flows", "openai_batch run_dataframe report_of"),
    ("flows", "openai_batch_trial try_rows"),
    ("flows", "resume_job collect_job recover_job forget_job"),
    ("flows", "wake_jobs heal_run collect_cancelled_run"),
    # what it takes
    ("batch.tables.sources", "FileSource"),
    ("batch.tables.sql.sql_source", "SqlSource"),
    ("batch.tables.sql.sql_destination", "SqlDestination"),
    ("batch.watermarks.watermark", "Watermark"),
    ("batch.requests.request", "Request"),
    ("batch.requests.chat_request", "ChatRequest"),
    ("batch.requests.responses_request", "ResponsesRequest"),
    ("batch.requests.embedding_request", "EmbeddingRequest"),
    ("batch.requests.raw_request", "RawRequest"),
    ("batch.schemas.short_fields", "AnswerField"),
    ("batch.requests.endpoints", "Endpoint"),
    ("batch.jobs.options", "RunOptions"),
    ("batch.prices", "GivenPrice"),
    ("blocks", "OpenAICredentials AzureOpenAICredentials"),
    # the steps by hand, along the way of the data, and what goes from one to the next
    ("batch.jobs.opening", "open_job"),
    ("batch.jobs.job", "Job"),
    ("tasks", "read_source"),
    ("batch.jobs.rounds", "plan_round"),
    ("tasks", "build_items"),
    ("batch.requests.items", "BatchItem"),
    ("batch.files.input_files", "InputFile"),
    ("tasks", "submit_batch"),
    ("batch.files.batches", "Batch"),
    ("tasks", "wait_for_batch wait_for_batches sensor_options"),
    ("tasks", "fetch_output"),
    ("batch.outcomes.outcome_files", "FetchedOutput"),
    ("tasks", "write_results keep_mark"),
    ("tasks.databases", "check_table load_results"),
    ("batch.jobs.report", "JobReport"),
    ("batch.outcomes.bill", "Bill"),
    ("batch.reports.report_page", "ReportPage"),
    ("batch.trials.trial", "Trial"),
    ("batch.trials.trial_report", "TrialReport"),
    ("tasks", "clean_up"),
    # beside the way
    ("tasks", "get_batch list_batches cancel_batch cancel_job"),
    # what can go wrong
    ("batch.errors", "OpenAIBatchError Refused SourceError RequestError AnswerSchemaError CustomIdError"),
    ("batch.errors", "ItemTooLarge DestinationError DeadlineError BudgetError WaitError JobKeyError StorageError"),
    ("batch.errors", "DatabaseError DatabaseLocked DatabaseUnreachable JobAtWork ModelNotFound"),
    ("batch.errors", "AccessError BatchUnknown BatchNotFinished BatchFailed DownloadBroken"),
    ("batch.errors", "ReadElsewhere TableNotWritten StorageNotShared"),
)
_HOME = {name: module for module, names in _EXPORTS for name in names.split()}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .batch.progress import waited_for

    with waited_for(f"prefect_openai_batch: loading {name}"):  # on a busy machine it takes many seconds
        return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
