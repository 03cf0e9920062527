"""The local Batch API server on a million lines: how fast it takes, answers and serves them, and in what memory.

    python -m benchmarks.emulator_million [LINES]

The server runs as a program of its own and is asked over HTTP, as any client asks it. Its limits are raised so
that one batch holds all lines. "Answered" takes in validation; "a core" is the same by the processor time of all
the server's processes, the start of its worker (about a third of a second) included. Memory is the highest
resident set of the server's processes, less what they took before.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import psutil

from .turns import machine

Result = TypeVar("Result")

SERVER = """
from prefect_openai_batch.emulator import Limits, ServerSettings, Timing, serve
limits = Limits(lines=10**8, input_bytes=10**11, file_bytes=10**11)
timing = Timing(validating=0, running=0, finalizing=0)
serve(ServerSettings(answers="echo", limits=limits, timing=timing))
"""


def main() -> None:
    """Measure a tenth of the lines first, then all: memory must not grow with them."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"{machine()}\n")
    print(
        f"{'lines':>10} {'accepted/s':>10} {'answered/s':>10} {'a core':>10} {'served/s':>10} {'peak memory':>12}"
    )
    for count in (lines // 10, lines):
        with tempfile.TemporaryDirectory() as folder, running_server() as (process, http):
            measure(Path(folder) / "input.jsonl", count, process, http)


@contextmanager
def running_server() -> Iterator[tuple[psutil.Process, httpx2.Client]]:
    """The server as a program, and its client."""
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        base_url = server.stdout.readline().strip()
        headers = {"authorization": "Bearer any"}
        with httpx2.Client(base_url=base_url, headers=headers, timeout=600) as http:
            yield psutil.Process(server.pid), http
        server.terminate()


def measure(path: Path, count: int, process: psutil.Process, http: httpx2.Client) -> None:
    """One batch of so many lines, from upload to download."""
    write_input(path, count)
    before = peak_memory(process)
    accepted, file_id = timed(lambda: upload(http, path))
    idle = processor_time(process)
    answered, batch = timed(lambda: run(http, file_id))
    cpu = processor_time(process) - idle
    served, size = timed(lambda: download(http, batch["output_file_id"]))
    assert batch["request_counts"]["completed"] == size == count
    memory = peak_memory(process) - before
    rates = [f"{count / seconds:>10,.0f}" for seconds in (accepted, answered, cpu, served)]
    print(f"{count:>10,} {' '.join(rates)} {memory / 1e6:>9,.0f} MB")


def write_input(path: Path, count: int) -> None:
    """Chat lines of a plausible length."""
    with path.open("w") as file:
        for number in range(count):
            text = f"Is review {number} positive, negative or mixed?\n\nThe kettle boils fast, I use it every day."
            body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": text}]}
            item = {
                "custom_id": f"item-{number:07}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": body,
            }
            file.write(json.dumps(item) + "\n")


def upload(http: httpx2.Client, path: Path) -> str:
    """The id of the uploaded file."""
    with path.open("rb") as file:
        response = http.post("/files", data={"purpose": "batch"}, files={"file": ("input.jsonl", file)})
    return str(response.raise_for_status().json()["id"])


def run(http: httpx2.Client, file_id: str) -> dict[str, Any]:
    """The batch when it has completed."""
    asked = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    batch: dict[str, Any] = http.post("/batches", json=asked).raise_for_status().json()
    while batch["status"] != "completed":
        assert batch["status"] != "failed", batch["errors"]
        time.sleep(0.05)
        batch = http.get(f"/batches/{batch['id']}").raise_for_status().json()
    return batch


def download(http: httpx2.Client, file_id: str) -> int:
    """The number of lines in a file."""
    with http.stream("GET", f"/files/{file_id}/content") as response:
        return sum(block.count(b"\n") for block in response.iter_raw())


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """How long it took, and what came of it."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def processes(process: psutil.Process) -> list[psutil.Process]:
    """The server and its worker."""
    return [process, *process.children()]


def processor_time(process: psutil.Process) -> float:
    """The seconds of a processor that the server and its worker have taken."""
    return sum(sum(part.cpu_times()[:2]) for part in processes(process))


def peak_memory(process: psutil.Process) -> int:
    """The highest resident set of each process, added up, in bytes."""
    total = 0
    for part in processes(process):
        status = Path(f"/proc/{part.pid}/status").read_text()
        total += int(status.split("VmHWM:")[1].split()[0]) * 1024
    return total


if __name__ == "__main__":
    main()
