"""What a sample foretells of a table with several models."""

from decimal import Decimal

import numpy as np
from prefect_openai_batch.batch.prices import GivenPrice
from prefect_openai_batch.batch.trials.forecasts import Tried
from prefect_openai_batch.batch.trials.whole_table import WholeTable, whole_of

PRICES = (
    GivenPrice(model="dear", input=100, output=100),
    GivenPrice(model="cheap", input=1, output=1),
)


def whole(outputs: list[int], models: list[str], counts: dict[str, int]) -> WholeTable:
    """Of items of 100 bytes, which take 10 tokens each."""
    tried = Tried(np.full(len(models), 100), np.full(len(models), 10), np.array(outputs))
    told = whole_of(tried, models, [(name, items, 100 * items) for name, items in counts.items()], PRICES)
    assert told is not None
    return told


def test_each_model_is_foretold_by_its_own_rows() -> None:
    """A dear one that writes much is not priced at the mean of all."""
    told = whole([1_000, 1_000, 10, 10], ["dear", "dear", "cheap", "cheap"], {"dear": 10, "cheap": 100})
    assert (told.estimate.output_tokens, told.margin_usd) == (11_000, Decimal(0))
    assert told.estimate.batch_usd == Decimal("1.01") + Decimal("0.002")


def test_a_model_that_was_not_tried_takes_the_mean_of_all() -> None:
    """And it is named."""
    told = whole([100, 300], ["cheap", "cheap"], {"cheap": 10, "dear": 10})
    assert (told.estimate.output_tokens, told.untried) == (4_000, ("dear",))


def test_the_margin_is_two_standard_errors_of_the_mean() -> None:
    """Of 10,000 rows of which 4 were tried, whose answers lie 100 tokens off their mean."""
    told = whole([100, 300, 100, 300], ["cheap"] * 4, {"cheap": 10_000})
    assert told.margin_usd is not None
    assert abs(told.margin_usd - Decimal(2 * 10_000 * 115.47 / 2) / 1_000_000) < Decimal("0.001")


def test_a_table_that_was_tried_whole_leaves_no_doubt() -> None:
    """A single row of many leaves nothing known of it."""
    assert whole([100, 300], ["cheap"] * 2, {"cheap": 2}).margin_usd == 0
    assert whole([100], ["cheap"], {"cheap": 2}).margin_usd is None


def test_invalid_answers_may_be_asked_twice_more() -> None:
    """A third of the rows costs two thirds more at most."""
    told = whole([90], ["cheap"], {"cheap": 10_000})
    assert told.estimate.batch_usd == 1
    assert round(told.again_usd(1, 3) or 0, 6) == Decimal("0.666667")
