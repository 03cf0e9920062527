"""The flow of a trial: some rows answered at once, and a report of it in Prefect's UI."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from pydantic import Field

from ...batch.requests.request import RequestParameter
from ...batch.requests.request_files import given_request
from ...batch.storage.scratch import scratch_folder
from ...batch.tables.any_source import Source, path_of, rewritten
from ...batch.trials.expectations import read_expected
from ...batch.trials.samples import ROWS
from ...batch.trials.trial import Trial
from ...batch.trials.trial_report import TrialReport
from ...batch.trials.trying import Wishes
from ...blocks.databases.answer_stores import path_in
from ...blocks.prefect_calls import at_once
from ...tasks import answer_items, check_access
from ...tasks.remote.tries import pauses_end_with_it
from ..defaults import begun_at, current_run, team_store, with_schedule
from ..own_parameters import as_we_take_them
from ..places import check_places
from ..shown.run_names import run_name
from .trying import kept_in, terms_of, try_table

ARTIFACT = "openai-batch-trial"
"""The key of the reports in Prefect's UI: each trial is a version of it."""


@as_we_take_them
@flow(name="openai-batch-trial", flow_run_name=run_name, persist_result=True, result_serializer="json")
def openai_batch_trial(
    source: Source | str,
    request: RequestParameter,
    rows: Annotated[int, Field(ge=1)] = ROWS,
    *,
    models: Sequence[str] = (),
    expect: Sequence[str] = (),
    first: bool = False,
    seed: Annotated[int, Field(ge=0)] = 0,
    price_in: Annotated[float | None, Field(ge=0)] = None,
    price_out: Annotated[float | None, Field(ge=0)] = None,
    answers: str = "",
    credentials: str | None = None,
) -> TrialReport:
    """Ask some rows of a table at once, and tell what the whole would cost; nothing is uploaded.

    The run's artifact shows the answers, how many rows have none and why, tokens, and the price of the whole table
    by batch and synchronously.

    Args:
        source: The table: the path or URL of a file, a folder or a glob, or a database's table or query. A
            deployed run's paths are its worker's, and whole: /data/reviews.csv, s3://lake/reviews.csv.
        request: How a row becomes an item, or the path or URL of a request file.
        rows: How many rows are asked, spread over the table.
        models: The models to ask, side by side; empty: the request's own.
        expect: Where the table has the true answer in a column: FIELD=COLUMN, as sentiment=label.
        first: Whether the first rows are asked instead.
        seed: The same seed asks the same rows.
        price_in: US dollars for a million input tokens in a batch, where it is not OpenAI's own price.
        price_out: US dollars for a million output tokens in a batch, where it is not OpenAI's own price.
        answers: The answer store where the answers are kept, as in openai_batch; a trial asks all its rows itself.
        credentials: The name of a credentials block; empty: OpenAI's environment variables.

    Returns:
        What was counted, and what the whole table would cost.

    Raises:
        Refused: the input cannot be used; nothing was asked, nothing paid.
        AccessError: OpenAI refuses the key, or cannot be reached.

    Example:
        ```python
        from prefect_openai_batch import openai_batch_trial

        report = openai_batch_trial("reviews.csv", "label_reviews.yaml", rows=5)
        print(report.batches, "batch;", report.models[0].whole)
        ```
    """
    check_places(source=path_of(source), **{"answer store": path_in(answers)})
    begun = begun_at(current_run())
    table = rewritten(source, lambda text: with_schedule(text, begun))
    wishes = Wishes(
        rows=rows,
        models=tuple(dict.fromkeys(models)),
        expected=read_expected(expect),
        seed=seed,
        first=first,
        terms=terms_of(price_in, price_out, credentials),
    )
    asked = given_request(request)
    kept = kept_in(answers or team_store(), asked, wishes, credentials)
    ask = partial(answer_items, kept_in=kept, credentials=credentials)
    check = partial(check_access, credentials=credentials)
    with scratch_folder() as folder, pauses_end_with_it():
        trial = try_table(table, asked, wishes, folder, ask, check, kept)
    _show(trial)
    return trial.report


def _show(trial: Trial) -> None:
    """Make the artifact; that it cannot be shown is no reason to lose what is paid."""
    get_run_logger().info("Tried %s", trial.summary)
    try:
        at_once(create_markdown_artifact, trial.as_markdown(), key=ARTIFACT, description=trial.summary)
    except Exception:
        get_run_logger().warning("The report could not be shown:\n%s", trial, exc_info=True)
