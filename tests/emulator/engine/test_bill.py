"""What was billed, in dollars: each line at its own price, and the sum of them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from prefect_openai_batch.emulator import Reply
from prefect_openai_batch.emulator.answers.exchange import Usage
from prefect_openai_batch.emulator.engine.prices import usd

from ..support import Api, chat_item, good

Start = Callable[..., Api]
USED = Usage(1_000, 500, cached=300, reasoning=400, cache_write=100)
BODY = {
    "usage": {
        "prompt_tokens": USED.input,
        "prompt_tokens_details": {"cached_tokens": USED.cached, "cache_write_tokens": USED.cache_write},
        "completion_tokens": USED.output,
        "completion_tokens_details": {"reasoning_tokens": USED.reasoning},
    }
}


def answer(body: dict[str, Any]) -> Reply:
    return Reply("", status=400) if "bad" in str(body) else Reply(body=BODY)


@pytest.fixture
def billed(start_server: Start) -> Api:
    """Two lines and a failed one in a batch, and a call at once; the same of a model without a batch price."""
    api = start_server(answer=answer)
    for model in ("gpt-6-sol", "gpt-3.5-turbo-16k"):
        items = [chat_item(number, text, model=model) for number, text in enumerate(("good", "bad", "better"))]
        api.finish(items)
        good(api.http.post("/chat/completions", json=items[0]["body"]))
    return api


def price(model: str, *, batch: bool) -> str:
    found = usd(model, USED, batch=batch)
    assert found is not None
    return f"{found.normalize():f}"


def test_each_line_has_its_price(billed: Api) -> None:
    """A batch's or a synchronous call's; nothing where it failed, null where it is not known."""
    items = billed.server.billed_items()
    found = {(item["model"], "at once" if item["batch_id"] is None else "batch", item["usd"]) for item in items}
    assert found == {
        ("gpt-6-sol", "batch", price("gpt-6-sol", batch=True)),
        ("gpt-6-sol", "batch", "0"),
        ("gpt-6-sol", "at once", price("gpt-6-sol", batch=False)),
        ("gpt-3.5-turbo-16k", "batch", None),
        ("gpt-3.5-turbo-16k", "batch", "0"),
        ("gpt-3.5-turbo-16k", "at once", price("gpt-3.5-turbo-16k", batch=False)),
    }


def test_the_total_is_the_sum_of_the_lines(billed: Api) -> None:
    """To the last digit, without what has no known price, which is counted."""
    lines, bill = billed.server.billed_items(), billed.server.bill()
    prices = [Decimal(line["usd"]) for line in lines if line["usd"] is not None]
    assert Decimal(bill["usd"]) == sum(prices) > 0
    assert bill["unpriced"] == len(lines) - len(prices) == 2
