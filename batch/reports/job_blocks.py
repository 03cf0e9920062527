"""The report of a job from top to bottom."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from ..jobs.job import Job
from ..jobs.report import JobReport
from ..outcomes.bill import IN_WORDS, PARTS, Bill, ModelBill
from ..outcomes.by_row.reasons import advice, in_words
from ..outcomes.outcome_files import FetchedOutput
from ..prices import dollars
from ..urls import link_to, without_secrets
from ..words import counted, duration, percent, short
from .batch_blocks import batch_blocks, batches_in_words
from .blocks import Figure, Figures, Heading, ReportBlock
from .first_rows import first_rows
from .found.findings import Findings
from .grids import Grid, brief, more
from .spread_blocks import answer_charts, token_charts

LISTED = 20
"""So many rows without an answer stand in the report itself."""

MODELS = 20
"""So many models stand in the bill."""


def job_blocks(
    job: Job, report: JobReport, findings: Findings, outputs: Sequence[FetchedOutput], *, at_openai: bool
) -> Iterator[ReportBlock]:
    """The report: what came of the rows and what it cost first, single rows last.

    Args:
        job: The job.
        report: How it ended.
        findings: What its outcomes say.
        outputs: What was fetched.
        at_openai: Whether its batches are OpenAI's own, which has a page of each.
    """
    yield _figures(report, outputs)
    if report.unsent:
        yield f"Not sent: {report.unsent}."
    if report.cut:
        yield f"{report.cut}."
    yield from _missing(report)
    charts = [*answer_charts(findings.answers)]
    if charts:
        yield Heading("Answers")
        yield from charts
    if (grid := first_rows(job)) is not None:
        yield Heading("First rows")
        yield grid
    if outputs:
        yield Heading("Batches")
        yield from batch_blocks(outputs, at_openai=at_openai)
    yield from _money(report.bill)
    yield from token_charts(findings.tokens)
    yield from _unanswered(findings)
    yield Heading("Where it lies")
    places = (("table", report.destination), ("job folder", job.folder), ("source", job.source.name))
    rows = tuple((name, brief(without_secrets(place))) for name, place in places)
    yield Grid(("", ""), rows, links=tuple(link_to(place) for _, place in places))


def _figures(report: JobReport, outputs: Sequence[FetchedOutput]) -> Figures:
    ended = report.finished_at or report.started_at
    took = duration((ended - report.started_at).total_seconds())
    tokens = report.tokens
    rows = f"{report.answered:,} of {counted(report.rows, 'row')}"
    return Figures(
        (
            Figure("answered", percent(report.answered, report.rows), rows),
            *_cost(report.bill),
            Figure("took", took, batches_in_words(outputs, report.rounds)),
            Figure("tokens", short(tokens.input_tokens + tokens.output_tokens), _in_and_out(report)),
        )
    )


def _in_and_out(report: JobReport) -> str:
    return f"{short(report.tokens.input_tokens)} in, {short(report.tokens.output_tokens)} out"


def _cost(bill: Bill | None) -> Iterator[Figure]:
    if bill is None or not bill.models:
        return
    if bill.cost_usd is None or bill.unpriced:
        yield Figure(
            "cost", dollars(bill.known_usd) if bill.known_usd else "not known", f"{bill.unpriced:,} unpriced"
        )
        return
    saved = None if bill.synchronous_usd is None else bill.synchronous_usd - bill.cost_usd
    note = f"{dollars(saved)} saved by batches" if saved is not None and saved > 0 else "in all"
    yield Figure("cost", dollars(bill.cost_usd), note)


def _missing(report: JobReport) -> Iterator[ReportBlock]:
    if not report.missing:
        return
    yield Heading("What is missing")
    if report.stopped:
        yield report.stopped
    rows = tuple(
        (f"{count:,}", brief(in_words(reason)), advice(reason) or "")
        for reason, count in report.known_reasons.items()
    )
    yield Grid(("rows", "why", "what helps"), rows[:LISTED], frozenset({0}))
    yield from more(len(rows), LISTED)


def _money(bill: Bill | None) -> Iterator[ReportBlock]:
    if bill is None or not bill.models:
        return
    yield Heading("Cost and tokens")
    parts = [part for part in PARTS if any(getattr(model.costs, part) for model in bill.models)]
    headers = ("model", "answers", *(IN_WORDS[part] for part in parts), "in all", "synchronously")
    rows = tuple(_model_row(model, parts) for model in bill.models[:MODELS])
    yield Grid(headers, rows, frozenset(range(1, len(headers))))
    yield from more(len(bill.models), MODELS)


def _model_row(model: ModelBill, parts: Sequence[str]) -> tuple[str, ...]:
    known = model.unpriced < model.items
    costs = [dollars(getattr(model.costs, part)) if known else "" for part in parts]
    whole = dollars(model.costs.total) if known else "not known"
    return brief(model.model), f"{model.items:,}", *costs, whole, _or_not_known(model.synchronous_usd)


def _or_not_known(amount: Decimal | None) -> str:
    return "not known" if amount is None else dollars(amount)


def _unanswered(findings: Findings) -> Iterator[ReportBlock]:
    if not findings.unanswered:
        return
    yield Heading("Rows without an answer")
    rows = tuple(
        (f"{one.row:,}", brief(one.custom_id), brief(one.why), one.message) for one in findings.unanswered[:LISTED]
    )
    yield Grid(("row", "custom_id", "why", "in OpenAI's words"), rows, frozenset({0}))
    yield from more(findings.without_answer, LISTED)
