"""How fast rows become input files: ours, a bare loop and other libraries, on one core; ours with both cores too.

200,000 rows of a Parquet file become chat items in input files of 50,000. Ours starts from the rows as the job
keeps them, and makes custom_ids of their content, digests, token estimates and a list of the items as well; the
bare loop and the others start from the file, and make the items alone (llm-batch-py always asks for a schema).
Seconds of a processor compare one core, those of a clock both cores; all run in turns, and medians are compared.

    python -m benchmarks.building [--rows 200000] [--repeat 5]
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from .peers.environments import PEERS, python_of
from .prefect_server import prefect_server
from .turns import Program, Taken, in_turns, machine

ROOT = Path(__file__).parents[1]

BARE, PLAIN, JINJA, BOTH = "a bare loop", "ours, plain templates", "ours, Jinja", "ours, both cores"

OF_BARE = {PLAIN: 0.8, JINJA: 0.25}
OF_PEERS = {PLAIN: 1.2, BOTH: 2.0}


def main() -> None:
    """Run all ways in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, prefect_server(Path(scratch)) as url:
        os.environ.update(PREFECT_API_URL=url, PREFECT_HOME=f"{scratch}/prefect", PREFECT_LOGGING_LEVEL="ERROR")
        source = Path(scratch) / "rows.parquet"
        _write_rows(source, options.rows)
        peers, missing = _peers(source)
        taken = in_turns({**_ours(source), **peers}, options.repeat)
    print(machine())
    print(f"{options.rows:,} rows, medians of {options.repeat} run(s) of each")
    _show(taken, peers)
    for peer, why in missing.items():
        print(f"{peer}: not here, {why}")


def _write_rows(path: Path, rows: int) -> None:
    """The shipped reviews, over and over, no two texts the same."""
    reviews = pd.read_csv(ROOT / "examples" / "reviews.csv")
    frame = reviews.iloc[np.arange(rows) % len(reviews)].reset_index(drop=True)
    frame["review"] = frame["review"] + " " + frame.index.astype(str)
    frame.to_parquet(path, index=False)


def _ours(source: Path) -> dict[str, Program]:
    python, ours = [sys.executable, "-m"], "benchmarks.builds.ours"
    return {
        BARE: [*python, "benchmarks.builds.bare_loop", str(source)],
        PLAIN: [*python, ours, str(source), "plain"],
        JINJA: [*python, ours, str(source), "jinja"],
        BOTH: [*python, ours, str(source), "plain", "--processes", "2"],
    }


def _peers(source: Path) -> tuple[dict[str, Program], dict[str, str]]:
    """The programs of the libraries that can be installed here, and why the others cannot."""
    there: dict[str, Program] = {}
    missing = {}
    for peer in PEERS:
        script = ROOT / "benchmarks" / "peers" / "building" / f"with_{peer.replace('-', '_')}.py"
        try:
            there[peer] = [python_of(peer), str(script), str(source)]
        except subprocess.CalledProcessError as error:
            missing[peer] = f"pip ended with {error.returncode}"
    return there, missing


def _show(taken: Mapping[str, Sequence[Taken]], peers: Iterable[str]) -> None:
    """Rows a second of each way by both clocks, and the ratios that must hold."""
    by_processor = {name: _pace(runs, "processor_seconds") for name, runs in taken.items()}
    by_clock = {name: _pace(runs, "seconds") for name, runs in taken.items()}
    print(f"{'':<24}{'rows a processor second':>24}{'of the bare loop':>18}{'rows a second':>16}")
    for name, pace in by_processor.items():
        of_bare = f"{pace / by_processor[BARE]:.2f}"
        shown = ("-", "-") if name == BOTH else (f"{pace:,.0f}", of_bare)
        print(f"{name:<24}{shown[0]:>24}{shown[1]:>18}{by_clock[name]:>16,.0f}")
    for name, least in OF_BARE.items():
        _judge(f"{name} / a bare loop, one core", by_processor[name] / by_processor[BARE], least)
    fastest = max(peers, key=by_processor.__getitem__)
    _judge(f"{PLAIN} / {fastest}, one core", by_processor[PLAIN] / by_processor[fastest], OF_PEERS[PLAIN])
    fastest = max(peers, key=by_clock.__getitem__)
    _judge(f"{BOTH} / {fastest}, by the clock", by_clock[BOTH] / by_clock[fastest], OF_PEERS[BOTH])


def _pace(runs: Sequence[Taken], clock: str) -> float:
    return float(median(one.rows / getattr(one, clock) for one in runs))


def _judge(what: str, ratio: float, least: float) -> None:
    print(f"{what}: {ratio:.2f}, wanted {least:.2f}{'' if ratio >= least else ': NOT REACHED'}")


if __name__ == "__main__":
    main()
