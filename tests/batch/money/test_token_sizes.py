"""How many tokens items take, before they are sent."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch import ChatRequest
from prefect_openai_batch.batch.files.token_sizes import ItemTokens, TokenSums, item_tokens
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.emulator.answers.prompts import input_tokens

from ...conftest import ROOT
from ..conftest import MakeJob, built

CHAT, RESPONSES = Endpoint.CHAT_COMPLETIONS, Endpoint.RESPONSES


def chat(content: Any, **further: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": content}], **further}


def add(sums: TokenSums, body: dict[str, Any]) -> None:
    told = item_tokens(CHAT, body)
    sums.add([told.input], [told.output_limit])


@given(st.lists(st.text(max_size=200), min_size=1, max_size=4))
def test_the_most_that_items_take_is_more_than_a_server_counts(texts: list[str]) -> None:
    """For all texts, and for short ones too, around which more stands than in them."""
    bodies = [chat(text) for text in texts]
    sums = TokenSums("m")
    for body in bodies:
        add(sums, body)
    told = sums.summed()
    assert (told.by, told.output_limit) == ("bytes", None)
    assert told.most_input is not None
    assert told.most_input >= sum(map(input_tokens, bodies))
    assert told.most_in_one >= max(map(input_tokens, bodies))
    assert told.most_input >= sum(len(text.encode()) for text in texts), "a byte may be a token, and none is more"


@pytest.mark.parametrize(
    ("endpoint", "body", "limit"),
    [
        (CHAT, chat("x"), None),
        (CHAT, chat("x", max_completion_tokens=7), 7),
        (CHAT, chat("x", max_tokens=7, n=3), 21),
        (RESPONSES, {"model": "m", "input": "x", "max_output_tokens": 9}, 9),
        (Endpoint.COMPLETIONS, {"model": "m", "prompt": "x"}, 16),
        (Endpoint.COMPLETIONS, {"model": "m", "prompt": "x", "best_of": 4, "n": 2}, 64),
        (Endpoint.COMPLETIONS, {"model": "m", "prompt": ["x", "y"], "max_tokens": 7, "n": 2}, 28),
        (Endpoint.COMPLETIONS, {"model": "m", "prompt": [5, 6, 7], "max_tokens": 7}, 7),
        (Endpoint.EMBEDDINGS, {"model": "m", "input": "x"}, 0),
        (Endpoint.MODERATIONS, {"model": "m", "input": "x"}, 0),
        (Endpoint.IMAGE_GENERATIONS, {"model": "m", "prompt": "x"}, None),
    ],
    ids=[
        *("no limit", "of completions", "of each of several", "of responses", "legacy", "legacy best of several"),
        *("of several prompts", "of a prompt in tokens"),
        *("embeddings", "moderations", "images"),
    ],
)
def test_an_answer_takes_no_more_than_its_request_lets_it(
    endpoint: Endpoint, body: dict[str, Any], limit: int | None
) -> None:
    """By whatever name the limit goes; without one nobody can tell."""
    assert item_tokens(endpoint, body).output_limit == limit


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_image", "image_url": "https://x.example/a.png"},
        {"type": "input_audio", "input_audio": {}},
        {"type": "file", "file": {}},
        {"type": "input_file", "file_data": "x"},
        {"type": "input_file", "file_url": "https://x.example/a.pdf"},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "function_call_output", "output": [{"type": "input_image", "file_id": "file-1"}]},
        {"role": "assistant", "audio": {"id": "audio_1"}},
    ],
    ids=lambda part: "-".join(part),
)
def test_nobody_tells_what_is_no_text(part: dict[str, Any]) -> None:
    """Of such an item, and of all that travel with it."""
    sums = TokenSums("m")
    add(sums, chat("x"))
    add(sums, chat([{"type": "text", "text": "What is this?"}, part]))
    assert sums.summed().input is None


@pytest.mark.parametrize(
    ("endpoint", "further"),
    [
        (RESPONSES, {"previous_response_id": "resp_1"}),
        (RESPONSES, {"conversation": "conv_1"}),
        (RESPONSES, {"prompt": {"id": "pmpt_1"}}),
        (RESPONSES, {"tools": [{"type": "web_search"}]}),
        (RESPONSES, {"tools": [{"type": "function", "name": "f"}, {"type": "file_search"}]}),
        (CHAT, {"web_search_options": {"search_context_size": "low"}}),
    ],
    ids=[
        "an earlier response",
        "a conversation",
        "a kept prompt",
        "a search",
        "a search of files",
        "a search in chat",
    ],
)
def test_nobody_tells_what_is_read_elsewhere(endpoint: Endpoint, further: dict[str, Any]) -> None:
    """It is input all the same; functions stand in the body."""
    asked: dict[str, Any] = {"model": "m", "input": "x"} if endpoint == RESPONSES else chat("x")
    assert item_tokens(endpoint, {**asked, **further}).input is None
    assert item_tokens(endpoint, {**asked, "tools": [{"type": "function"}]}).input is not None


def test_parts_of_text_are_told() -> None:
    """However they are nested."""
    assert item_tokens(CHAT, chat([{"type": "text", "text": "x" * 400}])).input == pytest.approx(115, abs=15)
    conversation = [{"role": "user", "content": [{"type": "input_text", "text": "x" * 400}]}]
    assert item_tokens(RESPONSES, {"input": conversation}).input == pytest.approx(115, abs=20)
    assert item_tokens(Endpoint.EMBEDDINGS, {"input": [1, 2, 3]}) == ItemTokens(3, 0)


def test_an_input_file_knows_what_its_items_take(make_job: MakeJob) -> None:
    """And the longest of them."""
    request = ChatRequest(model="m", prompt="{{ text }}", parameters={"max_completion_tokens": 5})
    (file,) = built(make_job([{"text": "x" * 400}, {"text": "y"}], request))
    assert file.tokens.output_limit == 10
    assert file.tokens.input == pytest.approx(120, abs=20)
    assert file.tokens.largest_input == pytest.approx(110, abs=10)


COUNTED = """
import json, sys
from prefect_openai_batch import ChatRequest
from prefect_openai_batch.batch.files.template_lines import template_lines
from prefect_openai_batch.batch.files.token_sizes import TokenSums, item_tokens
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.tables.row_groups import RowGroup
message = {"role": "user", "content": "hello world"}
bodies = {
    "chat": (Endpoint.CHAT_COMPLETIONS, {"model": "gpt-5-mini", "messages": [message]}),
    "embedding": (Endpoint.EMBEDDINGS, {"model": "text-embedding-3-small", "input": "hello world"}),
    "long word": (Endpoint.EMBEDDINGS, {"model": "text-embedding-3-small", "input": "x" * 100_000}),
    "other": (Endpoint.EMBEDDINGS, {"model": "llama", "input": "hello world"}),
}
counted = {name: item_tokens(*item).input for name, item in bodies.items()}
request = ChatRequest(model="{{ model }}", system="You label.", prompt="{{ text | upper }}")
rows = RowGroup([0, 1, 2], {"model": ["gpt-5", "llama", "gpt-4"], "text": ["hello world", "hello", "2024"]})
compiled = request.compile(("model", "text"))
at_once = template_lines(request, compiled).lines(rows).input_tokens
one_by_one = [item_tokens(request.endpoint, compiled.make(row)).input for row in rows.rows]
print(json.dumps({**counted, "by": TokenSums("gpt-5").by, "alike": at_once == one_by_one}))
"""


def test_tokens_are_counted_where_the_extra_is_installed(tmp_path: Path) -> None:
    """Exactly, with what stands around a message, many at once too; a model of no known encoding by its bytes."""
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--disable-pip-version-check"]
    pinned = ["-c", str(ROOT / "constraints.txt"), "--target", str(tmp_path), "quicktok-v1"]
    subprocess.run([*install, *pinned], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-c", COUNTED], check=True, capture_output=True, text=True, env=environment
    ).stdout
    counted = {"chat": 2 + 4 + 3, "embedding": 2, "long word": 12_500, "other": 3, "by": "encoding", "alike": True}
    assert json.loads(told) == counted
