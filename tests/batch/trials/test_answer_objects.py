"""The answers of a trial as a program reads them."""

import pyarrow as pa
from prefect_openai_batch.batch.trials.trial import answer_objects


def test_each_answer_stands_with_its_row_and_what_was_asked() -> None:
    """The number is the one that the report shows."""
    told = answer_objects("gpt-5", [4, 7], pa.table({"review": ["a", None]}), pa.table({"answer": ["x", "y"]}))
    assert told == [
        {"row": 5, "asked_model": "gpt-5", "review": "a", "answer": "x"},
        {"row": 8, "asked_model": "gpt-5", "review": None, "answer": "y"},
    ]


def test_a_column_of_the_table_keeps_its_name() -> None:
    """Ours is prefixed, as where a table has an answer already."""
    (told,) = answer_objects("gpt-5", [0], pa.table({"row": ["mine"]}), pa.table({"answer": ["x"]}))
    assert told == {"openai_row": 1, "asked_model": "gpt-5", "row": "mine", "answer": "x"}
