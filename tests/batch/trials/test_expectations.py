"""What may be expected of answers."""

import pyarrow as pa
import pytest
from prefect_openai_batch import ChatRequest, RequestError
from prefect_openai_batch.batch.trials.expectations import check_expected

REQUEST = ChatRequest(model="gpt-5-mini", prompt="Hello.")
BYTES = {
    "bytes": pa.binary(),
    "long bytes": pa.large_binary(),
    "bytes of one length": pa.binary(16),
    "viewed bytes": pa.binary_view(),
    "few bytes": pa.dictionary(pa.int8(), pa.binary()),
}


@pytest.mark.parametrize("kind", BYTES.values(), ids=BYTES)
def test_no_answer_is_compared_with_bytes(kind: pa.DataType) -> None:
    """The column is named, and what to do with it."""
    with pytest.raises(RequestError, match="column 'photo' holds bytes"):
        check_expected({"answer": "photo"}, REQUEST, pa.schema([("photo", kind)]))


def test_words_of_a_choice_are_compared() -> None:
    """They are few, and text."""
    check_expected({"answer": "label"}, REQUEST, pa.schema([("label", pa.dictionary(pa.int8(), pa.string()))]))
