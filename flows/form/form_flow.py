"""The form's flow: one screen, a table in, the same table with answers out."""

from typing import Annotated, Any

from prefect import flow

from ...batch.form_texts import titled
from ...batch.jobs.report import JobReport
from ...blocks.references import name_of, only_credentials
from ..cancellation import cancel_open_batches
from ..job import TASK_RUNNER, openai_batch
from ..own_parameters import as_we_take_them
from ..places import check_places
from . import titles
from .account import PickedAccount
from .answer_columns import AnswerColumn
from .filled_in import job_parameters

QUESTION = "How does the customer feel in this review? {{ review }}"
"""What the form opens with; whoever replaces it sees how a column is named."""

ANSWER = [AnswerColumn(name="sentiment", kind="choice", choices="positive, negative, mixed")]


@as_we_take_them
@flow(
    name="openai-batch-form",
    persist_result=True,
    result_serializer="json",
    task_runner=TASK_RUNNER,
    on_cancellation=[cancel_open_batches],
)
def openai_batch_form(
    account: Annotated[PickedAccount, titled(titles.ACCOUNT)],
    table: Annotated[str, titled(titles.TABLE, min_length=1)],
    question: Annotated[str, titled(titles.QUESTION, min_length=1)] = QUESTION,
    answer: Annotated[list[AnswerColumn], titled(titles.ANSWER)] = ANSWER,
    model: Annotated[str, titled(titles.MODEL, min_length=1)] = "gpt-5-mini",
    result: Annotated[str, titled(titles.RESULT)] = "",
    replace: Annotated[bool, titled(titles.REPLACE)] = False,
    rows: Annotated[int, titled(titles.ROWS, ge=0)] = 0,
    budget_usd: Annotated[float, titled(titles.BUDGET, ge=0, allow_inf_nan=False)] = 0.0,
    suspend: Annotated[bool, titled(titles.SUSPEND)] = False,
) -> JobReport:
    """Ask a model the same of each row of a table: openai_batch, as a form that a person fills in.

    Args:
        account: Who asks and pays. Add makes an account here; its key stays in it and is shown nowhere.
        table: The path or URL of a CSV, Parquet or JSONL file, as the worker sees it, such as /data/reviews.csv
            or s3://lake/reviews.csv.
        question: A column's name in double braces stands for what each row has there.
        answer: What to make of each answer, a box for each column. Without any, the answer is one column of text.
        model: As the account calls it, such as gpt-5-mini or gpt-5-nano; on Azure the name of a Global-Batch
            deployment.
        result: A path or URL that ends in .csv, .parquet or .jsonl. Empty, a file in the run's own folder, which
            its log names.
        replace: Whether a file that is there already may be replaced; without it the run is refused.
        rows: How many rows to ask, from the top, to try it out. 0 asks all.
        budget_usd: The run stops before it could cost more. 0 sets no limit.
        suspend: OpenAI may take up to a day. Switched on, the run gives its worker's process back meanwhile, and
            automations wake it; without them it would sleep for ever.

    Returns:
        What became of the rows, as openai_batch says it.

    Raises:
        Refused: the message begins with the title of the field that it is about; nothing was sent, nothing paid.
        AccessError: OpenAI refuses the key, or cannot be reached.

    Example:
        ```python
        from prefect_openai_batch import OpenAICredentials, openai_batch_form

        report = openai_batch_form(OpenAICredentials.load("BLOCK_NAME"), "reviews.csv")
        print(report.answered, "of", report.rows)
        ```
    """
    with titles.fields_named():
        check_places(table=table.strip(), result=result.strip())
        wanted = job_parameters(
            credentials=name_of(account),
            table=table,
            question=question,
            answer=answer,
            model=model,
            result=result,
            replace=replace,
            rows=rows,
            budget_usd=budget_usd,
            suspend=suspend,
        )
        return openai_batch.fn(**wanted)


def prefilled() -> dict[str, Any]:
    """Parameters for the form's deployment: the account, where there is one credentials block and no choice.

    Example:
        ```python
        from prefect_openai_batch.flows.form import prefilled

        parameters = prefilled()  # {"account": {"$ref": {"block_document_id": "…"}}}, or {}
        ```
    """
    account = only_credentials()
    return {"account": account} if account else {}
