"""batch-openai: requests are gathered, then written."""

from pathlib import Path

from batch_openai import BatchRequestBuilder
from rows import MODEL, Rows, messages, time_building


def build(rows: Rows, path: Path) -> None:
    """One file."""
    builder = BatchRequestBuilder()
    for row in rows:
        builder.add(messages(row), model=MODEL)
    builder.to_jsonl(path)


if __name__ == "__main__":
    time_building(build)
