"""Curator: requests of its own made into OpenAI's, and these into a file.

Its file of requests, which it writes before and reads again, is left out.
"""

import os
from pathlib import Path

os.environ["TELEMETRY_ENABLED"] = "false"

from bespokelabs.curator.llm.prompt_formatter import PromptFormatter
from bespokelabs.curator.request_processor.batch.openai_batch_request_processor import OpenAIBatchRequestProcessor
from bespokelabs.curator.request_processor.config import BatchRequestProcessorConfig
from rows import MODEL, SYSTEM, Rows, prompt, time_building

PROCESSOR = OpenAIBatchRequestProcessor(BatchRequestProcessorConfig(model=MODEL, api_key="none"))
FORMATTER = PromptFormatter(MODEL, prompt, system_prompt=SYSTEM)


def build(rows: Rows, path: Path) -> None:
    """One file."""
    made = (FORMATTER.create_generic_request(row, number) for number, row in enumerate(rows))
    path.write_bytes(PROCESSOR.create_batch_file(list(map(PROCESSOR.create_api_specific_request_batch, made))))


if __name__ == "__main__":
    time_building(build)
