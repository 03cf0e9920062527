"""Fetching: from output files to the table, each row with its answer, against the least that reading can take.

    python -m benchmarks.fetching [--rows 200000] [--repeat 5]

Output files in OpenAI's form and in no order are read into outcomes, joined to the rows and written as Parquet:
what `fetch_output` does behind the download, and `write_results`. Beside it stands the bare loop, `orjson.loads`
of each line of the same files and nothing done with it, and other libraries that join answers to rows. Vectors
have 1,536 numbers; they come in base64, as `EmbeddingRequest` asks for them, and once as numbers; of them there
are a quarter as many rows, and beside them stands Arrow's Parquet writer, with the same vectors and nothing else
to do. Each is a program of its own; all run in turns, and printed are the medians of their
processor time.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from .fetches.stage import set_stage
from .peers.environments import python_of
from .turns import Program, in_turns, machine, medians

KINDS = {
    "chat": "chat, answers as text",
    "typed": "chat, typed answers",
    "base64": "vectors in base64",
    "numbers": "vectors as numbers",
}
PEERS = {"chat": ("batch-openai",), "typed": ("llm-batch-py",)}
"""Which other libraries read such answers and join them to rows."""

OTHERS = """
The others: openai-batch downloads the files and reads no line; Airflow's common-ai writes lines of its own by
request number, beside no table; curator joins by a log of its requests that it makes while it sends."""

BARE, OURS, WRITER = "bare loop", "prefect-openai-batch", "Parquet alone"


def main() -> None:
    """Measure all, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    options = parser.parse_args()
    print(machine())
    found: dict[str, dict[str, float]] = {}
    for kind in options.kinds:
        rows = options.rows if kind in PEERS else options.rows // 4
        with tempfile.TemporaryDirectory() as folder:
            size = set_stage(Path(folder), kind, rows)
            found[kind] = medians(in_turns(programs(Path(folder), kind), options.repeat))
            show(KINDS[kind], rows, size, found[kind])
    if {"base64", "numbers"} <= found.keys():
        plain = found["numbers"][BARE] / found["base64"][OURS]
        print(f"\nours in base64, beside the bare loop over the same vectors as numbers: {plain:.2f}")
    print(OTHERS)


def programs(folder: Path, kind: str) -> dict[str, Program]:
    """What is run, each for the same files."""
    ours = [sys.executable, "-m", "benchmarks.fetches.ours", str(folder), kind]
    bare = [sys.executable, "-m", "benchmarks.fetches.bare", str(folder)]
    writer = [sys.executable, "-m", "benchmarks.fetches.parquet_alone", str(folder)]  # of what ours has written
    found: dict[str, Program] = {BARE: bare, OURS: ours}
    peers = {peer: _program(peer, folder) for peer in PEERS.get(kind, ())}
    return found | (peers or {WRITER: writer})


def _program(peer: str, folder: Path) -> Program:
    script = Path(__file__).parent / "peers" / f"fetch_{peer.replace('-', '_')}.py"
    return [python_of(peer), str(script), str(folder)]


def show(title: str, rows: int, size: int, seconds: dict[str, float]) -> None:
    """Print what each program took, beside the bare loop and beside us."""
    print(f"\n{title}: {rows:,} rows, {size / 1e6:,.0f} MB")
    print(f"{'':<24}{'seconds':>9}{'rows/s':>10}{'of the bare loop':>18}{'ours is':>10}")
    for name, taken in seconds.items():
        ours = f"{taken / seconds[OURS]:.1f} x" if name not in (BARE, OURS, WRITER) else ""
        print(f"{name:<24}{taken:>9.2f}{rows / taken:>10,.0f}{seconds[BARE] / taken:>18.2f}{ours:>10}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
