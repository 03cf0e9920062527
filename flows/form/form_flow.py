"""The form's flow: one screen, a table in, the same table with answers out."""

from collections.abc import Sequence
from typing import Annotated, Any

from prefect import flow
from prefect.states import Failed

from ...batch.errors import OpenAIBatchError
from ...batch.form_texts import titled
from ...batch.jobs.report import JobReport
from ...blocks import OpenAICredentials
from ...blocks.references import name_of, only_account
from ..cancellation import cancel_open_batches
from ..job import TASK_RUNNER, openai_batch
from ..own_parameters import as_we_take_them
from ..places import check_places
from ..shown.run_names import run_name
from . import titles
from .account import PickedAccount
from .answer_columns import AnswerColumn
from .filled_in import job_parameters, place_of

QUESTION = "Is this text positive, negative or mixed? {{ column }}"
"""What the form opens with: it shows how a column is named, and is refused as it stands."""

MODEL = "gpt-5-mini"


@as_we_take_them
@flow(
    name="openai-batch-form",
    flow_run_name=run_name,
    persist_result=True,
    result_serializer="json",
    task_runner=TASK_RUNNER,
    on_cancellation=[cancel_open_batches],
)
def openai_batch_form(
    account: Annotated[PickedAccount, titled(titles.ACCOUNT)],
    table: Annotated[str, titled(titles.TABLE, min_length=1)],
    question: Annotated[str, titled(titles.QUESTION, prefilled=QUESTION, min_length=1)],
    *,
    answer: Annotated[Sequence[AnswerColumn], titled(titles.ANSWER)] = (),
    model: Annotated[str, titled(titles.MODEL, prefilled=MODEL, min_length=1)],
    result: Annotated[str, titled(titles.RESULT)] = "",
    replace: Annotated[bool, titled(titles.REPLACE)] = False,
    rows: Annotated[int, titled(titles.ROWS, ge=0)] = 0,
    budget_usd: Annotated[float, titled(titles.BUDGET, ge=0, allow_inf_nan=False)] = 0.0,
    suspend: Annotated[bool, titled(titles.SUSPEND)] = False,
) -> JobReport:
    """Ask a model the same of each row of a table: openai_batch, as a form that a person fills in.

    Args:
        account: Who asks and pays. Add makes an account here; its key stays in it and is shown nowhere.
        table: The path or URL of a CSV, Parquet, JSONL or Excel file, as the worker sees it, such as
            /data/reviews.csv; or of a folder of files that are one table, such as s3://lake/reviews/.
        question: Write the name of one of the table's columns within the double braces: what each row has there
            is put in their place.
        answer: What to make of each answer; an item for each column, with its name and kind. Without any, the
            answer is one column of text, as it comes.
        model: As the account calls it, such as gpt-5-mini or gpt-5-nano; on Azure the name of a Global-Batch
            deployment.
        result: A path or URL that ends in .csv, .parquet or .jsonl, or in / for a folder of files. Empty, a file
            in the run's own folder, which its log names.
        replace: Whether a file that is there already may be replaced; without it the run is refused.
        rows: How many rows to ask, from the top, to try it out. 0 asks all.
        budget_usd: The run stops before it could cost more; an answer then takes at most 4,000 tokens, what the
            model thinks included. 0 sets no limit.
        suspend: OpenAI may take up to a day. Switched on, the run gives its worker's process back meanwhile, and
            automations wake it; without them it would sleep for ever.

    Returns:
        What became of the rows, as openai_batch says it.

    Raises:
        Refused: the message begins with the title of the field that it is about; nothing was sent, nothing paid.
        AccessError: OpenAI refuses the key, or cannot be reached.
    """
    try:
        with titles.fields_named():
            check_places(table=place_of(table), result=place_of(result))
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
    except OpenAIBatchError as error:  # whoever called the flow is given it all the same
        return Failed(message=str(error), data=error)  # type: ignore[return-value]  # Prefect gives its data


def prefilled() -> dict[str, Any]:
    """Parameters for the form's deployment: the account, where there is one credentials block and no choice.

    `prefect-openai-batch deploy` gives them to the form.
    Prefect's new UI shows what is picked behind the first tab alone, so it is picked where it is OpenAI's.

    Example:
        ```python
        from prefect_openai_batch.flows.form import prefilled

        parameters = prefilled()  # {"account": {"$ref": {"block_document_id": "…"}}}, or {}
        ```
    """
    slug, account = only_account() or ("", {})
    return {"account": account} if slug == OpenAICredentials.get_block_type_slug() else {}
