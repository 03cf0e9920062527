"""The crash matrix: a job is killed at every point there is, started again, and looked into.

    python -m benchmarks.matrices.crash_matrix                 # all points, each twice: a quarter of an hour
    python -m benchmarks.matrices.crash_matrix --points 20     # some all along the way, chosen by the commit
    python -m benchmarks.matrices.crash_matrix --only "POST /v1/batches" --restart b

The job has three input files, two of them in flight, and two rounds; a line is answered 429 once, a line 400, and
a batch expires half done. The points are found by a recording run: each request of the process as the server sees
it, before and after its effect, and each change to a file by Python's audit hook. At each the process is killed
(`kill -9`), and the job is started again: (a) in a new flow run with the same job folder; (b) with the same job
key alone, an empty PREFECT_HOME and no job folder, and with no leave to replace a table. Then each item is billed
once, all rows are there in order, the job says it is done, and no remote file is left.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from ..crashes.points import Point
from ..crashes.table import print_heading, print_results
from ..crashes.trial import Restart, Result, record, try_point
from ..prefect_server import prefect_server

ROOT = Path(__file__).parents[2]
FALLBACK_SEED = "no commit"


def main() -> None:
    """Find the points, try them, print the table; the exit is 1 where one does not hold."""
    options = _options()
    with _scratch(options.keep) as scratch, prefect_server(scratch) as url:
        os.environ.update(_environment(scratch, url))
        print(f"recording, in {scratch}", file=sys.stderr)
        points, verdict, log = record(scratch / "recording")
        if not verdict.held:
            sys.exit(f"undisturbed, the job does not hold: {verdict.problems}\n{log}")
        chosen = _choose(points, options)
        restarts: list[Restart] = [options.restart] if options.restart else ["a", "b"]
        begun = time.monotonic()
        results = _try_all(scratch, chosen, restarts, options)
    print_heading(len(points), len(chosen), options.seed if options.points else None)
    print_results(results, len(points), time.monotonic() - begun)
    sys.exit(0 if all(result.verdict.held for result in results) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, help="try so many, chosen by the seed, instead of all")
    parser.add_argument("--seed", default=commit(), help="chooses the points; the commit by default")
    parser.add_argument("--only", default="", help="try the points whose line holds this text")
    parser.add_argument("--restart", choices=("a", "b"), help="start again in this way only")
    parser.add_argument("--jobs", type=int, default=2, help="trials at once")
    parser.add_argument("--keep", type=Path, help="keep all folders and logs in this new folder")
    return parser.parse_args()


def commit() -> str:
    """The commit, so that a slice moves with it."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return FALLBACK_SEED
    return done.stdout.strip() or FALLBACK_SEED


def _choose(points: list[Point], options: argparse.Namespace) -> list[Point]:
    fitting = [point for point in points if options.only in str(point)]
    if options.points is None or options.points >= len(fitting):
        return fitting
    # One of each stretch of the way, so that some of the clean-up are always among them.
    bounds = [number * len(fitting) // options.points for number in range(options.points + 1)]
    dice = random.Random(options.seed)
    return [fitting[dice.randrange(first, end)] for first, end in pairwise(bounds)]


@contextmanager
def _scratch(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="crash-matrix-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


def _environment(scratch: Path, url: str) -> dict[str, str]:
    """What all starts share; a start's own home comes later."""
    return {
        "PREFECT_HOME": str(scratch / "home"),
        "PREFECT_API_URL": url,
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


def _try_all(
    scratch: Path, points: list[Point], restarts: list[Restart], options: argparse.Namespace
) -> list[Result]:
    trials = [(point, restart) for point in points for restart in restarts]

    def run(number: int) -> Result:
        point, restart = trials[number]
        result = try_point(scratch / f"{number:04d}-{restart}", point, restart, keep=options.keep is not None)
        outcome = "held" if result.verdict.held else f"NOT HELD: {'; '.join(result.verdict.problems)}"
        print(f"{number + 1}/{len(trials)} {point} ({restart}) {outcome}", file=sys.stderr)
        return result

    with ThreadPoolExecutor(options.jobs) as pool:
        return list(pool.map(run, range(len(trials))))


if __name__ == "__main__":
    main()
