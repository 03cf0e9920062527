"""Two hundred seeded jobs on a budget: what they cost on the server's own account, and when they were resumed.

python -m benchmarks.matrices.budgets [--seeds 200]
"""

import argparse
import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.flows.money.spending import spend

from ..prefect_server import prefect_server


def main() -> int:
    """Run the seeds and print what became of them; 1 where a budget did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    seeds = parser.parse_args().seeds
    logging.disable(logging.WARNING)
    with (
        TemporaryDirectory() as folder,
        prefect_server(Path(folder)) as url,
        temporary_settings({PREFECT_API_URL: url}),
    ):
        found = [spend(seed, Path(folder)) for seed in range(seeds)]
    rows = sum(one.stopped.rows for one in found)
    stopped = [one for one in found if one.stopped.stopped]
    used = sorted(one.stopped_usd / one.budget for one in stopped)
    failed = [one.seed for one in found if not one.held]
    print(f"jobs                                            {len(found):>8,}")
    print(f"rows                                            {rows:>8,}")
    print(f"jobs stopped by their budget                    {len(stopped):>8,}")
    print(f"rows unsent for it                              {sum(_unsent(one.stopped) for one in stopped):>8,}")
    print(
        f"jobs above their budget                         {sum(one.stopped_usd > one.budget for one in found):>8,}"
    )
    if used:
        print(f"share of the budget that stopped jobs have used {used[len(used) // 2]:>8.0%}  (median)")
    print(f"jobs whole after resuming with a larger one     {sum(one.resumed.complete for one in found):>8,}")
    print(f"bills that are not the server's, or rows lost or billed twice: {len(failed)} {failed or ''}".rstrip())
    return 1 if failed else 0


def _unsent(report: object) -> int:
    return int(getattr(report, "outcomes", {}).get("cancelled", 0))


if __name__ == "__main__":
    sys.exit(main())
