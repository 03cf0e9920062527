"""A table or a frame in, a trial out: no flow, and no server of Prefect's."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from ...batch.answer_store.answers import Answers
from ...batch.errors import DatabaseError
from ...batch.jobs.opening import open_job
from ...batch.jobs.options import RunOptions
from ...batch.jobs.terms import Terms
from ...batch.jobs.unsent.job_keepers import keeper_of_trial
from ...batch.requests.request import Request
from ...batch.requests.request_files import given_request
from ...batch.storage.scratch import scratch_folder
from ...batch.tables.any_source import Source
from ...batch.tables.sources import FileSource
from ...batch.tables.sql.sql_source import SqlSource
from ...batch.trials.candidates import with_model
from ...batch.trials.samples import ROWS
from ...batch.trials.trial import Trial
from ...batch.trials.trying import Ask, Wishes, check_wishes, try_job
from ...blocks import load_credentials
from ...blocks.databases import database_engine, open_store
from ...blocks.databases.answer_stores import NONE, whole_name
from ...tasks import answer_items, check_access
from ...tasks.remote.connection import connect
from ..frames import FRAME, as_parquet


def try_rows(
    source: pd.DataFrame | Source | str | os.PathLike[str],
    request: Request | str | os.PathLike[str],
    rows: int = ROWS,
    *,
    models: Sequence[str] | str = (),
    expect: Mapping[str, str] | None = None,
    seed: int = 0,
    first: bool = False,
    price_in: float | None = None,
    price_out: float | None = None,
    answers: str = "",
    credentials: str | None = None,
) -> Trial:
    """Ask some rows of a table at once, by the synchronous API, and tell what the whole would cost.

    Their items, outcomes and columns are those that a batch would have. Nothing is uploaded, and nothing kept but
    in an answer store that `answers` names.

    Args:
        source: The table: a frame, or the path or URL of a file, a folder or a glob.
        request: How a row becomes an item, or the path or URL of a request file.
        rows: How many rows are asked; spread over the table, one by chance of each equal stretch.
        models: The models to ask them, side by side, in place of the request's own; or one.
        expect: The columns that hold the true answers, by the fields of the answer: `{"sentiment": "label"}`; the
            text of answers that are not typed is the field `answer`.
        seed: The same seed gives the same rows.
        first: Whether the first rows are asked instead.
        price_in: US dollars for a million input tokens in a batch, where it is not OpenAI's own price.
        price_out: The same of output tokens.
        answers: The answer store where the answers are kept, so that a job does not pay for them again; empty:
            none. A trial asks all its rows itself.
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
    asked = given_request(request)
    kept = kept_in(answers, asked, wishes, credentials)
    ask, check = (
        partial(answer_items.fn, kept_in=kept, credentials=credentials),
        partial(check_access.fn, credentials=credentials),
    )
    with scratch_folder() as folder:
        if not isinstance(source, pd.DataFrame):
            table = source if isinstance(source, FileSource | SqlSource) else FileSource(path=os.fspath(source))
            return try_table(table, asked, wishes, folder, ask, check, kept)
        return try_table(_kept(source, Path(folder)), asked, wishes, folder, ask, check, kept, source)


def try_table(
    source: Source,
    request: Request,
    wishes: Wishes,
    folder: str,
    ask: Ask,
    check: Callable[[str | None], None],
    kept: Answers | None = None,
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
        kept: The answer store where the answers are kept.
        frame: The table's rows, where they came as a frame.

    Raises:
        Refused: as `try_rows` does.
    """
    asked = with_model(request, wishes.models[0]) if wishes.models else request
    job = open_job(
        source, asked, job_key="trial", storage=folder, key_given=False, connect=database_engine
    ).with_terms(wishes.terms)
    for model in wishes.models or (asked.body_template().get("model"),):
        check(model)
    trial = try_job(job, wishes, ask, frame, database_engine)
    return trial if kept is None else trial.kept_in(kept, _count_kept(kept))


def terms_of(price_in: float | None, price_out: float | None, credentials: str | None) -> Terms:
    """The prices that are given, then those of the credentials block.

    Raises:
        AccessError: there is no such block.
        BudgetError: output has a price and input has none.
    """
    known = load_credentials(credentials).prices if credentials else ()
    return RunOptions(price_in=price_in, price_out=price_out).terms(known)


def kept_in(name: str, request: Request, wishes: Wishes, credentials: str | None) -> Answers | None:
    """The answer store where a trial's answers are kept; None where there is no name.

    Raises:
        DatabaseError: there is no such store, or it cannot be reached.
    """
    if not name or name == NONE:
        return None
    with open_store(name) as store, connect(credentials) as connection:
        server, opening = connection.server, store.now()
    return Answers(
        store=whole_name(name),
        server=server,
        opening=opening,
        prices=wishes.terms.prices,
        keeper=keeper_of_trial(request, wishes.models),
    )


def _count_kept(answers: Answers) -> int:
    """How many answers a trial has kept; that they cannot be counted is no reason to lose it."""
    with suppress(DatabaseError), open_store(answers.store) as store:
        from ...batch.answer_store.housekeeping import Chosen, count_chosen

        return count_chosen(store, Chosen(keeper=answers.keeper_of("").name))
    return 0


def _kept(frame: pd.DataFrame, folder: Path) -> FileSource:
    path = folder / FRAME
    pq.write_table(as_parquet(frame), path)
    return FileSource(path=str(path))
