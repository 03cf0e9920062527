"""A trial's report as a person reads it: texts and grids, which `terminal` and `markdown` each show their way."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from ...money.estimates import Estimate
from ...prices import dollars
from ...reports.grids import Asked, Block, Grid, brief, more
from ...words import counted
from ..candidate_answers import CandidateAnswers
from ..scores import Score, WrongRow
from ..trial_report import ModelTrial, TokenSpread, TrialReport
from ..whole_table import ASKED_AGAIN
from .answer_blocks import SHOWN, answers_grid, reasons

SHOWN_WRONG = 10
"""So many rows are shown whose answer is another than was expected."""

NOT_KNOWN = "not known"

BASIS = (
    "Foretold by the rows that were tried: input tokens by the bytes of all rows, output tokens by their mean; "
    "each row answered once, nothing cached."
)
"""What the estimate rests on."""

Line = tuple[str, Callable[[ModelTrial], str]]
"""What is told of each model, and how it is called."""


def blocks_of(report: TrialReport, answers: Sequence[CandidateAnswers], asked: Asked) -> Iterator[Block]:
    """The report from top to bottom."""
    yield f"{report.sampled:,} of {report.rows:,} rows tried, {_choice(report)}"
    yield answers_grid(answers, asked)
    yield from more(report.sampled, SHOWN)
    yield from reasons(answers)
    yield counts(report)
    yield "Tokens of one answer: median · 95th percentile · longest."
    yield from price_blocks(report)
    yield from _agreement(report)
    for model in report.models:
        for score in model.scores:
            yield from _wrong(model.model, score, _by_row(answers, asked), alone=len(report.models) == 1)


def counts(report: TrialReport) -> Grid:
    """How many rows were answered, how well, and in how many tokens."""
    return _side_by_side(report, _of_the_trial(report))


def price_blocks(report: TrialReport) -> Iterator[Block]:
    """What the whole table would cost, and what that rests on."""
    batches = counted(report.batches, "batch", "batches")
    yield f"The whole table, {report.rows:,} rows of {report.bytes:,} bytes in {batches}, would take about:"
    yield _side_by_side(report, _of_the_whole())
    yield " ".join([BASIS, *price_notes(report.models)])


def price_notes(models: Sequence[ModelTrial]) -> Iterator[str]:
    """What else a person has to know of the price."""
    if any(map(_margin, models)):
        yield "± are two standard errors."
    for model in models:
        whose = "" if len(models) == 1 else f" by {model.model}"
        if model.untried_models:
            yield f"No row that was tried tells of {', '.join(model.untried_models)}: priced by the tokens of all."
        if model.again_usd is not None:
            yield (
                f"{model.invalid / model.asked:.0%} of the answers{whose} were invalid: such rows are asked "
                f"again, up to {ASKED_AGAIN} times, "
                f"for up to {dollars(model.again_usd)} more."
            )


def share(part: int, whole: int) -> str:
    """A part of a whole, and its share."""
    return f"{part:,} of {whole:,} ({part / whole:.0%})" if whole else "0 of 0"


def _choice(report: TrialReport) -> str:
    if report.sampled == report.rows:
        return "which are all"
    return "the first of the table" if report.first else f"spread over the table (seed {report.seed})"


def _side_by_side(report: TrialReport, lines: Iterable[Line]) -> Grid:
    """The models side by side."""
    names = [model.model for model in report.models]
    rows = tuple((name, *(tell(model) for model in report.models)) for name, tell in lines)
    return Grid(("", *names), rows, frozenset(range(1, len(names) + 1)))


def _of_the_trial(report: TrialReport) -> Iterator[Line]:
    yield "answered", lambda model: share(model.answered, model.asked)
    yield "invalid", lambda model: _count(model.invalid, model.asked)
    yield "refused", lambda model: _count(model.refused, model.asked)
    yield "failed", lambda model: _count(model.failed, model.asked)
    yield "cut off", lambda model: _count(model.cut_off, model.asked)
    if any(model.filtered for model in report.models):
        yield "filtered", lambda model: _count(model.filtered, model.asked)
    for place, score in enumerate(report.models[0].scores):
        yield f"{score.field} right", _right(place)
    yield "input tokens", lambda model: _spread(model.input_tokens)
    yield "output tokens", lambda model: _spread(model.output_tokens)
    yield "cost", lambda model: _usd(model.trial_usd)


def _of_the_whole() -> Iterator[Line]:
    yield "input tokens", _whole(lambda whole: _tokens(whole.input_tokens))
    yield "output tokens", _whole(lambda whole: _tokens(whole.output_tokens))
    yield "in batches", _in_batches
    yield "synchronously", _whole(lambda whole: _usd(whole.synchronous_usd))


def _whole(tell: Callable[[Estimate], str]) -> Callable[[ModelTrial], str]:
    return lambda model: NOT_KNOWN if model.whole is None else tell(model.whole)


def _in_batches(model: ModelTrial) -> str:
    margin = _margin(model)
    price = _whole(lambda whole: _usd(whole.batch_usd))(model)
    return f"{price} ± {margin}" if margin else price


def _margin(model: ModelTrial) -> str:
    """As many digits as the price has; nothing where that leaves nothing of it."""
    if model.whole is None or model.whole.batch_usd is None or not model.margin_usd:
        return ""
    _, _, digits = dollars(model.whole.batch_usd).partition(".")
    said = f"{model.margin_usd:,.{len(digits)}f}"
    return said if said.strip("0.,") else ""


def _tokens(count: int | None) -> str:
    return NOT_KNOWN if count is None else f"{count:,}"


def _usd(amount: Decimal | None) -> str:
    return NOT_KNOWN if amount is None else dollars(amount)


def _count(count: int, whole: int) -> str:
    return share(count, whole) if count else "0"


def _right(place: int) -> Callable[[ModelTrial], str]:
    return lambda model: share(model.scores[place].right, model.scores[place].compared)


def _spread(tokens: TokenSpread | None) -> str:
    if tokens is None:
        return NOT_KNOWN
    return f"{tokens.median:,} · {tokens.percentile_95:,} · {tokens.longest:,}"


def _agreement(report: TrialReport) -> Iterator[Block]:
    if not report.agreements:
        return
    which = "both" if len(report.models) == 2 else f"all {len(report.models)}"
    yield f"Where {which} models answered, they say the same:"
    rows = tuple((one.field, share(one.agreed, one.compared)) for one in report.agreements)
    yield Grid(("field", "agree"), rows, frozenset({1}))


def _by_row(answers: Sequence[CandidateAnswers], asked: Asked) -> dict[int, str]:
    """What was asked, by the row's number as a person counts."""
    return {row + 1: told for row, told in zip(answers[0].column("row"), asked.texts, strict=True)}


def _wrong(model: str, score: Score, asked: Mapping[int, str], *, alone: bool) -> Iterator[Block]:
    whose = "" if alone else f" by {model}"
    those = f"{left_out(score)}{'. Not so:' if score.wrong else '.'}"
    yield f"{score.field} as in {score.column}{whose}: {share(score.right, score.compared)}{those}"
    if score.wrong:
        rows = tuple(
            (f"{one.row:,}", asked[one.row], one.custom_id, brief(one.expected), _given(one))
            for one in score.wrong[:SHOWN_WRONG]
        )
        yield Grid(("row", "asked", "custom_id", "expected", "given"), rows, frozenset({0}), asked=1)
        yield from more(len(score.wrong), SHOWN_WRONG)


def left_out(score: Score) -> str:
    """The rows whose column says nothing, and how many of them got a value."""
    if not score.left_out:
        return ""
    rows = "1 row has" if score.left_out == 1 else f"{score.left_out:,} rows have"
    told = f", of which {score.filled:,} got a value" if score.filled else ""
    return f"; {rows} no {score.column}{told}"


def _given(wrong: WrongRow) -> str:
    return "no answer" if wrong.given is None else brief(wrong.given)
