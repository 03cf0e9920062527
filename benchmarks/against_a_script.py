"""50,000 rows through our flow, and the same job by a plain script with the OpenAI SDK and pandas.

The script takes the same table and gives the same columns.

Both run in processes of their own against the same local server, one after the other, with the same poll
interval. Printed are both times less the server's own (from a batch's creation to its completion), and the peak of
resident memory above what importing Prefect alone takes.

    python benchmarks/against_a_script.py [--rows 50000] [--repeat 3]
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

PROMPT = "Is this review of {{ product }} positive, negative or mixed?\n\n{{ review }}"

OURS = """
import json, sys, time
import prefect
source, destination, storage, prompt = sys.argv[1:]
def peak_kilobytes():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])

imported = peak_kilobytes()
from prefect_openai_batch import openai_batch, ChatRequest, RunOptions
request = ChatRequest(model="gpt-5-mini", prompt=prompt)
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
get_client(sync_client=True).hello()  # a server of Prefect's is there before the clock starts
quick = RunOptions(poll_seconds=1, max_poll_seconds=1)
begun = time.time()
with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):  # as the command line does
    report = openai_batch(source, request, destination, storage=storage, options=quick)
seconds = time.time() - begun
peak = peak_kilobytes()
batches = [batch.id for batch in report.batches]
print(json.dumps(dict(seconds=seconds, peak=peak, imported=imported, batches=batches, rows=report.answered)))
"""

SCRIPT = """
import json, sys, time
import prefect
source, destination, storage, prompt = sys.argv[1:]
def peak_kilobytes():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])

imported = peak_kilobytes()
import openai, pandas
begun = time.time()
client = openai.OpenAI()
frame = pandas.read_csv(source, dtype=str)
frame["custom_id"] = [f"row-{number}" for number in range(len(frame))]
path = storage + "/input.jsonl"
with open(path, "w") as file:
    for row in frame.itertuples():
        text = prompt.replace("{{ product }}", row.product).replace("{{ review }}", row.review)
        body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": text}]}
        item = {"custom_id": row.custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}
        file.write(json.dumps(item) + "\\n")
with open(path, "rb") as file:
    uploaded = client.files.create(file=file, purpose="batch")
batch = client.batches.create(
    input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h"
)
while batch.status != "completed":
    time.sleep(1)
    batch = client.batches.retrieve(batch.id)
answers = []
for line in client.files.content(batch.output_file_id).text.split("\\n"):
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
for file_id in (batch.input_file_id, batch.output_file_id):
    client.files.delete(file_id)
seconds = time.time() - begun
peak = peak_kilobytes()
print(json.dumps(dict(seconds=seconds, peak=peak, imported=imported, batches=[batch.id],
                      rows=int(frame["answer"].notna().sum()))))
"""


def main() -> None:
    """Run both in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, server(Path(scratch)) as base_url:
        source = write_source(Path(scratch) / "rows.csv", options.rows)
        runs: dict[str, list[dict[str, Any]]] = {"script": [], "ours": []}
        for number in range(options.repeat):
            for name, code in (("script", SCRIPT), ("ours", OURS)):
                runs[name].append(run(code, source, Path(scratch) / f"{name}-{number}", base_url))
    show(runs, options.rows)


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
    folder.mkdir()
    environment = {
        **os.environ,
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_KEY": "benchmark",
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
    """From the creation to the end of these batches, by the server's own clock."""
    state = httpx.get(base_url.removesuffix("/v1") + "/emulator/state").json()
    return float(sum(state["took"][batch] for batch in batches))


def show(runs: dict[str, list[dict[str, Any]]], rows: int) -> None:
    """Print every run, and the ratio of the medians."""
    print(f"{rows:,} rows        seconds   server's   own    memory above Prefect's, MB   rows answered")
    for name, found in runs.items():
        for one in found:
            above = (one["peak"] - one["imported"]) / 1000
            print(
                f"{name:<16}{one['seconds']:>8.1f}{one['server']:>10.1f}{one['own']:>8.1f}"
                f"{above:>18.0f}{one['rows']:>22,}"
            )
    own = {name: median(one["own"] for one in found) for name, found in runs.items()}
    print(f"ours / script, medians: {own['ours'] / own['script']:.2f}")


if __name__ == "__main__":
    main()
