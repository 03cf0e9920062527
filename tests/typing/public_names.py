"""Typed uses of the public names, for the type checker alone: nothing runs or collects this file.

`make check` fails where a name is no longer seen through the package's lazy face, or has another type.
"""

from typing import Any, assert_type
from uuid import UUID

import pandas as pd
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from prefect_openai_batch import (
    AccessError,
    AnswerField,
    AnswerSchemaError,
    AzureOpenAICredentials,
    Batch,
    BatchFailed,
    BatchItem,
    BatchNotFinished,
    BatchUnknown,
    Bill,
    BudgetError,
    ChatRequest,
    CustomIdError,
    DatabaseError,
    DatabaseLocked,
    DatabaseUnreachable,
    DeadlineError,
    DestinationError,
    DownloadBroken,
    EmbeddingRequest,
    Endpoint,
    FetchedOutput,
    FileSource,
    GivenPrice,
    InputFile,
    ItemTooLarge,
    Job,
    JobAtWork,
    JobKeyError,
    JobReport,
    ModelNotFound,
    OpenAIBatchError,
    OpenAICredentials,
    RawRequest,
    ReadElsewhere,
    Refused,
    ReportPage,
    Request,
    RequestError,
    ResponsesRequest,
    RunOptions,
    SourceError,
    SqlDestination,
    SqlSource,
    StorageError,
    StorageNotShared,
    TableNotWritten,
    Trial,
    TrialReport,
    WaitError,
    Watermark,
    build_items,
    cancel_batch,
    cancel_job,
    check_table,
    clean_up,
    collect_cancelled_run,
    collect_job,
    fetch_output,
    forget_job,
    get_batch,
    heal_run,
    keep_mark,
    list_batches,
    load_results,
    open_job,
    openai_batch,
    openai_batch_trial,
    plan_round,
    read_source,
    recover_job,
    report_of,
    resume_job,
    run_dataframe,
    sensor_options,
    submit_batch,
    try_rows,
    wait_for_batch,
    wait_for_batches,
    wake_jobs,
    write_results,
)

SOURCE = FileSource(
    path="reviews.csv", types={"stars": "integer"}, watermark=Watermark(column="stars", lag=1, key_columns=("id",))
)
TABLE = SqlSource(
    database="warehouse", query="SELECT * FROM reviews WHERE stars < :stars", parameters={"stars": 3}
)
CHAT = ChatRequest(model="gpt-5-mini", prompt="{{ review }}", answer=[AnswerField(name="mood")])


def requests() -> list[Request]:
    """Each request model is a request, and its item an item."""
    assert_type(CHAT.item("1", {"review": "good"}), BatchItem)
    return [
        CHAT,
        ResponsesRequest(model="gpt-5-mini", prompt="{{ review }}"),
        EmbeddingRequest(model="text-embedding-3-small", input="{{ review }}"),
        # mypy's plugin takes an aliased field by its own name alone, pyright by its alias alone
        RawRequest.model_validate({"endpoint": Endpoint.MODERATIONS, "body": {"input": "{{ review }}"}}),
    ]


def flows(frame: pd.DataFrame, run_id: UUID) -> None:
    """A flow takes what its parameters say, and gives a report."""
    assert_type(openai_batch(SOURCE, CHAT, "labelled.csv", job_key="reviews"), JobReport)
    assert_type(openai_batch("reviews.csv", "label_reviews.yaml", options=RunOptions(wait="detach")), JobReport)
    labels = SqlDestination(database="warehouse", table="labels", if_exists="upsert", key_columns=("id",))
    assert_type(openai_batch(SOURCE, CHAT, labels), JobReport)
    assert_type(run_dataframe(frame, CHAT, destination=labels), pd.DataFrame)
    assert_type(run_dataframe(frame, CHAT), pd.DataFrame)
    assert_type(report_of(frame), ReportPage)
    assert_type(openai_batch_trial(SOURCE, CHAT, rows=5, models=["gpt-5"], expect=["mood=label"]), TrialReport)
    trial = assert_type(try_rows(frame, CHAT, expect={"mood": "label"}), Trial)
    assert_type(trial.answers, pd.DataFrame)
    assert_type(resume_job("reviews"), JobReport)
    assert_type(collect_job("reviews"), JobReport)
    assert_type(recover_job("reviews", "answers.csv"), int)
    assert_type(forget_job("reviews"), list[str])
    assert_type(wake_jobs(), list[str])
    heal_run(run_id)
    collect_cancelled_run(run_id)


def steps_of_a_job() -> JobReport:
    """What one step gives is what the next one takes."""
    job = assert_type(open_job(SOURCE, CHAT, job_key="reviews", storage="jobs"), Job)
    read_source(job)
    check_table(job)
    for selection in plan_round(job):
        files = assert_type(build_items(selection), tuple[InputFile, ...])
        batches = assert_type([submit_batch(file) for file in files], list[Batch])
        ended = assert_type(wait_for_batches.with_options(**sensor_options())(batches), list[Batch])
        assert_type([fetch_output(batch) for batch in ended], list[FetchedOutput])
    assert_type(cancel_job(job), list[Batch])
    report = assert_type(write_results(job), JobReport)
    assert_type(keep_mark(job), bool)
    assert_type(report.bill, Bill | None)
    assert_type(load_results(job), int)
    assert_type(clean_up(job), list[str])
    return report


def steps_by_hand(items: list[BatchItem]) -> pd.DataFrame:
    """The same without a job."""
    batch = assert_type(submit_batch(items), Batch)
    assert_type(submit_batch(input_file_id="file-1", endpoint=Endpoint.EMBEDDINGS), Batch)
    assert_type(get_batch(batch.id), Batch)
    assert_type(cancel_batch(batch.id), Batch)
    assert_type(list_batches(limit=5), list[Batch])
    assert_type(wait_for_batch("batch_1"), Batch)
    return assert_type(fetch_output(wait_for_batch(batch)).frame(), pd.DataFrame)


def blocks() -> None:
    """Each block gives its client."""
    prices = (GivenPrice(model="gpt-5-mini", input=0.1, output=0.8),)
    assert_type(OpenAICredentials(project="proj_1", prices=prices).get_client(), OpenAI)
    assert_type(AzureOpenAICredentials(api_version="1").get_client(), AzureOpenAI)
    assert_type(OpenAICredentials().get_async_client(), AsyncOpenAI)
    assert_type(AzureOpenAICredentials().get_async_client(), AsyncAzureOpenAI)


def exceptions() -> list[type[OpenAIBatchError]]:
    """Whoever catches a refusal catches each kind of it."""
    refusals: list[type[Refused]] = [
        SourceError,
        RequestError,
        AnswerSchemaError,
        CustomIdError,
        ItemTooLarge,
        DestinationError,
        DatabaseError,
        DatabaseLocked,
        DatabaseUnreachable,
        DeadlineError,
        BudgetError,
        WaitError,
        JobAtWork,
        JobKeyError,
        StorageError,
        ModelNotFound,
    ]
    assert_type(Refused("why").details, dict[str, Any])
    return [
        *refusals,
        AccessError,
        BatchNotFinished,
        BatchUnknown,
        BatchFailed,
        DownloadBroken,
        ReadElsewhere,
        TableNotWritten,
        StorageNotShared,
    ]
