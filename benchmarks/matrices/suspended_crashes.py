"""Runs that wait suspended, killed at moments of their way, and the programs around them, killed while they wait.

On a Prefect server with a process worker, our automations and a receiver of webhooks. What is killed is killed
once, by `kill -9`; then nobody lends a hand, but that a program is started again after some seconds, as a service
manager does. Each job has to end with every row answered, each item billed once, and no remote file left.

    python -m benchmarks.matrices.suspended_crashes [--moments 3] [--kills 1] [--seed COMMIT]
"""

import argparse
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..prefect_server import free_port
from ..waits.kills import KILLS, Kill, try_kill
from ..waits.moments import HEADING, MOMENTS, Ended, Moment, make_server, try_moment
from ..waits.stage import staged
from ..waits.times import TIMES
from .crash_matrix import commit

AT_ONCE = 2
"""Jobs of which the process is killed, side by side."""


def main() -> None:
    """Try them, print the table; the exit is 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=len(MOMENTS), help="try so many, chosen by the seed")
    parser.add_argument("--kills", type=int, default=len(KILLS), help="try so many, chosen by the seed")
    parser.add_argument("--seed", default=commit(), help="chooses them; the commit by default")
    given = parser.parse_args()
    dice, begun = random.Random(given.seed), time.monotonic()
    moments = sorted(dice.sample(MOMENTS, given.moments), key=MOMENTS.index)
    kills = sorted(dice.sample(KILLS, given.kills), key=KILLS.index)
    ended = _try_all(moments, kills)
    print("\n".join([HEADING, *map(str, ended)]))
    held = sum(not one.problems for one in ended)
    print(f"\n{len(ended)} tried, {held} held, {(time.monotonic() - begun) / 60:.1f} min")
    sys.exit(0 if held == len(ended) else 1)


def _try_all(moments: list[Moment], kills: list[Kill]) -> list[Ended]:
    with tempfile.TemporaryDirectory(prefix="suspended-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch).resolve()
        hooks = free_port()
        with (
            make_server(folder / "asked", hooks) as asked,
            staged(folder, TIMES, asked.base_url, hooks=hooks) as stage,
        ):
            with ThreadPoolExecutor(AT_ONCE) as pool:
                found = list(pool.map(lambda one: try_moment(stage, one[1], one[0]), enumerate(moments)))
            found += [try_kill(stage, kill, number, asked) for number, kill in enumerate(kills)]
            if any(one.problems for one in found):
                print(stage.worker.log.read_text(), file=sys.stderr)
            return found


if __name__ == "__main__":
    main()
