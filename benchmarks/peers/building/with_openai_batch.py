"""openai-batch: a line is written as each request is added."""

from pathlib import Path

from openai_batch import Batch
from openai_batch.providers import openai_provider
from rows import MODEL, Rows, messages, time_building


def build(rows: Rows, path: Path) -> None:
    """One file."""
    with Batch(submission_input_file=path, provider=openai_provider) as batch:
        for row in rows:
            batch.add_to_batch(model=MODEL, messages=messages(row))


if __name__ == "__main__":
    time_building(build)
