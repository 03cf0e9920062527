"""Control: the bill, the clock, the state and the log, over HTTP and from Python."""

import hashlib
import json
from collections.abc import Callable
from decimal import Decimal

import orjson
import pytest
from prefect_openai_batch.emulator import Clock, LineFault, Timing

from ..support import Api, chat_item, chat_items, error_of, good, jsonl

Start = Callable[..., Api]


def test_a_bill_counts_what_ran_and_what_is_paid(api: Api) -> None:
    """Lines that failed ran, but are not billed; tokens are those of the batches' usage."""
    api.server.fail(LineFault(kind="error", pattern='"item-0"'))
    done = api.finish(chat_items(3))
    bill = api.server.bill()
    assert bill == {
        "executed": 3,
        "billed": 2,
        "synchronous": 0,
        "input_tokens": done["usage"]["input_tokens"],
        "output_tokens": done["usage"]["output_tokens"],
        "usd": bill["usd"],
        "unpriced": 0,
        "billed_more_than_once": [],
        "billed_both_ways": [],
    }
    assert good(api.http.get(f"{api.server.url}/emulator/bill")) == bill


def test_a_bill_names_each_item(api: Api) -> None:
    """One line for each, with the digest of its body as compact JSON with sorted keys."""
    items = chat_items(3)
    done = api.finish(items)
    text = api.http.get(f"{api.server.url}/emulator/bill", params={"items": 1}).text
    lines = sorted((json.loads(line) for line in text.splitlines()), key=lambda line: line["custom_id"])
    assert lines == sorted(api.server.billed_items(), key=lambda line: line["custom_id"])
    for item, line in zip(items, lines, strict=True):
        body = orjson.dumps(item["body"], option=orjson.OPT_SORT_KEYS)
        assert line == {
            "custom_id": item["custom_id"],
            "body_sha256": hashlib.sha256(body).hexdigest(),
            "batch_id": done["id"],
            "status_code": 200,
            "model": "gpt-4o-mini",
            "billed": True,
            "input_tokens": line["input_tokens"],
            "cached_tokens": 0,
            "cache_write_tokens": 0,
            "output_tokens": line["output_tokens"],
            "usd": line["usd"],
        }
        assert line["output_tokens"] > 0 < Decimal(line["usd"])


def test_a_bill_names_what_was_billed_twice(api: Api) -> None:
    """The same name and body in two batches; the same name with another body is another item."""
    first, second = api.finish(chat_items(2)), api.finish([chat_item(0, "What is 0 + 1?"), chat_item(1, "Else.")])
    (twice,) = api.server.bill()["billed_more_than_once"]
    assert twice["custom_id"] == "item-0"
    assert twice["batch_ids"] == [first["id"], second["id"]]


def test_the_state(api: Api) -> None:
    """Clock, batches and files."""
    done = api.finish(chat_items(1))
    state = good(api.http.get(f"{api.server.url}/emulator/state"))
    assert state == api.server.state()
    assert state["clock"] == {"now": api.server.clock.now(), "speed": 0}
    assert state["batches"] == [done]
    assert [file["id"] for file in state["files"]] == [done["output_file_id"], done["input_file_id"]]


def test_the_clock_by_http(api: Api) -> None:
    """It answers when everything due has happened."""
    batch = api.submit(chat_items(2))
    before = api.server.clock.now()
    assert good(api.http.post(f"{api.server.url}/emulator/clock", json={"advance": 60})) == {"now": before + 60}
    assert api.batch(batch["id"])["status"] == "completed"


@pytest.mark.parametrize("seconds", [-1, "soon", None, [], float("inf")])
def test_a_clock_moves_only_forward(api: Api, seconds: object) -> None:
    """400 otherwise."""
    content = json.dumps({"advance": seconds}).replace("Infinity", "1e999")
    url = f"{api.server.url}/emulator/clock"
    before = api.server.clock.now()
    error_of(api.http.post(url, content=content.encode()), 400)
    assert api.server.clock.now() == before


def test_the_log(api: Api) -> None:
    """Each call with its time, method, path, query and status."""
    api.http.get("/batches", params={"limit": 3})
    api.http.get("/files/file-none")
    text = api.http.get(f"{api.server.url}/emulator/log").text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["method"], line["path"], line["query"], line["status"]) for line in lines[:2]] == [
        ("GET", "/v1/batches", "limit=3", 200),
        ("GET", "/v1/files/file-none", "", 404),
    ]
    assert lines[:2] == api.server.requests()[:2]
    assert lines[0]["received_at"] <= lines[1]["received_at"]


def test_control_is_not_under_v1(api: Api) -> None:
    """Nothing of ours stands where OpenAI's routes are."""
    for name in ("bill", "clock", "state", "log", "faults"):
        assert api.http.get(f"/{name}").status_code == 404


def test_answers_hardly_take_the_clocks_time(start_server: Start) -> None:
    """On a true clock small batches end in about a second, without anybody moving it."""
    api = start_server(speed=1)
    batch = api.create(api.upload(jsonl(chat_items(20)))["id"])
    while (now := api.batch(batch["id"]))["status"] != "completed":
        pass
    assert now["completed_at"] - now["created_at"] <= 2


def test_a_true_clock_can_be_moved_too(start_server: Start) -> None:
    """Everything that was due by then has happened, each at its time."""
    api = start_server(speed=1, timing=Timing.real())
    batch = api.submit(chat_items(2))
    api.server.advance(1000)
    done = api.batch(batch["id"])
    assert (done["status"], done["completed_at"] - done["created_at"]) == ("completed", 192)


def test_clocks() -> None:
    """True, fast and by hand; never backwards."""
    by_hand = Clock(speed=0, start=10)
    assert (by_hand.now(), by_hand.advance(5), by_hand.now()) == (10, 15, 15)
    assert by_hand.true_seconds_until(20) is None
    by_hand.catch_up(12)
    assert by_hand.now() == 15
    by_hand.catch_up(20)
    assert by_hand.now() == 20
    fast = Clock(speed=3600, start=0)
    assert fast.true_seconds_until(fast.now() + 3600) == pytest.approx(1, abs=0.1)
    with pytest.raises(ValueError, match="forward"):
        by_hand.advance(-1)
    with pytest.raises(ValueError, match="speed"):
        Clock(speed=-1)
