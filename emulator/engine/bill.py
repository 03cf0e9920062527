"""What the server would charge: lines executed and lines billed, counted apart."""

from array import array
from collections.abc import Iterator
from typing import Any

import orjson

from .store import Store
from .validation import repeated


def totals(store: Store) -> dict[str, Any]:
    """Lines executed, lines billed (answered with 200 and with usage), tokens, and what was billed twice.

    Synchronous calls count as lines; `synchronous` says how many were billed, `billed_both_ways` which bodies were
    billed in a batch too.
    """
    with store.lock:
        done = [batch.progress for batch in store.batches.values()]
    asked = list(calls(store))
    billed_calls = [call for call in asked if call["billed"]]
    return {
        "executed": sum(progress.completed + progress.failed for progress in done) + len(asked),
        "billed": sum(progress.billed for progress in done) + len(billed_calls),
        "synchronous": len(billed_calls),
        "input_tokens": sum(one.input_tokens for one in done) + sum(call["input_tokens"] for call in asked),
        "output_tokens": sum(one.output_tokens for one in done) + sum(call["output_tokens"] for call in asked),
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


def item_lines(store: Store) -> Iterator[bytes]:
    """Every line executed, as JSONL: custom_id, body_sha256, batch_id, status_code, billed, and tokens."""
    yield from _batch_lines(store)
    yield from (orjson.dumps(call) + b"\n" for call in calls(store))


def _batch_lines(store: Store) -> Iterator[bytes]:
    with store.lock:
        accounts = [
            (store.batch_path(batch, "bill"), batch.progress.sizes.get("bill", 0))
            for batch in store.batches.values()
        ]
    for path, size in accounts:
        if size:
            with path.open("rb") as lines:
                while lines.tell() < size:
                    yield lines.readline()


def items(store: Store) -> Iterator[dict[str, Any]]:
    """Every line executed."""
    return map(orjson.loads, item_lines(store))


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
