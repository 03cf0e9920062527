"""llm-batch-py: its adapter's records, written by its core in Rust; each asks for a structured answer.

Its cache keys and its counting of tokens are left out.
"""

from pathlib import Path
from types import SimpleNamespace

from llm_batch_py._core_wrapper import jsonl_dump_bytes
from llm_batch_py.jobs import OpenAIConfig
from llm_batch_py.providers.base import RowRequest
from llm_batch_py.providers.openai import OpenAIBatchAdapter
from pydantic import BaseModel
from rows import MODEL, Rows, messages, time_building


class Answer(BaseModel):
    """The least that can be asked for."""

    label: str


JOB = SimpleNamespace(name="labels", output_model=Answer, prompt_cache=None, endpoint_kind="structured")
ADAPTER = OpenAIBatchAdapter(OpenAIConfig(model=MODEL, api_key="none"))


def request(number: int, payload: dict[str, object]) -> RowRequest:
    """A row's request, with nothing in it but what is sent."""
    return RowRequest(f"r{number}", f"r{number}", {}, "", payload, "", 0, "")


def build(rows: Rows, path: Path) -> None:
    """One file."""
    made = (request(number, {"messages": messages(row)}) for number, row in enumerate(rows))
    path.write_bytes(jsonl_dump_bytes([ADAPTER.render_transport_record(JOB, one) for one in made]))


if __name__ == "__main__":
    time_building(build)
