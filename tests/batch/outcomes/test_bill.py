"""The bill, against the sum of what the library says for each line."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.files.batches import SYNCHRONOUS, Batch
from prefect_openai_batch.batch.files.output_files import BROKEN_LINE
from prefect_openai_batch.batch.outcomes.bill import Bill
from prefect_openai_batch.batch.outcomes.by_row.without_lines import MISSING
from prefect_openai_batch.batch.outcomes.costs import bill_of, costs_of_rows, row_costs
from prefect_openai_batch.batch.outcomes.outcome import UNREADABLE, Outcome, OutcomeKind
from prefect_openai_batch.batch.outcomes.outcome_files import FetchedOutput, read_outcomes, write_found
from prefect_openai_batch.batch.prices import GivenPrice
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.storage.folders import Folder

Fetch = Callable[..., FetchedOutput]

TOKENS = st.one_of(st.integers(0, 5_000), st.integers(271_999, 272_001), st.integers(300_000, 400_000))


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    """The usage of an answer, as the Responses API reports it."""
    sent, got = draw(TOKENS), draw(st.integers(0, 10_000))
    cached = draw(st.integers(0, sent))
    return {
        "model": draw(st.sampled_from(["gpt-5-mini-2025-08-07", "gpt-5.4", "gpt-6-astra"])),
        "input_tokens": sent,
        "cached_tokens": cached,
        "cache_write_tokens": draw(st.integers(0, sent - cached)),
        "output_tokens": got,
        "reasoning_tokens": draw(st.integers(0, got)),
    }


@pytest.fixture(scope="module")
def fetch(tmp_path_factory: pytest.TempPathFactory) -> Fetch:
    """An output of these outcomes, as a batch of this id gave it."""

    def write(outcomes: list[Outcome], batch_id: str = "batch_1", model: str | None = None) -> FetchedOutput:
        folder = Folder(str(tmp_path_factory.mktemp("output")))
        found = ((row, str(row), outcome) for row, outcome in enumerate(outcomes))
        return write_found(Batch(id=batch_id, model=model), Endpoint.RESPONSES, found, folder)

    return write


def answered(**told: Any) -> Outcome:
    return Outcome(OutcomeKind.SUCCEEDED, answer="x", **told)


def by_the_library(told: dict[str, Any], context: Any) -> Decimal:
    usage = Usage(
        input_tokens=told["input_tokens"],
        cache_read_tokens=told["cached_tokens"],
        cache_write_tokens=told["cache_write_tokens"],
        output_tokens=told["output_tokens"],
    )
    return calc_price(usage, told["model"], provider_id="openai", price_context=context).total_price


@given(st.lists(answers(), min_size=1, max_size=20), st.sampled_from(["batch_1", SYNCHRONOUS]))
def test_the_bill_is_the_sum_of_its_lines(fetch: Fetch, told: list[dict[str, Any]], batch_id: str) -> None:
    """To the last digit, in all and by row, and beside it what synchronous calls would have cost."""
    context = None if batch_id == SYNCHRONOUS else {"processing": "batch"}
    lines = [by_the_library(one, context) for one in told]
    output = fetch([answered(**one) for one in told], batch_id)
    bill = bill_of([output])
    assert (bill.cost_usd, bill.known_usd, bill.unpriced) == (sum(lines), sum(lines), 0)
    assert bill.synchronous_usd == sum(by_the_library(one, None) for one in told)
    assert row_costs(read_outcomes(output), None, ()).to_pylist() == lines


def test_parts_of_input_and_output_stand_apart(fetch: Fetch) -> None:
    """Cached tokens are among the input, reasoning among the output."""
    million = {"input_tokens": 2_000_000, "cached_tokens": 1_000_000, "output_tokens": 1_000_000}
    (model,) = bill_of([fetch([answered(model="gpt-5", reasoning_tokens=800_000, **million)])]).models
    parts = (model.costs.input_usd, model.costs.cached_usd, model.costs.output_usd, model.costs.reasoning_usd)
    assert [str(part.normalize()) for part in parts] == ["0.625", "0.0625", "1", "4"]


def test_what_is_not_known_is_neither_nothing_nor_guessed(fetch: Fetch) -> None:
    """An unknown model, and an answer whose usage is not told; what is known is summed all the same."""
    outcomes = [
        answered(model="llama", input_tokens=5, output_tokens=5),
        answered(model="gpt-5", input_tokens=1_000_000, output_tokens=0),
        answered(model="gpt-5"),
        answered(model="gpt-5", input_tokens=1_000_000),
        Outcome(OutcomeKind.FAILED, error_code="400"),
    ]
    output = fetch(outcomes)
    bill = bill_of([output])
    assert (bill.cost_usd, bill.synchronous_usd, bill.unpriced) == (None, None, 3)
    assert bill.known_usd == Decimal("0.625")
    costs = row_costs(read_outcomes(output), None, ()).to_pylist()
    assert costs == [None, Decimal("0.625"), None, None, None]


def test_the_model_that_was_asked_prices_an_answer_that_names_none_known(fetch: Fetch) -> None:
    """As behind a gateway, or of Azure's deployments."""
    output = fetch([answered(model="my-deployment", input_tokens=1_000_000, output_tokens=0)], model="gpt-5")
    assert bill_of([output]).cost_usd == Decimal("0.625")


def test_given_prices_count_before_the_library_s(fetch: Fetch) -> None:
    """For the model that is named, or for all."""
    told = {"input_tokens": 1_000_000, "output_tokens": 1_000_000}
    output = fetch([answered(model="gpt-5", **told), answered(model="llama", **told)])
    bill = bill_of([output], (GivenPrice(model="llama", input=1, output=2),))
    assert {model.model: model.cost_usd for model in bill.models} == {"gpt-5": Decimal("5.625"), "llama": 3}


def test_a_given_price_by_the_asked_name_holds_for_its_snapshot(fetch: Fetch) -> None:
    """As a contract names the model that is asked, and answers bear their snapshot's name."""
    told = answered(model="gpt-5-mini-2025-08-07", input_tokens=1_000_000, output_tokens=0)
    output = fetch([told], model="gpt-5-mini")
    for given_price in (GivenPrice(model="gpt-5-mini", input=9), GivenPrice(input=9)):
        assert bill_of([output], (given_price,)).cost_usd == 9


def test_a_line_that_is_lost_may_have_been_paid(fetch: Fetch) -> None:
    """So is one that cannot be read; a bad request, an expired and a cancelled one were not."""
    lost = (
        MISSING,
        Outcome(OutcomeKind.FAILED, error_code=UNREADABLE),
        Outcome(OutcomeKind.FAILED, error_code=BROKEN_LINE),
    )
    unpaid = (
        Outcome(OutcomeKind.FAILED, error_code="400"),
        Outcome(OutcomeKind.EXPIRED),
        Outcome(OutcomeKind.CANCELLED),
    )
    assert bill_of([fetch([*lost, *unpaid], model="gpt-5")]).unpriced == 3


def test_a_rows_cost_is_known_where_all_its_answers_are(fetch: Fetch) -> None:
    """Each of them was paid; a round in which it only failed adds nothing."""
    told = answered(model="gpt-5", input_tokens=1_000_000, output_tokens=0)
    failed, untold = Outcome(OutcomeKind.FAILED, error_code="500"), Outcome(OutcomeKind.INVALID, model="gpt-5")
    rounds = (fetch([told, failed, untold]), fetch([told, told, told]))
    tables = [(read_outcomes(one), None) for one in rounds]
    assert costs_of_rows(tables, 0, 3).to_pylist() == [Decimal("1.25"), Decimal("0.625"), None]


def test_a_dear_bill_is_no_less_than_it_is(fetch: Fetch) -> None:
    """Of any size, and never below 0."""
    told = answered(model="x", input_tokens=900_000_000, output_tokens=900_000_000)
    price = GivenPrice(input=10_000, output=10_000)
    assert bill_of([fetch([told] * 10)], (price,)).cost_usd == 10 * 2 * 9_000_000


def test_a_bill_is_kept_and_read_again_as_it_was(fetch: Fetch) -> None:
    """Its sums are in its JSON too, exact."""
    bill = bill_of([fetch([answered(model="gpt-5", input_tokens=3, output_tokens=1)])])
    assert Bill.model_validate_json(bill.model_dump_json()) == bill
    assert '"cost_usd":"0.000006875000"' in bill.model_dump_json()
    assert '"reasoning_usd":"0' in bill.model_dump_json()
    assert "E-" not in bill.model_dump_json()
