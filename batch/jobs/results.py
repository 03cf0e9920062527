"""The results: the input's columns, then what became of each row, in input order."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import TableNotWritten
from ..files.pieces import is_piece
from ..files.unpaid import COPY, STORE, UNPAID
from ..heap import frozen_heap
from ..outcomes.by_row.latest_outcomes import latest_outcomes
from ..outcomes.by_row.reasons import most_first
from ..outcomes.by_row.without_lines import MISSING
from ..outcomes.costs import COST, bill_of, costs_of_rows, saved_by, sent_model
from ..outcomes.kept.vectors import fixed_size
from ..outcomes.open_outputs import OpenOutputs
from ..outcomes.outcome import Outcome, OutcomeKind
from ..outcomes.outcome_columns import FIELDS, outcome_schema
from ..outcomes.outcome_files import FetchedOutput, Tally
from ..outcomes.result_frames import CHOICES
from ..outcomes.token_counts import COUNTS, TokenCounts
from ..progress import reported
from ..requests.endpoints import Endpoint
from ..storage.records import listed_once
from ..tables.destinations import write_table
from ..tables.metadata.pandas_metadata import widened
from ..tables.parts import read_rows, read_schema
from ..tables.rehearsals import rehearse
from ..tables.row_groups import GROUP_ROWS
from .job import Job, Rows
from .only_new.window import window_of
from .report import REPORT, BatchSummary, JobReport, command_for
from .submissions import last_seen
from .unsent.outputs import all_outputs, fetched_outputs

RESULT_COLUMNS = (
    *("custom_id", "outcome", "answer", "finish_reason", "error_code", "error_message", "model"),
    *COUNTS,
    *("batch_id", "request_id"),
)
"""What is added to the input's columns."""

STORE_COLUMN = "from_store"
"""Whether a row's answer comes from the answer store; only of jobs that have one."""

COST_COLUMN = "cost_usd"
"""What a row's answers cost in US dollars, all of them where it was asked several times."""

CLASH_PREFIX = "openai_"
"""Put before a result column whose name the input has already."""

FIXED_SIZE_HOLDS_NULLS = int(pa.__version__.partition(".")[0]) >= 26
"""Whether a fixed-size list with a null in it comes through Parquet; before, vectors stay lists of any length."""

OWNER = b"prefect_openai_batch"
"""The name under which a Parquet table of results says in its metadata whose they are."""


def owner_of(job: Job) -> str:
    """What tells the results of a job from all others: its key, and a digest of what its first round asks.

    Rows count whether they are sent or not: of some the answer is in the answer store, or another row's.
    """
    built = [file for file in job.input_files_of(1) if not is_piece(file.name)]
    asked = [file.sha256 for file in [*built, *job.unsent()]]
    return f"{job.key} {sha256(' '.join(asked).encode()).hexdigest()}"


@frozen_heap()
@listed_once()
def write_job_results(job: Job, rows: Rows) -> JobReport:
    """Write the results of a job to its destination, and its report to its folder.

    Memory holds one row group of the rows and of their outcomes at a time, whatever the job's size.

    Raises:
        TableNotWritten: the table cannot be written; the message says how to have it elsewhere.
    """
    outputs = all_outputs(job)
    tally = Tally()
    answer_columns = _ResultColumns(job, rows, outputs, _dimensions(outputs))
    batches = reported("write", answer_columns.joined(tally), rows.rows)
    with _answers_kept(job):
        write_table(job.destination, answer_columns.schema, batches)
    report = _report(job, rows.rows, outputs, tally)
    job.files.write(REPORT, report)
    return report


def read_results(job: Job) -> pa.Table:
    """What became of each row of a job, in input order: the columns that its table adds to the rows.

    They come from the job folder, whatever has become of the table itself.

    Raises:
        SourceError: the rows of the job were not read.
    """
    rows, outputs = job.kept_rows("read_results"), all_outputs(job)
    columns = _ResultColumns(job, rows, outputs, _dimensions(outputs))
    starts = range(0, rows.rows, GROUP_ROWS)
    with OpenOutputs(outputs) as opened:
        told = (columns.outcomes(opened, first, min(first + GROUP_ROWS, rows.rows)) for first in starts)
        batches = [*map(columns.added, told)]
    return pa.Table.from_batches(batches, schema=pa.schema(columns.fields))


def told_results(job: Job, outputs: Sequence[FetchedOutput], outcomes: pa.Table) -> pa.Table:
    """The columns that a job's table adds to its rows, of outcomes of these outputs, with costs where asked."""
    columns = _ResultColumns(job, job.kept_rows("told_results"), [*outputs], _dimensions([*outputs]))
    batches = outcomes.combine_chunks().to_batches()
    return pa.Table.from_batches(map(columns.added, batches), schema=pa.schema(columns.fields))


@contextmanager
def _answers_kept(job: Job) -> Iterator[None]:
    """Let what fails in the block say that nothing is lost, and how the table is had elsewhere."""
    try:
        yield
    except Exception as error:  # the disk, the network, a value that no format holds: the answers are there
        raise TableNotWritten(
            f"The answers of the job {job.key!r} are there, but their table cannot be written to "
            f"{job.destination}: {error}. Start the job again when that is mended, or write it elsewhere: "
            f"{command_for('resume', job.folder, '--to other.parquet')}. Answers are not paid again.",
            job_key=job.key,
            path=job.destination,
        ) from error


REHEARSED_ROWS = 100


def rehearse_results(job: Job, rows: Rows) -> None:
    """Write the first rows as they will be written at the end, to their destination's place; nothing stays.

    Raises:
        DestinationError: the place cannot be written to, or its format cannot hold a column; the message names it.
    """
    for dimensions in (None, 1) if job.request.endpoint == Endpoint.EMBEDDINGS else (None,):
        rehearse(job.destination, *first_results(job, rows, dimensions))


def first_results(job: Job, rows: Rows, dimensions: int | None = None) -> tuple[pa.Schema, list[pa.RecordBatch]]:
    """The table's columns and its first rows as they will be, but for what OpenAI will say of them."""
    columns = _ResultColumns(job, rows, [], dimensions)
    first = next(columns.joined(Tally()), None)
    return columns.schema, [] if first is None else [first.slice(0, REHEARSED_ROWS)]


def result_fields(job: Job) -> list[pa.Field]:
    """The columns that a job's table adds to its rows, as they are called there, by their own names."""
    return _ResultColumns(job, job.kept_rows("result_fields"), [], None).fields


class _ResultColumns:
    """The columns that are added to the rows, and where their values come from.

    `dimensions` is the length that all embeddings share, if they do.
    """

    def __init__(self, job: Job, rows: Rows, outputs: list[FetchedOutput], dimensions: int | None) -> None:
        self.job = job
        self.parts = rows.parts
        self.outputs = outputs
        self.untold = untold(job)
        self.prices = job.terms.prices
        self.dimensions = dimensions
        self.input = read_schema(job.files)
        self.told = outcome_schema(job.request.endpoint, job.request.answer_type)
        asked = {COST_COLUMN: job.request.keep_cost, "response": job.request.keep_response}
        kept = (name for name, is_kept in asked.items() if is_kept)
        self.names = [*RESULT_COLUMNS, *([STORE_COLUMN] if job.answers else []), *kept]
        self.fields = [field for name in self.names for field in self._fields_of(name)]
        wide = widened(self.input, self.fields)
        self.schema = wide.with_metadata({**(wide.metadata or {}), OWNER: owner_of(job).encode()})

    def _fields_of(self, name: str) -> list[pa.Field]:
        """A column of outcomes as it is called in the table; behind the answer its own fields, if it is typed."""
        made = {COST_COLUMN: COST, STORE_COLUMN: pa.bool_()}
        field = self._field(pa.field(name, made[name]) if name in made else self.told.field(name))
        return [field, *self._typed()] if name == "answer" else [field]

    def _typed(self) -> list[pa.Field]:
        answer = self.job.request.answer_type
        if answer is None:
            return []
        taken = [*self.input.names, *RESULT_COLUMNS, *(result_name(name, self.input.names) for name in self.names)]
        told = [field.name for field in answer.columns]
        fields = []
        for field in answer.columns:
            name = result_name(field.name, [*taken, *(other for other in told if other != field.name)])
            words = answer.choices.get(field.name)
            named = field.with_name(name)
            fields.append(named.with_metadata({CHOICES: json.dumps(words)}) if words else named)
            taken.append(name)
        return fields

    def _field(self, field: pa.Field) -> pa.Field:
        name = result_name(field.name, self.input.names)
        if field.name == "answer" and self.dimensions:
            return pa.field(name, pa.list_(pa.float32(), self.dimensions))
        return field.with_name(name)

    def joined(self, tally: Tally) -> Iterator[pa.RecordBatch]:
        """The rows with their outcomes, a row group at a time; `tally` counts them as they pass."""
        first = 0
        groups = (rows for part in self.parts for rows in read_rows(self.job.files, part.number))
        with OpenOutputs(self.outputs) as opened:
            for rows in groups:
                outcomes = self.outcomes(opened, first, first + rows.num_rows)
                tally.add(outcomes)
                columns = [*rows.columns, *self.added(outcomes).columns]
                yield pa.RecordBatch.from_arrays(columns, schema=self.schema)
                first += rows.num_rows

    def added(self, outcomes: pa.RecordBatch) -> pa.RecordBatch:
        """The columns that outcomes add to their rows."""
        columns = [column for name in self.names for column in self._columns(outcomes, name)]
        return pa.RecordBatch.from_arrays(columns, schema=pa.schema(self.fields))

    def _columns(self, outcomes: pa.RecordBatch, name: str) -> list[pa.Array]:
        if name == STORE_COLUMN:
            return [pc.fill_null(pc.equal(outcomes["batch_id"], STORE), False)]
        column = outcomes[name]
        if name != "answer":
            return [column]
        if self.dimensions:
            return [fixed_size(column, self.dimensions)]
        return [column, *(outcomes[FIELDS].flatten() if FIELDS in outcomes.schema.names else ())]

    def outcomes(self, opened: OpenOutputs, first: int, end: int) -> pa.RecordBatch:
        """One outcome for each row, the latest; a row that no output tells of is missing."""
        told = opened.between(first, end)
        named = latest_outcomes(self.told, [table for _, table in told], first, end, self.untold)
        if COST_COLUMN not in self.names:
            return named
        sent = ((table, sent_model(output)) for output, table in told)
        costs = costs_of_rows(sent, first, end, self.prices)
        return named.append_column(COST_COLUMN, costs)


def result_name(name: str, input_columns: list[str]) -> str:
    """What a result column is called: prefixed for as long as the input has a column of that name."""
    while name in input_columns:
        name = CLASH_PREFIX + name
    return name


def untold(job: Job) -> Outcome:
    """What became of rows that no output tells of."""
    stop = job.stopped()
    return stop.outcome if stop else MISSING._replace(error_message="The row was in no batch that has ended.")


def _dimensions(outputs: list[FetchedOutput]) -> int | None:
    """The length that all embeddings share, if they do and the table can say so."""
    lengths = {output.dimensions for output in outputs if "succeeded" in output.outcomes}
    return lengths.pop() if len(lengths) == 1 and FIXED_SIZE_HOLDS_NULLS else None


def report_open_job(job: Job) -> JobReport:
    """How a job stands that is left with batches open: what has come back is counted at its end."""
    rows, files = job.rows(), job.input_files()
    report = _report(job, rows.rows if rows else 0, fetched_outputs(job), Tally())
    unsent = sum(last_seen(file) is None for file in files)
    return report.model_copy(update={"unsent_files": unsent, "finished_at": None})


def _report(job: Job, rows: int, outputs: list[FetchedOutput], tally: Tally) -> JobReport:
    sent = [output for output in outputs if output.batch.id not in UNPAID]
    saved = saved_by(outputs, job.terms.prices)
    return JobReport(
        job_key=job.key,
        rows=rows,
        answered=tally.answered,
        cut_off=tally.cut_off,
        outcomes=dict(sorted(tally.outcomes.items())),
        reasons=most_first(tally.reasons),
        resumable=bool(tally.again or tally.outcomes[OutcomeKind.CANCELLED]),
        rounds=max((file.round for file in job.input_files()), default=0),
        batches=tuple(
            BatchSummary(id=output.batch.id, status=output.batch.status, items=sum(output.outcomes.values()))
            for output in sent
        ),
        from_store=tally.unpaid[STORE],
        copies=tally.unpaid[COPY],
        saved_usd=saved.cost_usd if saved.models else None,
        tokens=sum((output.tokens for output in sent), start=TokenCounts()),
        bill=bill_of(sent, job.terms.prices),
        destination=job.destination if job.nothing_was_taken() else job.table,
        stopped=stop.message if (stop := job.stopped()) else None,
        open_batches=tuple(batch.id for batch in job.open_batches()),
        new_rows=window.told if (window := window_of(job)) else "",
        started_at=job.opened_at,
        finished_at=datetime.now(UTC),
    )
