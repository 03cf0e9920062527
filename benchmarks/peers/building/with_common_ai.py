"""Airflow's common-ai: its adapter builds a file only as it sends it, so its client keeps what is sent.

What its operator does before (checking every line, which encodes it once more) is left out.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.ai.batch.openai import OpenAIBatchAdapter
from airflow.providers.common.ai.batch.output_schema import build_output_spec
from rows import MODEL, SYSTEM, Rows, prompt, time_building


class Kept:
    """In place of OpenAI's client: writes the file that is uploaded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = self.batches = self

    def create(self, *, file: tuple[str, bytes] | None = None, **_said: Any) -> SimpleNamespace:
        """The file, or the batch."""
        if file is not None:
            self.path.write_bytes(file[1])
        return SimpleNamespace(id="1")


def build(rows: Rows, path: Path) -> None:
    """One file."""
    OpenAIBatchAdapter(client=Kept(path)).submit(
        [{"prompt": prompt(row)} for row in rows],
        model=MODEL,
        idempotency_key="0123456789abcdef",
        input_fingerprint="0123456789abcdef",
        output_spec=build_output_spec(str),
        system_prompt=SYSTEM,
    )


if __name__ == "__main__":
    time_building(build)
