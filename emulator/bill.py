"""What the server would charge: lines executed and lines billed, counted apart."""

from array import array
from collections.abc import Iterator
from typing import Any

import orjson

from .hashes import repeated
from .store import Store


def totals(store: Store) -> dict[str, Any]:
    """Lines executed, lines billed (answered with 200 and with usage), tokens, and what was billed twice."""
    with store.lock:
        done = [batch.progress for batch in store.batches.values()]
    return {
        "executed": sum(progress.completed + progress.failed for progress in done),
        "billed": sum(progress.billed for progress in done),
        "input_tokens": sum(progress.input_tokens for progress in done),
        "output_tokens": sum(progress.output_tokens for progress in done),
        "billed_more_than_once": billed_more_than_once(store),
    }


def item_lines(store: Store) -> Iterator[bytes]:
    """Every line executed, as JSONL: custom_id, body_sha256, batch_id, status_code, billed, and tokens."""
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


def billed_more_than_once(store: Store) -> list[dict[str, Any]]:
    """Items, told apart by custom_id and body, that were billed more than once, with their batches."""
    hashes = array("q")
    for item in items(store):
        if item["billed"]:
            hashes.append(hash((item["custom_id"], item["body_sha256"])))
    suspects = repeated(hashes)
    if not suspects:
        return []
    found: dict[tuple[str, str], list[str]] = {}
    for item in items(store):
        identity = (item["custom_id"], item["body_sha256"])
        if item["billed"] and hash(identity) in suspects:
            found.setdefault(identity, []).append(item["batch_id"])
    return [
        {"custom_id": custom_id, "body_sha256": digest, "batch_ids": batches}
        for (custom_id, digest), batches in found.items()
        if len(batches) > 1
    ]
