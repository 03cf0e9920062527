"""Answers: from rules, an echo, a table, a function, and in the shape of every endpoint."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefect_openai_batch.emulator import Reply, ToolCall
from prefect_openai_batch.emulator.answers.rules import answer, sentiment

from .support import CHAT, Api, Item, chat_item, endpoint_item

Start = Callable[..., Api]


def content(body: Item) -> Any:
    """The text of a chat completion."""
    return body["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Is this review positive, negative or mixed?\n\nGreat kettle, I love it.", "positive"),
        ("Is this review positive, negative or mixed?\n\nIt broke after a day, red or blue.", "negative"),
        ("Is this review positive, negative or mixed?\n\nIt is a kettle.", "mixed"),
        ("Classify as one of: billing, shipping, other. Text: where is the shipping notice?", "shipping"),
        ("Answer with (yes/no). Text: I would recommend it, it works.", "yes"),
        ("What is the sentiment of this comment: not good at all, I hate it", "negative"),
        ("Rate the mood from 1 to 5. Review: excellent, superb, I love it", "5"),
        ("Rate the mood from 1 to 5. Review: awful, terrible, useless", "1"),
        ("What is 6 x 7?", "42"),
        ("What is 6 - 7?", "-1"),
        ("Find the email address. Text: write to ann@example.org today", "ann@example.org"),
        ("Summarize this.\n\nThe cat sat down. Then it slept all day.", "The cat sat down."),
        ("Hello.", "Hello to you too."),
        ("", "There is nothing to answer."),
    ],
    ids=[
        "positive",
        "negative",
        "mixed",
        "one of",
        "yes or no",
        "sentiment",
        "rate high",
        "rate low",
        "times",
        "minus",
        "email",
        "summary",
        "greeting",
        "nothing",
    ],
)
def test_rules(prompt: str, expected: str) -> None:
    """The rule-based answerer says something that fits."""
    assert answer(prompt) == expected


def test_labels_may_stand_in_the_instructions() -> None:
    """A system message that offers labels, and a user's text."""
    assert answer("I hate it.", "Answer with one of: good, bad.") == "bad"


@settings(max_examples=50, deadline=None)
@given(st.text(), st.text())
def test_rules_always_answer_and_always_the_same(prompt: str, instructions: str) -> None:
    """Whatever is asked, there is one answer."""
    assert answer(prompt, instructions) == answer(prompt, instructions) != ""


@given(st.text())
def test_denial_turns_praise_around(text: str) -> None:
    """`not good` is worse than `good`, in any surroundings."""
    assert sentiment(f"{text}. not good") < sentiment(f"{text}. it is good")


def test_an_answer_depends_on_its_request_alone(start_server: Start) -> None:
    """Two servers give the same texts."""
    items = [chat_item(number, f"Tell me of {number}.") for number in range(5)]
    first, second = (start_server(seed=seed).answers(items) for seed in (1, 2))
    assert {key: content(body) for key, body in first.items()} == {
        key: content(body) for key, body in second.items()
    }


def test_an_echo(start_server: Start) -> None:
    """The request's own text."""
    api = start_server(answers="echo")
    parts = [{"type": "text", "text": "Any text."}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    items = [chat_item(0, "Say this."), chat_item(1, messages=[{"role": "user", "content": parts}])]
    assert [content(body) for _, body in sorted(api.answers(items).items())] == ["Say this.", "Any text."]


def test_a_table_of_answers(start_server: Start, tmp_path: Any) -> None:
    """Texts and whole bodies by the request's text; `*` for everything else."""
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({"Ping?": "Pong.", "Whole?": {"choices": [], "usage": {"prompt_tokens": 3}}}))
    api = start_server(answers=str(path))
    bodies = api.answers([chat_item(0, "Ping?"), chat_item(1, "Whole?"), chat_item(2, "What is 1 + 1?")])
    assert content(bodies["item-0"]) == "Pong."
    assert bodies["item-1"] == {"choices": [], "usage": {"prompt_tokens": 3}}
    assert content(bodies["item-2"]) == "2"
    path.write_text(json.dumps({"*": "Always."}))
    assert content(start_server(answers=str(path)).answers([chat_item()])["item-0"]) == "Always."


def by_function(body: Item) -> Any:
    """Answers of a caller's own."""
    text = body["messages"][0]["content"]
    if text == "Fail.":
        raise ValueError("as asked")
    if text == "Refuse.":
        return Reply(refusal="No.")
    if text == "Error.":
        return Reply(status=422, body={"error": {"message": "Unfit."}})
    if text == "Short error.":
        return Reply("Unfit, too.", status=404)
    if text == "Call.":
        return Reply(tool_calls=(ToolCall("find", "{}"), ToolCall("stop", "{}")), finish_reason="tool_calls")
    return {"choices": [], "own": True} if text == "Whole." else text.upper()


@pytest.mark.parametrize("options", [{"answer": by_function}, {"answers": f"{__name__}:by_function"}])
def test_a_function(start_server: Start, options: Any) -> None:
    """A text, a whole body, a reply, or an error of that line alone; given itself or by its name."""
    api = start_server(**options)
    words = ("Hello.", "Whole.", "Refuse.", "Error.", "Fail.", "Call.", "Short error.")
    bodies = api.answers([chat_item(number, word) for number, word in enumerate(words)])
    hello, whole, refused, error, failed, called, short = (bodies[f"item-{number}"] for number in range(7))
    assert content(hello) == "HELLO."
    assert whole == {"choices": [], "own": True}
    assert refused["choices"][0]["message"]["refusal"] == "No."
    assert error == {"error": {"message": "Unfit."}}
    assert short["error"]["message"] == "Unfit, too."
    assert "as asked" in failed["error"]["message"]
    calls = called["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == ["find", "stop"]
    assert len({call["id"] for call in calls}) == 2


def test_an_unknown_answerer_is_refused_at_once() -> None:
    """Before anything listens."""
    from prefect_openai_batch.emulator import BatchServer

    with pytest.raises(ValueError, match="no answers named"):
        BatchServer(answers="cleverness").start()


FIND = {
    "name": "find",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
OTHER = {"name": "other", "parameters": {"type": "object", "properties": {}}}


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ("required", "find"),
        ({"type": "function", "function": {"name": "other"}}, "other"),
        ("auto", None),
        ("none", None),
    ],
)
def test_tools_are_called_where_they_must_be(api: Api, choice: Any, name: str | None) -> None:
    """By `required` or by name; a model that may answer does."""
    tools = [{"type": "function", "function": function} for function in (FIND, OTHER)]
    chosen = api.answers([chat_item(0, "Weather in Paris?", tools=tools, tool_choice=choice)])["item-0"][
        "choices"
    ][0]
    if name is None:
        assert chosen["finish_reason"] == "stop"
        assert "tool_calls" not in chosen["message"]
    else:
        (call,) = chosen["message"]["tool_calls"]
        assert (chosen["finish_reason"], chosen["message"]["content"]) == ("tool_calls", None)
        assert call["function"]["name"] == name
        assert isinstance(json.loads(call["function"]["arguments"]), dict)


def test_tools_of_the_responses_api(api: Api) -> None:
    """Its functions are not nested, and its calls are items of the output."""
    tools = [{"type": "function", **FIND}]
    body = {"model": "gpt-5-mini", "input": "Weather in Paris?", "tools": tools, "tool_choice": "required"}
    output = api.answers([endpoint_item("/v1/responses", body)], "/v1/responses")["item-0"]["output"]
    assert [item["type"] for item in output] == ["reasoning", "function_call"]
    assert json.loads(output[1]["arguments"])["city"]


def embedded(api: Api, **body: Any) -> Any:
    """The data of one embeddings body."""
    item = endpoint_item("/v1/embeddings", {"model": "text-embedding-3-small", **body})
    return api.answers([item], "/v1/embeddings")["item-0"]["data"]


@pytest.mark.parametrize(
    ("body", "length"),
    [({}, 1536), ({"model": "text-embedding-3-large"}, 3072), ({"dimensions": 256}, 256)],
)
def test_embeddings_have_the_dimension_asked_for(api: Api, body: Item, length: int) -> None:
    """And length one."""
    (entry,) = embedded(api, input="A text.", **body)
    assert len(entry["embedding"]) == length
    assert np.linalg.norm(entry["embedding"]) == pytest.approx(1, abs=0.01)


def test_embeddings_of_several_inputs(api: Api) -> None:
    """One for each text or list of tokens; texts that share words are close."""
    entries = embedded(api, input=["the red fox", "the red dog", "sheer nonsense"], dimensions=64)
    assert [entry["index"] for entry in entries] == [0, 1, 2]
    fox, dog, nonsense = (np.array(entry["embedding"]) for entry in entries)
    assert fox @ dog > fox @ nonsense + 0.2
    assert len(embedded(api, input=[[1, 2], [3]], dimensions=4)) == 2
    assert len(embedded(api, input=[1, 2, 3], dimensions=4)) == 1


def test_null_is_as_good_as_nothing(api: Api) -> None:
    """Parameters that a client sends as null."""
    nulls = dict.fromkeys(
        ("temperature", "top_p", "tools", "tool_choice", "text", "reasoning", "metadata", "store")
    )
    item = endpoint_item("/v1/responses", {"model": "gpt-5-mini", "input": "Hello.", **nulls})
    body = api.answers([item], "/v1/responses")["item-0"]
    assert (body["temperature"], body["tools"], body["tool_choice"]) == (1.0, [], "auto")
    chat = dict.fromkeys(("tools", "tool_choice", "response_format", "temperature"))
    assert content(api.answers([chat_item(0, "What is 1 + 1?", **chat)])["item-0"]) == "2"


def test_embeddings_in_base64(api: Api) -> None:
    """Float32, as the SDK asks for them."""
    from base64 import b64decode

    (plain,) = embedded(api, input="A text.", dimensions=8)
    (packed,) = embedded(api, input="A text.", dimensions=8, encoding_format="base64")
    assert np.frombuffer(b64decode(packed["embedding"]), "<f4") == pytest.approx(plain["embedding"], abs=0.001)


ENDPOINTS: dict[str, tuple[Item, str]] = {
    "/v1/completions": ({"model": "gpt-3.5-turbo-instruct", "prompt": "Once"}, "choices"),
    "/v1/moderations": (
        {"model": "omni-moderation-latest", "input": ["kind words", "I will kill you"]},
        "results",
    ),
    "/v1/images/generations": ({"model": "gpt-image-1", "prompt": "a cat", "n": 2}, "data"),
    "/v1/images/edits": ({"model": "gpt-image-1", "prompt": "a cat", "images": []}, "data"),
    "/v1/videos": ({"model": "sora-2", "prompt": "a cat", "seconds": "8"}, "status"),
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_other_endpoint(api: Api, endpoint: str) -> None:
    """Each answers in its own shape, and is billed."""
    body, key = ENDPOINTS[endpoint]
    answered = api.answers([endpoint_item(endpoint, body)], endpoint)["item-0"]
    assert answered[key]
    assert api.server.bill()["billed"] == 1


def test_moderations_flag(api: Api) -> None:
    """By a few plain words."""
    body, _ = ENDPOINTS["/v1/moderations"]
    results = api.answers([endpoint_item("/v1/moderations", body)], "/v1/moderations")["item-0"]["results"]
    assert [result["flagged"] for result in results] == [False, True]


def test_lines_come_in_another_order(api: Api) -> None:
    """Never in the order of the input."""
    for count in (2, 3, 50, 2500):
        items = [chat_item(number) for number in range(count)]
        names = [line["custom_id"] for line in api.lines(api.finish(items)["output_file_id"])]
        assert names != [item["custom_id"] for item in items]
        assert sorted(names) == sorted(item["custom_id"] for item in items)


def test_large_batches_are_answered_like_small_ones(api: Api) -> None:
    """In a process of their own, with the same texts."""
    items = [chat_item(number, f"What is {number} + 1?") for number in range(12_000)]
    bodies = api.answers(items, CHAT)
    assert all(content(bodies[f"item-{number}"]) == str(number + 1) for number in range(0, 12_000, 97))
    assert len(bodies) == 12_000
