"""A job whose answers have come: what each way of reading them finds in a folder.

The folder holds the rows, the job's own folder with its input files, and beside them `output-NUMBER.jsonl`, one
for each input file, in OpenAI's form and in no order.
"""

import json
import random
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from prefect_openai_batch.batch.files.input_files import InputFile, items_of
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.job import Job
from prefect_openai_batch.batch.jobs.opening import open_job
from prefect_openai_batch.batch.jobs.rounds import plan_round
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.requests.chat_request import ChatRequest
from prefect_openai_batch.batch.requests.embedding_request import EmbeddingRequest
from prefect_openai_batch.batch.requests.request import Request
from prefect_openai_batch.emulator.answers.answerers import Reply
from prefect_openai_batch.emulator.answers.bodies.chat import chat
from prefect_openai_batch.emulator.answers.exchange import Answer, Asked
from prefect_openai_batch.emulator.answers.lines import answered_line

from ..typed_answers import FIELDS, answer_of

SOURCE, TABLE, KEY = "rows.parquet", "results.parquet", "fetching"

REVIEW = "The kettle boils in no time and pours well, but its lid is loose and its cord too short for my kitchen."
SAID = "Positive on the whole: it is fast and pours well. The writer minds the loose lid and the short cord. " * 3
DIMENSIONS = 1_536

REQUESTS: dict[str, Request] = {
    "chat": ChatRequest(model="gpt-5-mini", prompt="Label: {{ review }}", id_column="id"),
    "typed": ChatRequest(model="gpt-5-mini", prompt="Label: {{ review }}", answer=FIELDS, id_column="id"),
    "base64": EmbeddingRequest(model="text-embedding-3-small", input="{{ review }}", id_column="id"),
    "numbers": EmbeddingRequest(model="text-embedding-3-small", input="{{ review }}", id_column="id"),
}
"""What is asked of each row, by the kind of the answers."""


def job_of(folder: Path, kind: str) -> Job:
    """The job, begun or as it was begun."""
    source, table = str(folder / SOURCE), str(folder / TABLE)
    return open_job(source, REQUESTS[kind], table, job_key=KEY, storage=str(folder / "jobs"))


def set_stage(folder: Path, kind: str, rows: int) -> int:
    """Make everything that is there before the first answer is read; the bytes of the output files."""
    ids = pa.array([f"review-{row:07}" for row in range(rows)])
    pq.write_table(pa.table({"id": ids, "review": [f"{row}. {REVIEW}" for row in range(rows)]}), folder / SOURCE)
    job, draw = job_of(folder, kind), random.Random(7)
    keep_rows(job)
    files = [file for one in plan_round(job) for file in build_selection(job, one)]
    return sum(_write_output(folder, number, kind, file, draw) for number, file in enumerate(files))


def output_path(folder: Path, number: int) -> Path:
    """The output file of the input file of a number."""
    return folder / f"output-{number}.jsonl"


def _write_output(folder: Path, number: int, kind: str, file: InputFile, draw: random.Random) -> int:
    lines = list(_lines(kind, file, draw))
    draw.shuffle(lines)
    return output_path(folder, number).write_text("".join(lines))


def _lines(kind: str, file: InputFile, draw: random.Random) -> Iterator[str]:
    vectors = np.random.default_rng(file.first_row)
    for row, custom_id in items_of(file):
        digest = f"{draw.getrandbits(192):048x}"
        asked = Asked(custom_id, {"model": file.model, "messages": []}, "", digest, 1_790_000_000)
        if kind == "chat":
            yield answered_line(asked, chat(asked, Reply(SAID[: draw.randrange(80, 300)])))
        elif kind == "typed":
            yield answered_line(asked, chat(asked, Reply(json.dumps(answer_of(row, draw)))))
        else:
            vector = vectors.standard_normal(DIMENSIONS, dtype=np.float32) / np.float32(DIMENSIONS**0.5)
            yield answered_line(asked, _embedding(vector, kind))


def _embedding(vector: np.ndarray, kind: str) -> Answer:
    said = json.dumps(
        b64encode(vector.tobytes()).decode() if kind == "base64" else [float(str(x)) for x in vector]
    )
    entry = f'{{"object": "embedding", "index": 0, "embedding": {said}}}'
    usage = '{"prompt_tokens": 24, "total_tokens": 24}'
    body = f'{{"object": "list", "data": [{entry}], "model": "text-embedding-3-small", "usage": {usage}}}'
    return Answer(200, body, None)
