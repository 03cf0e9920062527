"""A table or a frame in, a trial out: no flow, and no server of Prefect's."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow.parquet as pq

from ...batch.jobs.opening import open_job
from ...batch.jobs.options import RunOptions
from ...batch.jobs.terms import Terms
from ...batch.requests.request import Request
from ...batch.requests.request_files import load_request
from ...batch.tables.any_source import Source
from ...batch.tables.sources import FileSource
from ...batch.tables.sql.sql_source import SqlSource
from ...batch.trials.candidates import with_model
from ...batch.trials.samples import ROWS
from ...batch.trials.trial import Trial
from ...batch.trials.trying import Ask, Wishes, check_wishes, try_job
from ...blocks import load_credentials
from ...blocks.databases import database_engine
from ...tasks import answer_items, check_access
from ..frames import FRAME, as_parquet


def try_rows(
    source: pd.DataFrame | Source | str | os.PathLike[str],
    request: Request | str,
    rows: int = ROWS,
    *,
    models: Sequence[str] | str = (),
    expect: Mapping[str, str] | None = None,
    seed: int = 0,
    first: bool = False,
    price_in: float | None = None,
    price_out: float | None = None,
    credentials: str | None = None,
) -> Trial:
    """Ask some rows of a table at once, by the synchronous API, and tell what the whole would cost.

    Their items, outcomes and columns are those that a batch would have. Nothing is uploaded, and nothing kept.

    Args:
        source: The table: a frame, or a path or URL of CSV, Parquet or JSONL.
        request: How a row becomes an item, or the path or URL of a request file.
        rows: How many rows are asked; spread over the table, one by chance of each equal stretch.
        models: The models to ask them, side by side, in place of the request's own; or one.
        expect: The columns that hold the true answers, by the fields of the answer: `{"sentiment": "label"}`; the
            text of answers that are not typed is the field `answer`.
        seed: The same seed gives the same rows.
        first: Whether the first rows are asked instead.
        price_in: US dollars for a million input tokens in a batch, where it is not OpenAI's own price.
        price_out: The same of output tokens.
        credentials: The name of a credentials block; None uses OpenAI's environment variables.

    Returns:
        The answers, and the report: printed, or shown in a notebook, it is a table to read.

    Raises:
        Refused: the input cannot be used, or the model is not known; nothing was asked, nothing paid.
        AccessError: OpenAI refuses the key, or cannot be reached.

    Example:
        ```python
        from prefect_openai_batch import ChatRequest, try_rows

        request = ChatRequest(model="gpt-5-mini", prompt="{{ review }}", answer={"mood": "happy | angry"})
        trial = try_rows("reviews.csv", request, rows=5)
        print(trial)
        print(trial.answers[["review", "mood"]], trial.report.models[0].whole)
        ```
    """
    check_wishes(rows, seed)
    wishes = Wishes(
        rows=rows,
        models=tuple(dict.fromkeys([models] if isinstance(models, str) else models)),
        expected=dict(expect or {}),
        seed=seed,
        first=first,
        terms=terms_of(price_in, price_out, credentials),
    )
    ask, check = (
        partial(answer_items.fn, credentials=credentials),
        partial(check_access.fn, credentials=credentials),
    )
    with TemporaryDirectory() as folder:
        if not isinstance(source, pd.DataFrame):
            table = source if isinstance(source, FileSource | SqlSource) else FileSource(path=os.fspath(source))
            return try_table(table, request, wishes, folder, ask, check)
        return try_table(_kept(source, Path(folder)), request, wishes, folder, ask, check, source)


def try_table(
    source: Source,
    request: Request | str,
    wishes: Wishes,
    folder: str,
    ask: Ask,
    check: Callable[[str | None], None],
    frame: pd.DataFrame | None = None,
) -> Trial:
    """Try some rows of a table, in a folder that goes when it is done.

    Args:
        source: The table.
        request: How a row becomes an item, or the path or URL of a request file.
        wishes: What is tried.
        folder: Where the table is built.
        ask: Asks the items of an input file.
        check: Makes sure of the key and a model before anything is built.
        frame: The table's rows, where they came as a frame.

    Raises:
        Refused: as `try_rows` does.
    """
    asked = load_request(request) if isinstance(request, str) else request
    asked = with_model(asked, wishes.models[0]) if wishes.models else asked
    job = open_job(
        source, asked, job_key="trial", storage=folder, key_given=False, connect=database_engine
    ).with_terms(wishes.terms)
    for model in wishes.models or (asked.body_template().get("model"),):
        check(model)
    return try_job(job, wishes, ask, frame, database_engine)


def terms_of(price_in: float | None, price_out: float | None, credentials: str | None) -> Terms:
    """The prices that are given, then those of the credentials block.

    Raises:
        AccessError: there is no such block.
        BudgetError: output has a price and input has none.
    """
    known = load_credentials(credentials).prices if credentials else ()
    return RunOptions(price_in=price_in, price_out=price_out).terms(known)


def _kept(frame: pd.DataFrame, folder: Path) -> FileSource:
    path = folder / FRAME
    pq.write_table(as_parquet(frame), path)
    return FileSource(path=str(path))
