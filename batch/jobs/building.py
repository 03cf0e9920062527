"""Rows made into items, and items into input files."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..errors import ReadElsewhere, RequestError, refusals_of
from ..files.input_files import InputFile, InputFileWriter
from ..files.kept_tables import kept_table
from ..files.lines import Line, Lines, encode_row_body, make_line, together
from ..files.most_costs import CostBound
from ..files.template_lines import BYTES_AT_ONCE, ROWS_AT_ONCE, TemplateLines, template_lines
from ..heap import frozen_heap
from ..leases import Lease
from ..limits import FILES_IN_A_BOUND, FILES_ON_A_BUDGET, MAX_ITEMS, MOST_FILES_ON_A_BUDGET, Limits
from ..requests.bodies import Bodies
from ..requests.custom_ids import make_custom_id
from ..requests.request import Request
from ..tables.any_source import opened
from ..tables.json_values import row_values
from ..tables.parts import read_rows, read_schema, read_selected_rows
from ..tables.row_groups import RowGroup, slices
from ..tables.sql.sql_reading import Connect
from .job import Built, Job, Selection
from .unsent.sifting import Sifting

if TYPE_CHECKING:
    from ..answer_store.store import AnswerStore  # SQLAlchemy is imported where a store is opened


@frozen_heap()
def build_selection(
    job: Job, selection: Selection, limits: Limits | None = None, store: "AnswerStore | None" = None
) -> tuple[InputFile, ...]:
    """Build the input files of one selection and record them; the same rows give the same bytes.

    Rows of a first round whose answers the store knows are in none of them, and neither are those that send what
    another row sends, where the job leaves these out. One process at a time builds a selection: two, on other
    terms or with answers that are known meanwhile, would write different items into one file.

    On a budget they are cut smaller, so that it lets some through, and what the first cost is known before the
    last are sent; and where enqueued tokens are bounded, so that several find room.

    Raises:
        Refused: a row makes no item, or one that no input file may hold; the message names the row.
        ReadElsewhere: another run has taken the building over from this one, which was not heard of for long.
    """
    folder = job.round_folder(selection.round)
    folder.make()
    lease = Lease(folder, f"building-{selection.name}.json", f"builds items of the job {job.key}")
    done = lease.take(partial(job.built, selection))
    if done is not None:
        return done
    try:
        return _build(job, selection, limits or _limits(job, selection), store, lease)
    finally:
        lease.give_back()


def _build(
    job: Job, selection: Selection, limits: Limits, store: "AnswerStore | None", lease: Lease
) -> tuple[InputFile, ...]:
    folder = job.round_folder(selection.round)
    writer = InputFileWriter(
        folder,
        selection.name,
        job.request.endpoint,
        job_key=job.key,
        round_number=selection.round,
        contested=job.is_contested,
        limits=limits,
        cost_bound=_cost_bound(job, selection),
    )
    lines = _while_held(_lines(job, selection), lease, _built_elsewhere(job, selection))
    with refusals_of(job.source.name), ExitStack() as stack:
        sifting = (
            stack.enter_context(Sifting(job, selection, store)) if _is_sifted(job, selection, store) else None
        )
        files = tuple(writer.write(lines if sifting is None else sifting.sift(lines)))
        unsent = sifting.record() if sifting else ()
    if not lease.is_held():
        raise _built_elsewhere(job, selection)
    return folder.write_first(f"{selection.name}.json", Built(input_files=files, unsent=unsent)).input_files


def _while_held(lines: Iterator[Lines], lease: Lease, lost: ReadElsewhere) -> Iterator[Lines]:
    """Lines as long as nobody else is at work on them, who may write other items into the same files."""
    for some in lines:
        if lease.is_lost:
            raise lost
        yield some


def _built_elsewhere(job: Job, selection: Selection) -> ReadElsewhere:
    return ReadElsewhere(
        f"Another run of the job {job.key!r} has taken over building the items of selection {selection.name}, for "
        "this one was not heard of for long. Start this one again: it then takes what the other has built.",
        job_key=job.key,
    )


def _is_sifted(job: Job, selection: Selection, store: "AnswerStore | None") -> bool:
    """Whether some rows need not be sent: in later rounds go those that are asked anew."""
    return selection.round == 1 and (store is not None or job.deduplicate)


def _limits(job: Job, selection: Selection) -> Limits:
    items, bound = MAX_ITEMS, job.terms.max_enqueued_tokens
    if job.terms.budget_usd is not None:
        items = min(MAX_ITEMS, max(1, -(-selection.rows // FILES_ON_A_BUDGET)))
    return Limits(items=items, tokens=None if bound is None else bound // FILES_IN_A_BOUND)


def _cost_bound(job: Job, selection: Selection) -> CostBound | None:
    budget = job.terms.budget_usd
    if budget is None:
        return None
    return CostBound(budget / FILES_ON_A_BUDGET, job.terms.prices, -(-selection.rows // MOST_FILES_ON_A_BUDGET))


def _lines(job: Job, selection: Selection) -> Iterator[Lines]:
    request = job.request
    columns = tuple(read_schema(job.files).names)
    bodies = request.compile(columns)
    at_once = template_lines(request, bodies)
    ids = {request.id_column} if request.id_column is not None else set()
    wanted = None if bodies.columns is None else sorted(bodies.columns | ids)
    rows_at_once = ROWS_AT_ONCE if at_once is None else at_once.rows_at_once
    for rows in _row_groups(job, selection, wanted, rows_at_once):
        lines = None if at_once is None else _made_at_once(at_once, rows)
        if lines is not None:
            yield lines
        else:
            yield from together(
                line_of_row(request, bodies, *row) for row in zip(rows.numbers, rows.rows, strict=True)
            )


def _made_at_once(at_once: TemplateLines, rows: RowGroup) -> Lines | None:
    """The lines of a group; None where a row may be at fault, in as many ways as a template can fail."""
    try:
        return at_once.lines(rows)
    except Exception:
        return None


def line_of_row(request: Request, bodies: Bodies, number: int, row: Mapping[str, Any]) -> Line:
    """The line of one row by itself.

    Raises:
        RequestError, CustomIdError: the row makes no item; the message names it.
    """
    body = _make(request, bodies, number, row)
    encoded = encode_row_body(body, number)
    custom_id = make_custom_id(request.id_column, number, row, encoded)
    return make_line(number, custom_id, request.endpoint, body, encoded)


def first_custom_id(job: Job, connect: Connect | None = None) -> str | None:
    """The custom_id of the first row, of a job whose rows are not read yet; None where there are no rows.

    Raises:
        Refused: the source cannot be read, or its first row makes no item.
    """
    name = job.source.name
    with refusals_of(name), opened(job.source, connect, rows=1) as reader, closing(iter(reader)) as batches:
        columns, first = reader.schema.names, next(batches, None)
        if first is None:
            return None
        values = zip(columns, (row_values(column)[0] for column in first.columns), strict=True)
        return line_of_row(job.request, job.request.compile(tuple(columns)), 0, dict(values)).custom_id


def _row_groups(
    job: Job, selection: Selection, columns: list[str] | None, rows_at_once: int
) -> Iterator[RowGroup]:
    for numbers, batch in _numbered_batches(job, selection, columns):
        start = 0
        for rows in slices(batch, rows_at_once, BYTES_AT_ONCE):
            yield RowGroup.of(numbers[start : start + rows.num_rows].tolist(), rows)
            start += rows.num_rows


def _numbered_batches(
    job: Job, selection: Selection, columns: list[str] | None
) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
    if selection.round > 1:
        yield from read_selected_rows(job.files, selected_rows(job, selection), columns)
        return
    first = job.kept_rows("build_items").parts[selection.number].first_row
    for batch in read_rows(job.files, selection.number, columns):
        yield np.arange(first, first + batch.num_rows), batch
        first += batch.num_rows


def selected_rows(job: Job, selection: Selection) -> np.ndarray:
    """The row numbers of a later round's selection, ascending, as int64."""
    rows = kept_table(job.round_folder(selection.round), f"{selection.name}.rows.parquet")
    return np.asarray(rows["row"].to_numpy(), dtype=np.int64)


def _make(request: Request, bodies: Bodies, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    try:
        body = bodies.make(row)
        request.check_answers(body)
    except RequestError as error:
        raise RequestError(f"Row {number + 1:,}: {error}", row=number, **error.details) from error
    except ValueError as error:
        raise RequestError(f"Row {number + 1:,}: {error}", row=number) from None
    model = body.get("model")
    if not (isinstance(model, str) and model):
        raise RequestError(f"Row {number + 1:,} names no model.", row=number, field="model")
    return body
