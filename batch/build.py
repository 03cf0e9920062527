"""Rows made into items, and items into input files."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .bodies import Bodies, compile_request
from .custom_ids import check_custom_id
from .endpoints import Endpoint, embedding_inputs
from .errors import CustomIdError, RequestError, refusals_of
from .garbage import settled_heap
from .input_files import InputFile, InputFileWriter, Limits, Line
from .items import BatchItem, encode_body, encode_line
from .jobs import Built, Job, Selection
from .requests import Request
from .storage import Folder
from .tables.parts import read_rows, read_schema, read_selected_rows

NumberedRow = tuple[int, Mapping[str, Any]]


@settled_heap()
def build_selection(job: Job, selection: Selection, limits: Limits | None = None) -> tuple[InputFile, ...]:
    """Build the input files of one selection and record them; the same rows give the same bytes.

    Raises:
        Refused: a row makes no item, or one that no input file may hold; the message names the row.
    """
    folder = job.round_folder(selection.round)
    writer = InputFileWriter(
        folder,
        selection.name,
        job.request.endpoint,
        job_key=job.key,
        round_number=selection.round,
        limits=limits,
    )
    with refusals_of(job.source.path):
        files = tuple(writer.write(_lines(job, selection)))
    folder.write(f"{selection.name}.json", Built(input_files=files))
    return files


def write_items(items: BatchItem | Iterable[BatchItem], folder: Folder) -> InputFile:
    """Write items made by hand, or a single one, as one input file under `folder`.

    Raises:
        RequestError: there are none, or they differ in model or endpoint, or are too many for one batch, or one
            holds what JSON cannot say.
        CustomIdError: two of them share a custom_id.
    """
    listed = [items] if isinstance(items, BatchItem) else list(items)
    if len({(item.url, item.body.get("model")) for item in listed}) != 1:
        raise RequestError("A batch takes at least one item, and all of one endpoint and one model.")
    ((custom_id, times),) = Counter(item.custom_id for item in listed).most_common(1)
    if times > 1:
        raise CustomIdError(
            f"{times:,} of the items share the custom_id {custom_id!r}; each needs one of its own.",
            custom_id=custom_id,
            rows=tuple(row for row, item in enumerate(listed) if item.custom_id == custom_id),
        )
    lines = [
        _line(row, item.custom_id, item.url, item.body, _encode(item.body, row)) for row, item in enumerate(listed)
    ]
    files = InputFileWriter(folder, "items", listed[0].url).write(lines)
    if len(files) > 1:
        folder.remove()
        raise RequestError("The items exceed what one batch may hold: submit them in several.")
    return files[0]


def preview(request: Request, rows: Iterable[NumberedRow], columns: tuple[str, ...]) -> Iterator[BatchItem]:
    """The items of a few rows, to look at."""
    bodies = compile_request(request, columns)
    for number, row in rows:
        body = _make(bodies, number, row)
        yield BatchItem(
            custom_id=_custom_id(request.id_column, number, row, encode_body(body)),
            url=request.endpoint,
            body=body,
        )


def _lines(job: Job, selection: Selection) -> Iterator[Line]:
    request = job.request
    columns = tuple(read_schema(job.files).names)
    bodies = compile_request(request, columns)
    ids = {request.id_column} if request.id_column is not None else set()
    wanted = None if bodies.columns is None else sorted(bodies.columns | ids)
    for number, row in _numbered_rows(job, selection, wanted):
        body = _make(bodies, number, row)
        encoded = _encode(body, number)
        custom_id = _custom_id(request.id_column, number, row, encoded)
        yield _line(number, custom_id, request.endpoint, body, encoded)


def _numbered_rows(job: Job, selection: Selection, columns: list[str] | None) -> Iterator[NumberedRow]:
    for numbers, batch in _numbered_batches(job, selection, columns):
        names = batch.schema.names
        if not names:
            yield from ((number, {}) for number in numbers.tolist())
            continue
        values = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        for number, row in zip(numbers.tolist(), values, strict=True):
            yield number, dict(zip(names, row, strict=True))


def _numbered_batches(
    job: Job, selection: Selection, columns: list[str] | None
) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
    if selection.round > 1:
        yield from read_selected_rows(job.files, selected_rows(job, selection), columns)
        return
    rows = job.rows()
    assert rows is not None, "rows are read before anything is built of them"
    first = rows.parts[selection.number].first_row
    for batch in read_rows(job.files, selection.number, columns):
        yield np.arange(first, first + batch.num_rows), batch
        first += batch.num_rows


def selected_rows(job: Job, selection: Selection) -> np.ndarray:
    """The row numbers of a later round's selection, ascending, as int64."""
    with job.round_folder(selection.round).open(f"{selection.name}.rows.parquet") as file:
        return np.asarray(pq.read_table(file)["row"].to_numpy(), dtype=np.int64)


def _make(bodies: Bodies, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    try:
        body = bodies.make(row)
    except RequestError as error:
        raise RequestError(f"Row {number + 1:,}: {error}", row=number, **error.details) from error
    model = body.get("model")
    if not (isinstance(model, str) and model):
        raise RequestError(f"Row {number + 1:,} names no model.", row=number, field="model")
    return body


def _encode(body: dict[str, Any], number: int) -> bytes:
    try:
        return encode_body(body)
    except TypeError as error:
        raise RequestError(f"Row {number + 1:,} cannot be sent as JSON: {error}.", row=number) from error


def _custom_id(id_column: str | None, number: int, row: Mapping[str, Any], body: bytes) -> str:
    """A row's custom_id: from its column, else from its position and what it sends."""
    if id_column is None:
        return f"row-{number + 1}-{blake2b(body, digest_size=4).hexdigest()}"
    return check_custom_id(row[id_column], number, id_column)


def _line(row: int, custom_id: str, endpoint: Endpoint, body: dict[str, Any], encoded: bytes) -> Line:
    return Line(
        row=row,
        custom_id=custom_id,
        model=str(body.get("model")),
        content=encode_line(custom_id, endpoint, encoded),
        inputs=embedding_inputs(body) if endpoint == Endpoint.EMBEDDINGS else 0,
    )
