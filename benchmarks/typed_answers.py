"""What typed answers add to fetching: checking each against its schema, and spreading it into columns.

    python -m benchmarks.typed_answers [--rows 200000] [--repeat 5]

Output files of 50,000 lines, in OpenAI's form and in no order, are read into outcomes twice: with the answers as
text, and with their type. Beside it stands the least that reading the same lines can take: `orjson.loads` of each,
and of each answer in it. All are run in turns in one process; printed are the medians of its processor time, and
what the medians' differences and ratios are.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import orjson
from prefect_openai_batch.batch.files.batches import read_batch
from prefect_openai_batch.batch.files.input_files import items_table
from prefect_openai_batch.batch.outcomes.outcome_files import write_outcomes
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.schemas.answer_types import AnswerType, as_answer_type
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.emulator.answers.answerers import Reply
from prefect_openai_batch.emulator.answers.bodies.chat import chat
from prefect_openai_batch.emulator.answers.exchange import Asked
from prefect_openai_batch.emulator.answers.lines import answered_line

from .turns import machine

LINES = 50_000
"""As many as a batch holds."""

FIELDS = {
    "sentiment": "positive | negative | mixed",
    "score": "number",
    "reason": "text?",
    "topics": "list of price | quality | delivery | service",
}
BATCH = read_batch({"id": "batch_benchmark", "status": "completed"})
CHAT = Endpoint.CHAT_COMPLETIONS
BARE, PARSED = "orjson.loads of each line", "orjson.loads of line and answer"
TEXT, TYPED = "fetching, answers as text", "fetching, typed answers"


def main() -> None:
    """Measure all ways in turns, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        paths = write_lines(Path(scratch), options.rows)
        ways: dict[str, Callable[[], int]] = {
            BARE: partial(parse, paths, answers=False),
            PARSED: partial(parse, paths, answers=True),
            TEXT: partial(fetch, paths, options.rows, None),
            TYPED: partial(fetch, paths, options.rows, as_answer_type(FIELDS)),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.repeat):
            for name, way in ways.items():
                seconds[name].append(timed(way, options.rows))
        size = sum(path.stat().st_size for path in paths)
    show({name: median(found) for name, found in seconds.items()}, options.rows, size)


def write_lines(folder: Path, rows: int) -> list[Path]:
    """Output files as batches leave them."""
    draw, paths = random.Random(7), []
    for first in range(0, rows, LINES):
        lines = [output_line(number, draw) for number in range(first, min(first + LINES, rows))]
        draw.shuffle(lines)
        paths.append(folder / f"{first}.jsonl")
        paths[-1].write_text("".join(lines))
    return paths


def output_line(number: int, draw: random.Random) -> str:
    """The line of one row."""
    answer = answer_of(number, draw)
    digest = f"{draw.getrandbits(192):048x}"
    asked = Asked(f"row-{number:07}", {"model": "gpt-5-mini", "messages": []}, "", digest, 1_790_000_000)
    return answered_line(asked, chat(asked, Reply(json.dumps(answer))))


def answer_of(number: int, draw: random.Random) -> dict[str, Any]:
    """A review's labels."""
    return {
        "sentiment": draw.choice(("positive", "negative", "mixed")),
        "score": round(draw.random() * 10, 2),
        "reason": draw.choice((None, f"Review {number} praises the kettle, which boils fast, and not its lid.")),
        "topics": draw.sample(("price", "quality", "delivery", "service"), draw.randrange(4)),
    }


def parse(paths: list[Path], *, answers: bool) -> int:
    """How many lines were parsed, each alone or with the answer in it, and nothing else done with them."""
    read = 0
    for path in paths:
        with path.open("rb") as lines:
            for line in lines:
                body = orjson.loads(line)["response"]["body"]
                if answers:
                    orjson.loads(body["choices"][0]["message"]["content"])
                read += 1
    return read


def fetch(paths: list[Path], rows: int, answer: AnswerType | None) -> int:
    """How many rows succeeded, read from each file into its outcomes."""
    succeeded = 0
    for path, first in zip(paths, range(0, rows, LINES), strict=True):
        numbers = range(first, min(first + LINES, rows))
        sent = items_table(numbers, [f"row-{row:07}" for row in numbers])
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            found = write_outcomes(BATCH, CHAT, sent, [path], Folder(folder), answer=answer)
        succeeded += found.outcomes["succeeded"]
    return succeeded


def timed(way: Callable[[], int], rows: int) -> float:
    """The seconds of a processor that one way takes for all rows."""
    begun = time.process_time()
    done = way()
    taken = time.process_time() - begun
    assert done == rows, f"{done} of {rows} rows"
    return taken


def show(seconds: dict[str, float], rows: int, size: int) -> None:
    """Print each way, and what types add."""
    print(f"{machine()}\n")
    print(f"{rows:,} rows, {size / 1e6:,.0f} MB, {len(FIELDS)} fields   seconds of a processor    rows/s")
    added = {"what types add to fetching": seconds[TYPED] - seconds[TEXT]}
    for name, taken in (seconds | added).items():
        print(f"{name:<36}{taken:>22.2f}{rows / taken:>12,.0f}")
    print(f"typed answers / answers as text: {seconds[TYPED] / seconds[TEXT]:.2f}")
    print(f"what types add / orjson.loads of each line: {added.popitem()[1] / seconds[BARE]:.2f}")


if __name__ == "__main__":
    main()
