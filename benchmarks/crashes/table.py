"""The printed table of the crash matrix."""

import platform
from collections import Counter
from importlib.metadata import version

from .job import MODELS, ROWS, expected_bill
from .trial import Result

COLUMNS = f"{'restart':>7} {'starts':>6} {'billed':>6} {'rows':>4} {'files left':>10} {'seconds':>7}  held"


def print_heading(found: int, chosen: int, seed: str | None) -> None:
    """Print what is tried."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("prefect", "openai"))
    print(f"crash matrix: {ROWS} rows in {len(MODELS)} input files, 2 in flight, 2 rounds")
    print(f"to be billed: {len(expected_bill())} items, each once; Python {platform.python_version()}, {versions}")
    print(f"points found: {found}" + (f"; {chosen} of them are tried, by the seed {seed}" if seed else ""))
    print("restart a: a new flow run, the same job folder")
    print("restart b: the same job key, an empty PREFECT_HOME, no job folder")
    print()


def print_results(results: list[Result], found: int, seconds: float) -> None:
    """Print a line for each trial, what does not hold, and the totals."""
    width = max((len(str(result.point)) for result in results), default=0)
    print(f"{'point':<{width}} {COLUMNS}")
    for result in results:
        print(f"{result.point!s:<{width}} {_line(result)}")
    _print_broken(results)
    chosen = {result.point for result in results}
    tried = {result.point for result in results if result.tried}
    print(f"\npoints: found {found}, chosen {len(chosen)}, tried {len(tried)}; {seconds / 60:.1f} minutes")
    held = Counter(result.restart for result in results if result.verdict.held)
    for restart, trials in sorted(Counter(result.restart for result in results).items()):
        print(f"restart {restart}: trials {trials}, held {held[restart]}")


def _line(result: Result) -> str:
    verdict = result.verdict
    held = "yes" if verdict.held else f"NO: {'; '.join(verdict.problems)}"
    return (
        f"{result.restart:>7} {result.starts:>6} {verdict.billed:>6} {verdict.rows:>4} {verdict.files_left:>10}"
        f" {result.seconds:>7.1f}  {held}"
    )


def _print_broken(results: list[Result]) -> None:
    for result in results:
        if not result.verdict.held:
            print(f"\nnot held: {result.point} ({result.restart}): {'; '.join(result.verdict.problems)}")
            print("\n".join(f"    {line}" for line in result.log.splitlines()[-12:]))
