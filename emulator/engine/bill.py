"""What the server would charge: lines executed and lines billed, counted apart, and their price in dollars."""

from array import array
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

import orjson

from ..answers.exchange import Usage
from .prices import usd
from .store import Store
from .validation import repeated


def totals(store: Store) -> dict[str, Any]:
    """Lines executed, lines billed (answered with 200 and with usage), tokens, dollars, and what was billed twice.

    `usd` is a decimal as text, exact, without the lines that were billed and whose price is not known: `unpriced`
    counts those. Synchronous calls count as lines; `synchronous` says how many were billed, `billed_both_ways`
    which bodies were billed in a batch too.
    """
    with store.lock:
        done = [batch.progress for batch in store.batches.values()]
    asked = list(calls(store))
    billed_calls = [call for call in asked if call["billed"]]
    dollars, unpriced = _cost(_all_lines(store))
    return {
        "executed": sum(progress.completed + progress.failed for progress in done) + len(asked),
        "billed": sum(progress.billed for progress in done) + len(billed_calls),
        "synchronous": len(billed_calls),
        "input_tokens": sum(one.input_tokens for one in done) + sum(call["input_tokens"] for call in asked),
        "output_tokens": sum(one.output_tokens for one in done) + sum(call["output_tokens"] for call in asked),
        "usd": _text(dollars),
        "unpriced": unpriced,
        "billed_more_than_once": billed_more_than_once(store),
        "billed_both_ways": _billed_both_ways(store, {call["body_sha256"] for call in billed_calls}),
    }


def calls(store: Store) -> Iterator[dict[str, Any]]:
    """Every synchronous call, in the form of a line; custom_id and batch_id are null."""
    with store.lock:
        lines = store.calls_path.read_bytes().splitlines() if store.calls_path.exists() else []
    return map(orjson.loads, lines)


def _billed_both_ways(store: Store, bodies: set[str]) -> list[str]:
    if not bodies:
        return []
    in_batches = {item["body_sha256"] for item in _lines_of_batches(store) if item["billed"]}
    return sorted(bodies & in_batches)


def _cost(lines: Iterable[dict[str, Any]]) -> tuple[Decimal, int]:
    """The dollars of what was billed at a known price, and how much was billed at none."""
    dollars, unpriced = Decimal(), 0
    for line in lines:
        if (price := _usd(line)) is None:
            unpriced += 1
        else:
            dollars += price
    return dollars, unpriced


def _usd(line: dict[str, Any]) -> Decimal | None:
    """What a line costs: nothing where it is not billed, None where its price is not known."""
    if not line["billed"]:
        return Decimal()
    usage = Usage(
        line["input_tokens"],
        line["output_tokens"],
        line["cached_tokens"],
        cache_write=line["cache_write_tokens"],
    )
    return usd(line["model"], usage, batch=line["batch_id"] is not None)


def _text(dollars: Decimal) -> str:
    """Dollars without an exponent, and without zeros that say nothing."""
    return f"{dollars.normalize():f}"


def item_lines(store: Store) -> Iterator[bytes]:
    """Every line executed, as JSONL; see `items`."""
    return (orjson.dumps(item) + b"\n" for item in items(store))


def _batch_lines(store: Store) -> Iterator[bytes]:
    with store.lock:
        accounts = [(store.batch_path(batch, "bill"), batch.progress.position) for batch in store.batches.values()]
    for path, executed in accounts:
        if executed:
            with path.open("rb") as lines:  # what stands beyond is a torn write
                yield from islice(lines, executed)


def items(store: Store) -> Iterator[dict[str, Any]]:
    """Every line executed: custom_id, body_sha256, batch_id, status_code, model, billed, tokens, and usd.

    `usd` is a decimal as text, exact: "0" where nothing was billed, null where the price is not known.
    """
    for line in _all_lines(store):
        dollars = _usd(line)
        yield line | {"usd": None if dollars is None else _text(dollars)}


def _all_lines(store: Store) -> Iterator[dict[str, Any]]:
    yield from _lines_of_batches(store)
    yield from calls(store)


def _lines_of_batches(store: Store) -> Iterator[dict[str, Any]]:
    return map(orjson.loads, _batch_lines(store))


def billed_more_than_once(store: Store) -> list[dict[str, Any]]:
    """Items, told apart by custom_id and body, that were billed more than once, with their batches."""
    hashes = array("q")
    for item in _lines_of_batches(store):
        if item["billed"]:
            hashes.append(hash((item["custom_id"], item["body_sha256"])))
    suspects = repeated(hashes)
    if not suspects:
        return []
    found: dict[tuple[str, str], list[str]] = {}
    for item in _lines_of_batches(store):
        identity = (item["custom_id"], item["body_sha256"])
        if item["billed"] and hash(identity) in suspects:
            found.setdefault(identity, []).append(item["batch_id"])
    return [
        {"custom_id": custom_id, "body_sha256": digest, "batch_ids": batches}
        for (custom_id, digest), batches in found.items()
        if len(batches) > 1
    ]
