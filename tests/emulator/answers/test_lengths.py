"""Where answers are cut off: no answer takes more tokens than its request lets it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.emulator import Reply
from prefect_openai_batch.emulator.answers.bodies.usage import cut_off, text_usage
from prefect_openai_batch.emulator.answers.exchange import Asked


def asked(**body: Any) -> Asked:
    return Asked("a", {"messages": [{"role": "user", "content": "Say it."}], **body}, "0" * 64, "0" * 48, 0)


@given(st.text(max_size=900), st.integers(1, 300), st.sampled_from(["gpt-5-mini", "gpt-4.1"]))
def test_no_answer_exceeds_its_limit(text: str, limit: int, model: str) -> None:
    """Thinking counts too; what is cut says so, and what is not is whole."""
    question = asked(model=model, max_completion_tokens=limit)
    reply = cut_off(question, Reply(text))
    usage = text_usage(question, reply)
    assert usage.reasoning <= usage.output <= limit
    assert text.startswith(reply.text)
    assert (reply.finish_reason == "length") == (
        reply.text != text or (not reply.text and limit <= usage.reasoning)
    )


@pytest.mark.parametrize("name", ["max_completion_tokens", "max_output_tokens", "max_tokens"])
def test_a_limit_goes_by_each_of_its_names(name: str) -> None:
    """As the endpoints have them; without one an answer is whole."""
    long = Reply("word " * 100)
    assert cut_off(asked(model="gpt-4.1", **{name: 10}), long).text == long.text[:39]
    assert cut_off(asked(model="gpt-4.1"), long) == long
