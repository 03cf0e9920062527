"""Embeddings, as numbers or as base64: one vector an item, or none that nobody meant."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.files.input_files import items_table
from prefect_openai_batch.batch.outcomes.outcome import Outcome, read_outcome
from prefect_openai_batch.batch.outcomes.outcome_files import read_outcomes, write_outcomes
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.storage.folders import Folder


def outcome_of(*embeddings: Any) -> Outcome:
    """What is read of a line with these embeddings, the first one last."""
    data = [{"index": index, "embedding": found} for index, found in enumerate(embeddings)]
    body = {"model": "text-embedding-3-small", "data": data[::-1]}
    return read_outcome(Endpoint.EMBEDDINGS, {"custom_id": "a", "response": {"status_code": 200, "body": body}})


@pytest.mark.parametrize(
    "embedding",
    [[0.5, -2.0, 0.25], "AAAAPwAAAMAAAIA+", "AAAAPwAA\nAMAAAIA+ ", "AAAAPwAAAMAAAIA-"],
    ids=["numbers", "base64", "in lines", "of URLs"],
)
def test_an_embedding_is_a_vector_of_float32(embedding: Any) -> None:
    """As numbers or as base64, that of URLs too, the vector is the same."""
    answer = outcome_of(embedding).answer
    assert answer.dtype == np.float32
    assert answer.tolist() == [0.5, -2.0, 0.25]


@pytest.mark.parametrize("embedding", ["AACAPw", "AACAPw=="])
def test_base64_may_do_without_its_end(embedding: str) -> None:
    """Some encoders leave it out."""
    assert outcome_of(embedding).answer.tolist() == [1.0]


@pytest.mark.parametrize(
    "embedding",
    ["[0.1, 0.25, 0.5, 12]", "AACAPw==AACAPw==", "AACA", "AACAP", "A*CAPw=="],
    ids=["a list", "two", "no float", "cut", "a foreign sign"],
)
def test_what_is_no_base64_is_no_vector(embedding: str) -> None:
    """Read leniently it would give numbers that nobody meant."""
    found = outcome_of(embedding)
    assert (found.outcome, found.again, found.error_code) == ("failed", True, "unreadable_response")


@pytest.mark.parametrize(
    "embedding",
    [[], "", " ", [None, 2], [float("nan"), 2], [True, 2], [1, "3"], [[1.0]], {"1": 2}, None],
    ids=["empty", "no text", "blank", "null", "NaN", "true", "text", "nested", "object", "none"],
)
def test_what_is_no_list_of_numbers_is_no_vector(embedding: Any, tmp_path: Path) -> None:
    """Alone or beside others it goes again, and the length of the others is that of all."""
    body = {"model": "m", "usage": {"prompt_tokens": 1}}
    bodies = [
        {**body, "data": [{"index": 0, "embedding": found}]} for found in ([1.0, 2.0], embedding, "AACAPwAAAEA=")
    ]
    lines = [
        {"custom_id": str(row), "response": {"status_code": 200, "body": body}} for row, body in enumerate(bodies)
    ]
    path = tmp_path / "output.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    batch, items = Batch(id="batch_1", status="completed"), items_table(range(3), ["0", "1", "2"])
    fetched = write_outcomes(batch, Endpoint.EMBEDDINGS, items, [path], Folder(str(tmp_path)))
    outcomes = read_outcomes(fetched)
    assert outcomes["answer"].to_pylist() == [[1.0, 2.0], None, [1.0, 2.0]]
    assert outcomes["error_code"].to_pylist() == [None, "unreadable_response", None]
    assert (fetched.dimensions, fetched.again) == (2, 1)


def test_the_vectors_of_several_inputs_stand_in_the_order_of_their_index() -> None:
    """An item with two inputs gives both vectors, one after the other."""
    assert outcome_of([1.0, 2.0], [3.0]).answer.tolist() == [1.0, 2.0, 3.0]
