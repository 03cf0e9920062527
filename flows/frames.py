"""A DataFrame in, the same DataFrame with answers out."""

import os
import warnings
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..batch import clock
from ..batch.errors import SourceError, WaitError
from ..batch.jobs.deadlines import check_deadline
from ..batch.jobs.job import IfExists, load_job
from ..batch.jobs.opening import check_job_key, storage_folder
from ..batch.jobs.options import USUAL, RunOptions
from ..batch.jobs.own_table import read_own_results
from ..batch.jobs.report import REPORT, JobReport
from ..batch.jobs.results import read_results
from ..batch.outcomes.result_frames import with_results
from ..batch.reports.report_page import ReportPage, report_page
from ..batch.requests.request import Request
from ..batch.requests.request_files import given_request
from ..batch.tables.rehearsals import unwritable
from ..batch.tables.sources import FileSource
from ..batch.tables.sql.sql_destination import SqlDestination
from ..batch.urls import as_text, named_server
from ..blocks.servers.own_server import own_server
from ..tasks.reports import at_openai
from .defaults import default_storage
from .destination import path_written
from .job import openai_batch
from .places import check_places

FRAME = "frame.parquet"

ATTRIBUTE = "openai_batch"
"""The name under which an answered frame's `attrs` say which job answered it."""

ROWS_TRIED = 100
"""How many rows of a frame are tried as Parquet before it is kept."""

UNKEPT = (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError)
"""What Arrow raises for values that it cannot hold."""

ROWS_HASHED = 65_536
"""How many rows of a column are hashed at once."""


def run_dataframe(
    frame: pd.DataFrame,
    request: Request | str | os.PathLike[str],
    *,
    destination: SqlDestination | str | os.PathLike[str] | None = None,
    job_key: str | None = None,
    storage: str | os.PathLike[str] | None = None,
    credentials: str | None = None,
    if_exists: IfExists = "refuse",
    options: RunOptions = USUAL,
) -> pd.DataFrame:
    """Run the flow on a frame, and return it as it is, with the answers beside its rows.

    The frame goes to the job folder as Parquet, so that any worker can take the job over; what comes back are its
    own columns and its own index.

    Args:
        frame: The rows; its columns bear text as names.
        request: How a row becomes an item, or the path or URL of a request file.
        destination: A path or URL for the results, whose ending names the format, or a table of a database; None
            keeps them in the job folder.
        job_key: Names the job. None makes a key of the frame's content and the request, so that the same
            call continues the same job, and a finished one is not paid again.
        storage: The folder or URL that holds the job folders.
        credentials: The name of a credentials block; None uses OpenAI's environment variables.
        if_exists: What to do when the destination exists.
        options: As in `openai_batch`; a frame is waited for, so its run cannot be detached.

    Returns:
        The frame's columns, then the result columns; token counts are nullable integers.

    Raises:
        SourceError: Parquet cannot hold a column of the frame, which the error names.
        WaitError: the run is to be detached.
        Refused, AccessError, BatchFailed, TableNotWritten: as `openai_batch` does.

    Example:
        ```python
        import pandas as pd
        from prefect_openai_batch import ChatRequest, run_dataframe

        reviews = pd.read_csv("reviews.csv")
        request = ChatRequest(model="gpt-5-mini", prompt="Positive, negative or mixed? {{ review }}")
        reviews["label"] = run_dataframe(reviews, request)["answer"]
        ```
    """
    if options.wait == "detach":
        raise WaitError(
            'A frame is waited for, so wait="detach" cannot be. Write it to a file and start openai_batch on that '
            'file, or leave it at wait="sensor".'
        )
    request = given_request(request)
    goes_to = as_text(destination)
    deadline = options.deadline(now := datetime.fromtimestamp(clock.now(), UTC))
    table = as_parquet(frame)
    with own_server():
        named = as_text(storage) or default_storage()
        check_places(storage=named, destination=path_written(goes_to))
        place = storage_folder(named)
        key = job_key or _key(table, request)
        check_job_key(key)
        folder = place / key
        if not folder.exists("job.json"):
            if deadline is not None:
                check_deadline(deadline, now)
            folder.make()
            with folder.create(FRAME) as file:
                pq.write_table(table, file)
        source = FileSource(path=folder.path(FRAME))
        openai_batch(
            source,
            request,
            goes_to,
            job_key=key,
            storage=place.url,
            credentials=credentials,
            if_exists=if_exists,
            options=options,
            source_digest=table_digest(table),
        )
        job = load_job(folder.url)
        answered = with_results(frame, read_results(job) if job.found is None else read_own_results(job))
        answered.attrs[ATTRIBUTE] = {"job_key": key, "storage": place.url}
        return answered


def report_of(
    job: pd.DataFrame | str, *, storage: str | os.PathLike[str] | None = None, credentials: str | None = None
) -> ReportPage:
    """What came of a job, as a page of charts: a notebook shows it, and `save` writes it as an HTML file.

    Args:
        job: What `run_dataframe` gave, or a job's key.
        storage: The folder or URL that holds the job folders; not needed of a frame.
        credentials: The name of a credentials block; None uses OpenAI's environment variables. They say whether
            OpenAI has a page of each batch to link to.

    Raises:
        SourceError: the frame does not come from `run_dataframe`, has lost its `attrs`, or the job's rows were
            removed after `keep_days`.
        StorageNotShared: there is no such job in the storage.
        WaitError: the job is not done.

    Example:
        ```python
        import pandas as pd
        from prefect_openai_batch import ChatRequest, report_of, run_dataframe

        reviews = pd.read_csv("reviews.csv")
        labelled = run_dataframe(reviews, ChatRequest(model="gpt-5-mini", prompt="Good or bad? {{ review }}"))
        report_of(labelled).save("report.html")
        ```
    """
    if isinstance(job, str):
        key, place = job, as_text(storage) or default_storage()
    elif ATTRIBUTE in job.attrs:
        key, place = job.attrs[ATTRIBUTE]["job_key"], job.attrs[ATTRIBUTE]["storage"]
    else:
        raise SourceError("The frame does not say which job answered it: name the job by its key.")
    found = load_job((storage_folder(place) / key).url)
    report = found.files.read(REPORT, JobReport)
    if report is None:
        raise WaitError(f"The job {key!r} is not done, and so there is no report of it.")
    return report_page(found, report, at_openai=at_openai(credentials))


def as_parquet(frame: pd.DataFrame) -> pa.Table:
    """The frame as Parquet can hold it.

    Raises:
        SourceError: it cannot hold a column; the message names it.
    """
    if not isinstance(frame, pd.DataFrame):
        raise SourceError(
            f"run_dataframe takes a DataFrame, and not a {type(frame).__name__}: a file goes to openai_batch, a "
            "column is one by .to_frame()."
        )
    named = [name for name in frame.columns if not isinstance(name, str)]
    if named:
        raise SourceError(f"The frame's column {named[0]!r} has no text as its name: rename it.", column=named[0])
    table = _converted(frame)
    found = unwritable(FRAME, table.schema, table.slice(0, ROWS_TRIED).to_batches())
    if found is not None:
        field, why = found
        raise _unkept(frame, field.name, why)
    return table


def _converted(frame: pd.DataFrame) -> pa.Table:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the index comes back whatever its names are
            return pa.Table.from_pandas(frame)
    except UNKEPT as error:
        for place, name in enumerate(frame.columns):
            try:
                pa.Table.from_pandas(frame.iloc[:, [place]], preserve_index=False)
            except UNKEPT as why:
                raise _unkept(frame, name, why) from None
        twice = frame.columns[frame.columns.duplicated()]
        if len(twice):
            raise SourceError(f"The frame has two columns {twice[0]!r}: rename one.", column=twice[0]) from None
        raise _unkept(frame, None, error) from None


def _unkept(frame: pd.DataFrame, name: str | None, error: Exception) -> SourceError:
    """The error that names the column which Parquet cannot hold, or the index, and the way out."""
    why = "; ".join(str(part) for part in error.args).encode(errors="backslashreplace").decode().rstrip(".")
    if name not in frame.columns:
        return SourceError(
            f"The frame's index cannot be kept as Parquet: {why}. Pass frame.reset_index(drop=True): the answers "
            "come in its order.",
            column=name,
        )
    return SourceError(
        f"The frame's column {name!r} cannot be kept as Parquet: {why}. Pass the frame without it, "
        f"frame.drop(columns={name!r}), since the answers come in its order; or with its text, "
        f"frame.assign(**{{{name!r}: frame[{name!r}].astype(str)}}).",
        column=name,
    )


def table_digest(table: pa.Table) -> str:
    """A digest of a table's values and types, the same for equal frames.

    What does not show is left out: how columns are cut into chunks, what lies under a null, who wrote the table.
    """
    types = table.schema.remove_metadata().to_string()
    hashed = sha256(repr((types, _pandas_metadata(table.schema))).encode())
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            categories = column.unify_dictionaries().combine_chunks()
            hashed.update(_visible(categories.dictionary))
            column = categories.dictionary_decode()
        for start in range(0, len(column), ROWS_HASHED):
            rows = column.slice(start, ROWS_HASHED)
            hashed.update(_visible(rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows))
    return hashed.hexdigest()


def _pandas_metadata(schema: pa.Schema) -> dict[str, Any]:
    known: dict[str, Any] = schema.pandas_metadata or {}
    return {name: value for name, value in known.items() if name in ("index_columns", "column_indexes", "columns")}


def _visible(values: pa.Array) -> bytes:
    """The bytes of an array's values, with nothing under its nulls."""
    if pa.types.is_struct(values.type):
        return b"".join(map(_visible, [values.is_valid(), *values.flatten()]))
    try:
        taken = values.take(pa.array(np.arange(len(values))))
    except pa.ArrowNotImplementedError:  # as for Arrow's views of texts
        return repr(values.to_pylist()).encode()
    content: bytes = pa.record_batch([taken], names=["values"]).serialize().to_pybytes()
    return content


def _key(table: pa.Table, request: Request) -> str:
    content = table_digest(table) + request.model_dump_json() + named_server()
    return f"frame-{sha256(content.encode()).hexdigest()[:16]}"
