"""A job through our flow, and the same by a plain script with the OpenAI SDK and pandas.

The script takes the same table, cut into input files of 50,000 rows, and gives the same columns.

Both run in processes of their own against the same local server, one after the other, and look at their batches
after the same pause. It is a short one: what is left of a pause when a batch has ended is neither's work, and up
to a second of it would hide what each takes for 50,000 rows.
Printed are the seconds in all and less the time in which a batch was open at the server, the seconds of the
process's own processor, and the peak of resident memory above what importing Prefect alone takes.

    python -m benchmarks.against_a_script [--rows 50000 1000000] [--repeat 5]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import pandas as pd

from .turns import machine

PAUSE_SECONDS = 0.1
PROMPT = "Is this review of {{ product }} positive, negative or mixed?\n\n{{ review }}"

OURS = """
import json, os, sys, time
import prefect
source, destination, storage, prompt = sys.argv[1:]
pause = float(os.environ["PAUSE_SECONDS"])
def peak_kilobytes():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])

imported = peak_kilobytes()
from prefect_openai_batch import openai_batch, ChatRequest, RunOptions
request = ChatRequest(model="gpt-5-mini", prompt=prompt)
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
get_client(sync_client=True).hello()  # a server of Prefect's is there before the clock starts
import genai_prices.data, pygal  # what a run imports when it is needed, as the script does before its clock starts
quick = RunOptions(poll_seconds=pause, max_poll_seconds=pause)
begun, used = time.time(), time.process_time()
with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):  # as the command line does
    report = openai_batch(source, request, destination, storage=storage, options=quick)
seconds, processor = time.time() - begun, time.process_time() - used
peak = peak_kilobytes()
batches = [batch.id for batch in report.batches]
print(json.dumps(dict(seconds=seconds, processor=processor, peak=peak, imported=imported, batches=batches,
                      rows=report.answered)))
"""

SCRIPT = """
import json, os, sys, time
import prefect
source, destination, storage, prompt = sys.argv[1:]
pause = float(os.environ["PAUSE_SECONDS"])
def peak_kilobytes():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])

imported = peak_kilobytes()
import openai, pandas
begun, used = time.time(), time.process_time()
client = openai.OpenAI()
frame = pandas.read_csv(source, dtype=str)
frame["custom_id"] = [f"row-{number}" for number in range(len(frame))]
batches = []
for start in range(0, len(frame), 50_000):
    path = storage + "/input.jsonl"
    with open(path, "w") as file:
        for row in frame[start : start + 50_000].itertuples():
            text = prompt.replace("{{ product }}", row.product).replace("{{ review }}", row.review)
            body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": text}]}
            item = {"custom_id": row.custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}
            file.write(json.dumps(item) + "\\n")
    with open(path, "rb") as file:
        uploaded = client.files.create(file=file, purpose="batch")
    batches.append(client.batches.create(
        input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h"
    ))
while any(batch.status != "completed" for batch in batches):
    time.sleep(pause)
    batches = [client.batches.retrieve(batch.id) for batch in batches]
answers = []
outputs = ((batch, client.files.content(batch.output_file_id).text) for batch in batches)
for batch, line in ((batch, line) for batch, text in outputs for line in text.split("\\n")):
    if not line:
        continue
    item = json.loads(line)
    response = item["response"]
    choice, usage = response["body"]["choices"][0], response["body"]["usage"]
    answers.append({
        "custom_id": item["custom_id"],
        "outcome": "succeeded",
        "answer": choice["message"]["content"],
        "finish_reason": choice["finish_reason"],
        "error_code": None,
        "error_message": choice["message"]["refusal"],
        "model": response["body"]["model"],
        "input_tokens": usage["prompt_tokens"],
        "cached_tokens": usage["prompt_tokens_details"]["cached_tokens"],
        "output_tokens": usage["completion_tokens"],
        "reasoning_tokens": usage["completion_tokens_details"]["reasoning_tokens"],
        "batch_id": batch.id,
        "request_id": response["request_id"],
    })
frame = frame.merge(pandas.DataFrame(answers), on="custom_id", how="left")
frame.to_parquet(destination)
for batch in batches:
    client.files.delete(batch.input_file_id)
    client.files.delete(batch.output_file_id)
seconds, processor = time.time() - begun, time.process_time() - used
peak = peak_kilobytes()
print(json.dumps(dict(seconds=seconds, processor=processor, peak=peak, imported=imported,
                      batches=[batch.id for batch in batches], rows=int(frame["answer"].notna().sum()))))
"""


def main() -> None:
    """Run both in turns at each size, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[50_000, 1_000_000])
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    print(machine())
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as scratch, server(Path(scratch)) as base_url:
            source = write_source(Path(scratch) / "rows.csv", rows)
            runs: dict[str, list[dict[str, Any]]] = {"script": [], "ours": []}
            for number in range(options.repeat):
                for name, code in (("script", SCRIPT), ("ours", OURS)):
                    runs[name].append(run(code, source, Path(scratch) / f"{name}-{number}", base_url))
        show(runs, rows)


@contextmanager
def server(scratch: Path, *options: str) -> Iterator[str]:
    """Our Batch API server in a process of its own; its base URL."""
    command = [sys.executable, "-m", "prefect_openai_batch.cli", "emulator", "--port", "0", *options]
    with subprocess.Popen(
        [*command, "--data", str(scratch / "server")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield next(word for word in process.stdout.readline().split() if word.startswith("http"))
        finally:
            process.terminate()


def write_source(path: Path, rows: int) -> Path:
    """The shipped reviews, over and over."""
    reviews = pd.read_csv(Path(__file__).parents[1] / "examples" / "reviews.csv", dtype=str)
    frame = reviews.loc[reviews.index.repeat(rows // len(reviews) + 1)].head(rows)
    frame.to_csv(path, index=False)
    return path


def run(code: str, source: Path, folder: Path, base_url: str) -> dict[str, Any]:
    """Run one of the two in a process of its own; seconds less the server's, and bytes of memory."""
    folder.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_KEY": "benchmark",
        "PAUSE_SECONDS": str(PAUSE_SECONDS),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    arguments = [str(source), str(folder / "answers.parquet"), str(folder), PROMPT]
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["server"] = server_seconds(base_url, found["batches"])
    found["own"] = found["seconds"] - found["server"]
    return found


def server_seconds(base_url: str, batches: list[str]) -> float:
    """How long any of these batches was open, by the server's own clock, to about a second where they overlap."""
    state = httpx.get(base_url.removesuffix("/v1") + "/emulator/state").json()
    created = {batch["id"]: batch["created_at"] for batch in state["batches"]}
    seconds, until = 0.0, 0.0
    for batch in sorted(batches, key=created.__getitem__):
        begun, ended = created[batch], created[batch] + state["took"][batch]
        seconds += max(0.0, ended - max(begun, until))
        until = max(until, ended)
    return seconds


def show(runs: dict[str, list[dict[str, Any]]], rows: int) -> None:
    """Print every run, and the ratios of the medians."""
    print(f"\n{rows:<12,}seconds  server's     own  processor  MB above Prefect's  rows answered")
    for name, found in runs.items():
        for one in found:
            above = (one["peak"] - one["imported"]) / 1000
            times = f"{one['seconds']:>7.1f}{one['server']:>10.1f}{one['own']:>8.1f}{one['processor']:>11.1f}"
            print(f"{name:<12}{times}{above:>20.0f}{one['rows']:>15,}")
    for column in ("own", "processor"):
        ours, script = (median(one[column] for one in runs[name]) for name in ("ours", "script"))
        print(f"ours / script, medians of {column}: {ours / script:.2f}", flush=True)


if __name__ == "__main__":
    main()
