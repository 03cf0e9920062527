"""What answers cost: tokens from the usage that OpenAI reports, times prices, exact to the last digit."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import reduce
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..files.batches import SYNCHRONOUS
from ..files.output_files import BROKEN_LINE
from ..files.unpaid import UNPAID
from ..prices import MILLION, Given, Price, Processing, Rates, price_of
from ..storage.records import Record, remember, remembered
from .bill import PARTS, Bill, Costs, ModelBill
from .outcome import UNREADABLE, OutcomeKind
from .outcome_files import FetchedOutput, read_outcomes
from .token_counts import COUNTS, TokenCounts

SCALE = 12
"""Digits behind the point of a row's cost: a millionth of a dollar for a million tokens, times one token."""

MOST = 2**63 - 1
"""The largest integer of an array."""

COST = pa.decimal128(24, SCALE)
"""The type of a row's cost in US dollars."""

READ = ("outcome", "error_code", "model", *COUNTS, "batch_id")
"""The columns of outcomes that a bill is made of."""

PAID = pa.array([OutcomeKind.SUCCEEDED.value, OutcomeKind.INVALID.value, OutcomeKind.MISSING.value])
"""Outcomes that were paid for, or may have been, whether or not their usage was told: a lost line was run."""

PAID_UNREAD = pa.array([BROKEN_LINE, UNREADABLE])
"""The same of codes: what came cannot be read."""

Integers = np.ndarray


class _Billed(Record):
    """The bill of an output at some prices, which stays as it is."""

    output: FetchedOutput
    given: Given
    bill: Bill


def bill_of(outputs: Iterable[FetchedOutput], given: Given = ()) -> Bill:
    """The bill of what was fetched, at OpenAI's prices or given ones; memory takes one output's tokens."""
    return reduce(Bill.__add__, (_bill_once(output, given) for output in outputs), Bill())


def _bill_once(output: FetchedOutput, given: Given) -> Bill:
    """The bill of an output: a run that remembers settled records reads its outcomes for it once."""
    known = remembered(output.folder, _Billed)
    if known is None or (known.output, known.given) != (output, given):
        known = _Billed(output=output, given=given, bill=_bill(output, given))
        remember(output.folder, known)
    return known.bill


def saved_by(outputs: Iterable[FetchedOutput], given: Given = ()) -> Bill:
    """What the answers for which nothing was sent would have cost in batches."""
    unpaid = (output for output in outputs if output.batch.id in UNPAID)
    return reduce(Bill.__add__, (_bill(output, given, as_if_sent=True) for output in unpaid), Bill())


def _bill(output: FetchedOutput, given: Given, *, as_if_sent: bool = False) -> Bill:
    table = read_outcomes(output, READ)
    if as_if_sent:
        place = table.schema.get_field_index("batch_id")
        table = table.set_column(place, "batch_id", pa.nulls(table.num_rows, pa.string()))
    groups = _by_price(table, sent_model(output), given)
    return reduce(Bill.__add__, (Bill(models=(_model_bill(table, group),)) for group in groups), Bill())


def sent_model(output: FetchedOutput) -> str | None:
    """The model that an output's items were sent to, where that is known."""
    sent = output.batch.input_file
    return output.batch.model if sent is None else sent.model


def row_costs(outcomes: pa.Table, sent: str | None, given: Given) -> pa.Array:
    """US dollars for each outcome; null where nothing was paid, or what is not known."""
    units = _row_units(outcomes, sent, given)
    return _dollars(units.units, units.paid & units.known)


class _RowUnits(NamedTuple):
    """What each outcome cost, in units of 10^-12 US dollars; whether it was paid for, and that is known."""

    units: Integers
    paid: Integers
    known: Integers


def _row_units(outcomes: pa.Table, sent: str | None, given: Given) -> _RowUnits:
    units = np.zeros(outcomes.num_rows, dtype=np.int64)
    paid = np.zeros(outcomes.num_rows, dtype=bool)
    known = np.ones(outcomes.num_rows, dtype=bool)
    paid[_unpaid(outcomes)] = True  # nothing, which is known
    for group in _by_price(outcomes, sent, given):
        paid[group.rows] = True
        known[group.rows] = False
        if group.price is not None:
            counts = _counts(outcomes, group.rows)
            known[group.rows] = told = _priced(counts, group.price)
            units[group.rows] = np.where(told, sum(_parts(counts, group.price).values()), 0)
    return _RowUnits(units, paid, known)


def costs_of_rows(
    tables: Iterable[tuple[pa.Table, str | None]], first: int, end: int, given: Given = ()
) -> pa.Array:
    """US dollars for each row from `first` up to but not including `end`, all its answers together.

    It is null where nothing was paid, or where not all is known.

    Args:
        tables: Outcomes of these rows, several where rows went again, each with the model that was asked.
        first: The number of the first row.
        end: The number after the last row's.
        given: Prices that stand before OpenAI's.
    """
    units = np.zeros(end - first, dtype=np.int64)
    paid, known = np.zeros(end - first, dtype=bool), np.ones(end - first, dtype=bool)
    for outcomes, sent in tables:
        places = outcomes["row"].to_numpy() - first
        more = _row_units(outcomes, sent, given)
        units[places] += more.units
        paid[places] |= more.paid
        known[places] &= more.known
    return _dollars(units, paid & known)


class _Group(NamedTuple):
    """Outcomes of one price: their places in the table, and what is to be said of them."""

    model: str
    rows: Integers
    price: Price | None
    synchronous: Price | None


def _by_price(table: pa.Table, sent: str | None, given: Given) -> Iterator[_Group]:
    """The outcomes that were paid for, by model and by how they were answered."""
    unread = pc.fill_null(pc.is_in(table["error_code"], PAID_UNREAD), False)
    answered_now = pc.or_(pc.or_(pc.is_valid(table["input_tokens"]), pc.is_in(table["outcome"], PAID)), unread)
    paid = pc.and_(answered_now, pa.array(~_unpaid(table)))
    at_once = pc.fill_null(pc.equal(table["batch_id"], SYNCHRONOUS), False)
    models = table["model"]
    for answered in pc.unique(models).to_pylist():
        of_model = pc.is_null(models) if answered is None else pc.fill_null(pc.equal(models, answered), False)
        for how, chosen in (("batch", pc.invert(at_once)), ("synchronous", at_once)):
            rows = np.flatnonzero(pc.and_(paid, pc.and_(of_model, chosen)))
            if len(rows):
                names = [name for name in (answered, sent) if name] or ["unknown"]
                processing: Processing = "synchronous" if how == "synchronous" else "batch"
                yield _Group(
                    names[0],
                    rows,
                    price_of(names[0], processing, given, also_called=sent),
                    price_of(names[0], "synchronous", given, also_called=sent),
                )


def _unpaid(table: pa.Table) -> np.ndarray:
    """Which outcomes are those of nothing that was sent."""
    return np.asarray(pc.is_in(table["batch_id"], pa.array(UNPAID)).to_numpy())


Counts = dict[str, Integers]
"""Tokens of outcomes by the names of their columns; -1 where one is not told."""


def _counts(table: pa.Table, rows: Integers) -> Counts:
    return {name: pc.fill_null(table[name], -1).to_numpy()[rows] for name in COUNTS}


def _priced(counts: Counts, price: Price) -> Integers:
    """Of which outcomes both usage and price are known."""
    told = counts["input_tokens"] >= np.maximum(counts["cached_tokens"], 0) + np.maximum(
        counts["cache_write_tokens"], 0
    )
    told &= counts["input_tokens"] >= 0
    for rates, chosen in _tiers(counts, price):
        told &= ~chosen | (rates.input is not None)
        told &= ~chosen | _output_is_known(counts["output_tokens"], rates.output)
    return told


def _output_is_known(tokens: Integers, rate: Decimal | None) -> Integers:
    """Of which outcomes it is known what their output costs."""
    if rate is None:
        return np.asarray(tokens <= 0)
    return np.asarray(tokens >= 0) if rate else np.ones(len(tokens), dtype=bool)


def _parts(counts: Counts, price: Price) -> Counts:
    """What each outcome cost, by its parts, in units of 10^-12 US dollars; parts of no known price are 0."""
    told = {name: np.maximum(tokens, 0) for name, tokens in counts.items()}
    cached, written, reasoning = told["cached_tokens"], told["cache_write_tokens"], told["reasoning_tokens"]
    tokens = {
        "input_usd": ("input", np.maximum(told["input_tokens"] - cached - written, 0)),
        "cached_usd": ("cached", cached),
        "cache_write_usd": ("written", written),
        "output_usd": ("output", np.maximum(told["output_tokens"] - reasoning, 0)),
        "reasoning_usd": ("output", np.minimum(reasoning, told["output_tokens"])),
    }
    parts = {part: np.zeros(len(cached), dtype=np.int64) for part in PARTS}
    for rates, chosen in _tiers(counts, price):
        for part, (kind, count) in tokens.items():
            parts[part] = np.where(chosen, count * _units(getattr(rates, kind)), parts[part])
    return parts


def _tiers(counts: Counts, price: Price) -> Iterator[tuple[Rates, Integers]]:
    """The rates of each tier, and which outcomes are in it, or in a dearer one that comes later."""
    yield price.rates, np.ones(len(counts["input_tokens"]), dtype=bool)
    for start, rates in price.tiers:
        yield rates, counts["input_tokens"] > start


def _units(rate: Decimal | None) -> int:
    """US dollars for a million tokens as units of 10^-12 US dollars for one."""
    return 0 if rate is None else int((rate * MILLION).to_integral_value())


def _model_bill(table: pa.Table, group: _Group) -> ModelBill:
    counts = _counts(table, group.rows)
    sums = {name: int(np.maximum(tokens, 0).sum()) for name, tokens in counts.items()}
    costs, unpriced = Costs(), len(group.rows)
    if group.price is not None:
        told = _priced(counts, group.price)
        unpriced = int((~told).sum())
        costs = Costs(**{part: _sum(units[told]) for part, units in _parts(counts, group.price).items()})
    return ModelBill(
        model=group.model,
        items=len(group.rows),
        unpriced=unpriced,
        tokens=TokenCounts(**sums),
        costs=costs,
        synchronous_usd=_synchronous(counts, group.synchronous),
    )


def _synchronous(counts: Counts, price: Price | None) -> Decimal | None:
    if price is None or not _priced(counts, price).all():
        return None
    return sum((_sum(units) for units in _parts(counts, price).values()), start=Decimal(0))


def _sum(units: Integers) -> Decimal:
    overflows = int(units.max(initial=0)) * len(units) > MOST
    return Decimal(sum(units.tolist()) if overflows else int(units.sum())).scaleb(-SCALE)


def _dollars(units: Integers, known: Integers) -> pa.Array:
    """Units of 10^-12 US dollars as decimals; null where they are not known."""
    whole = pa.array(units, mask=~known).cast(pa.decimal128(19, 0))
    return pc.multiply(whole, pa.scalar(Decimal(1).scaleb(-SCALE), pa.decimal128(SCALE, SCALE))).cast(COST)
