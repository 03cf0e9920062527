"""A table that is at a job's destination while the job's folder is lost: whether the job itself has written it.

Parquet bears the job's owner. Other tables, and those of older versions, are known by their custom_ids, in order,
and by their batches, all of which bear the job's key at OpenAI.
"""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import JobKeyError, SourceError
from ..files.batches import SYNCHRONOUS, Batch, BatchStatus
from ..files.identity import input_digest_of, input_name_of, round_of
from ..files.pieces import is_piece, whole_name, wholes_listed
from ..files.unpaid import UNPAID
from ..outcomes.outcome import OutcomeKind
from ..outcomes.token_counts import COUNTS, TokenCounts
from ..requests.custom_ids import id_hashes
from ..tables.any_source import opened
from ..tables.parts import read_schema
from ..tables.sources import FileSource, SourceReader, open_source
from ..tables.sql.sql_reading import Connect
from ..tables.table_formats import SUFFIXES, table_suffix
from .building import first_custom_id
from .job import Job
from .report import BatchSummary, JobReport
from .results import OWNER, STORE_COLUMN, owner_of, result_fields, result_name

TOLD = ("custom_id", "outcome", "answer", "batch_id", *COUNTS)
"""The result columns that say what became of a job."""


@dataclass
class Told:
    """What a table of results tells of the job that wrote it.

    Of its custom_ids there are hashes, 8 bytes a row; 0 where a row has none, for it was never sent.
    """

    owner: str | None = None
    rows: int = 0
    answered: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    tokens: TokenCounts = field(default_factory=TokenCounts)
    batch_ids: set[str] = field(default_factory=set)
    custom_ids: list[np.ndarray] = field(default_factory=list)

    def unread(self, batches: Iterable[Batch]) -> list[Batch]:
        """The batches with an output file of which this table holds no row."""
        return [batch for batch in batches if batch.output_file_id and batch.id not in self.batch_ids]

    def is_of(self, listed: Iterable[Batch]) -> bool:
        """Whether every batch that it names is one of these, and it names one."""
        return bool(self.batch_ids) and self.batch_ids <= {batch.id for batch in listed}

    def report(self, job_key: str, destination: str, batches: Sequence[Batch]) -> JobReport:
        """The report of the job, made of its table and of its batches as OpenAI lists them."""
        now = datetime.now(UTC)
        began = min((batch.created_at for batch in batches if batch.created_at is not None), default=None)
        return JobReport(
            job_key=job_key,
            rows=self.rows,
            answered=self.answered,
            outcomes=dict(sorted(self.outcomes.items())),
            rounds=max(map(round_of, batches), default=0),
            batches=tuple(
                BatchSummary(id=batch.id, status=batch.status, items=batch.request_counts.total)
                for batch in batches
            ),
            tokens=self.tokens,
            destination=destination,
            started_at=now if began is None else datetime.fromtimestamp(began, UTC),
            finished_at=now,
        )


def may_be_own(job: Job, connect: Connect | None = None) -> bool:
    """Whether the table at the destination may be of an earlier start of this job, as its beginning tells."""
    reader = _table_at(job.destination)
    if reader is None:
        return False
    owner = _owner(reader)
    if owner is not None:
        return owner.partition(" ")[0] == job.key
    return job.key_given and _begins_alike(job, reader, connect)


def _begins_alike(job: Job, reader: SourceReader, connect: Connect | None) -> bool:
    """Whether the first row bears the custom_id that it has in this job, which other requests seldom give it."""
    with opened(job.source, connect, rows=1) as source:
        columns = source.schema.names
    names = {name: result_name(name, columns) for name in TOLD}
    if not set(names.values()) <= set(reader.schema.names):
        return False
    try:
        with closing(iter(reader)) as batches:
            first = next(batches, None)
    except SourceError:
        return False
    if first is None:
        return False
    custom_id = first[names["custom_id"]][0].as_py()
    return not custom_id or bool(custom_id == first_custom_id(job, connect))


def read_own(job: Job, listed: Sequence[Batch]) -> Told | None:
    """What the table at the destination tells, where it is this job's own; its first round is built.

    Args:
        job: The job.
        listed: The batches that bear its key at OpenAI.
    """
    told = read_told(job.destination, read_schema(job.files).names)
    if told is None or foreign_batches(job, listed, rounds={1}):
        return None
    own = told.is_of(listed) if told.owner is None else told.owner == owner_of(job)
    return told if own and _same_ids(job, told) else None


def table_is_gone(job: Job) -> JobKeyError:
    """The end of a start of a job that is done, and of whose answers nothing is left here or at OpenAI."""
    return JobKeyError(
        f"The job {job.key!r} was done before, and its answers stood in its table alone ({job.table}), "
        "which is gone. Choose another job key to pay for the answers again.",
        job_key=job.key,
    )


def read_own_results(job: Job) -> pa.Table:
    """What became of each row of a job that was known by its table, whose answers stand there alone.

    Raises:
        SourceError: the table is gone, or lacks a column of them.
    """
    reader = open_source(FileSource(path=job.destination), partitions=False)
    fields = result_fields(job)
    null_is_empty = _is_csv(job.destination)
    there = {*reader.schema.names, result_name(STORE_COLUMN, read_schema(job.files).names)}
    if missing := [field.name for field in fields if field.name not in there]:
        raise SourceError(
            f"{job.destination} has no column {missing[0]!r}.", path=job.destination, column=missing[0]
        )
    batches = [
        pa.RecordBatch.from_arrays(
            [
                _as_written(batch[field.name], field.type, null_is_empty=null_is_empty)
                if field.name in batch.schema.names
                else pa.repeat(False, batch.num_rows)  # it was written before its team named an answer store
                for field in fields
            ],
            schema=pa.schema(fields),
        )
        for batch in reader
    ]
    return pa.Table.from_batches(batches, schema=pa.schema(fields))


def _as_written(column: pa.Array, type_: pa.DataType, *, null_is_empty: bool) -> pa.Array:
    """A column of a table of results, as it was before it became CSV or JSONL."""
    if null_is_empty:
        column = pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)
    as_text = pa.types.is_nested(type_) and pa.types.is_string(column.type)
    if not as_text and not pa.types.is_nested(getattr(type_, "value_type", type_)):
        return column.cast(type_)
    values = column.to_pylist()  # a cast would also read what stands where an object is null
    told = [None if text is None else orjson.loads(text) for text in values] if as_text else values
    return pa.array([_of_json(value, type_) for value in told], type_)


def _of_json(value: Any, type_: pa.DataType) -> Any:
    """A value of JSON as Arrow takes it for its type: it makes no date of a text."""
    if value is None:
        return None
    if pa.types.is_struct(type_):
        return {member.name: _of_json(value[member.name], member.type) for member in type_}
    if pa.types.is_list(type_) and not pa.types.is_floating(type_.value_type):  # those may be vectors
        return [_of_json(one, type_.value_type) for one in value]
    return date.fromisoformat(value) if pa.types.is_date(type_) and isinstance(value, str) else value


def read_told(path: str, input_columns: list[str]) -> Told | None:
    """What a table of results tells; None where there is no such table.

    Args:
        path: The table.
        input_columns: The columns that stand beside the results.
    """
    reader = _table_at(path)
    names = {name: result_name(name, input_columns) for name in TOLD}
    if reader is None or not set(names.values()) <= set(reader.schema.names):
        return None
    told = Told(owner=_owner(reader))
    try:
        for batch in reader:
            columns = {name: batch[column] for name, column in names.items()}
            _add(told, columns, null_is_empty=_is_csv(path))
    except SourceError:
        return None
    return told


def _is_csv(path: str) -> bool:
    return SUFFIXES.get(table_suffix(path)) == "csv"


def _add(told: Told, columns: dict[str, pa.Array], *, null_is_empty: bool) -> None:
    """Count some rows; CSV has an empty field for null."""
    answers = columns["answer"]
    there = pc.is_valid(answers)
    if null_is_empty:
        there = pc.and_(there, pc.not_equal(answers, ""))
    told.rows += len(answers)
    invalid = pc.equal(pc.cast(columns["outcome"], pa.string()), OutcomeKind.INVALID.value)
    told.answered += pc.sum(pc.and_not(there, invalid)).as_py() or 0
    told.outcomes.update(map(str, columns["outcome"].to_pylist()))
    told.batch_ids |= {str(one) for one in columns["batch_id"].unique().to_pylist() if one} - {
        SYNCHRONOUS,
        *UNPAID,
    }
    told.tokens += TokenCounts(**{name: sum(map(_count, columns[name].to_pylist())) for name in COUNTS})
    told.custom_ids.append(_hashes_or_0(columns["custom_id"]))


def _hashes_or_0(custom_ids: pa.Array) -> np.ndarray:
    """Hashes of custom_ids; 0 for a row that was never sent, which has none."""
    ids = [one or "" for one in custom_ids.to_pylist()]
    return np.where([bool(one) for one in ids], id_hashes([str(one) for one in ids]), np.uint64(0))


def _count(value: Any) -> int:
    """A count of tokens, as a number or as text; 0 where there is none."""
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else 0


def _same_ids(job: Job, told: Told) -> bool:
    """Whether the rows that were sent bear the custom_ids of the job's, in order."""
    rows = job.rows()
    if rows is None or rows.rows != told.rows:
        return False
    wanted = np.zeros(rows.rows, dtype=np.uint64)
    for file in [*job.input_files_of(1), *job.unsent()]:
        items = file.read_items()
        wanted[items["row"].to_numpy()] = id_hashes(items["custom_id"].to_pylist())
    found = np.concatenate([np.zeros(0, dtype=np.uint64), *told.custom_ids])
    return bool(np.all((found == wanted) | (found == 0)))


def foreign_batches(job: Job, listed: Sequence[Batch], rounds: Container[int]) -> list[Batch]:
    """Batches of this job's key that none of its input files made: another source or request has used the key.

    Pieces may be of a file whose own batch is listed, and was refused; they are not made again yet.

    Args:
        job: The job.
        listed: The batches that bear its key at OpenAI.
        rounds: The rounds of which the job's input files are built.
    """
    known = {file.sha256 for file in job.input_files()}
    wholes = wholes_listed(listed)
    return [
        batch
        for batch in listed
        if batch.status != BatchStatus.FAILED
        and round_of(batch) in rounds
        and (name := input_name_of(batch))
        and input_digest_of(batch) not in known
        and not (is_piece(name) and known & wholes.get((round_of(batch), whole_name(name)), set()))
    ]


def holds_results(path: str) -> bool:
    """Whether a table at a path has the columns of results, beside no others of their names."""
    reader = _table_at(path)
    return reader is not None and set(TOLD) <= set(reader.schema.names)


def _table_at(path: str) -> SourceReader | None:
    try:
        return open_source(FileSource(path=path), partitions=False)
    except SourceError:
        return None


def _owner(reader: SourceReader) -> str | None:
    owner = (reader.schema.metadata or {}).get(OWNER)
    return None if owner is None else owner.decode()
