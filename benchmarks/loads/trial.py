"""One trial: a load that is killed at a point, and started again until it comes to its end."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from prefect_openai_batch import Job
from prefect_openai_batch.batch.jobs.job import LOADED
from sqlalchemy import make_url

from .points import COMMITTED, FEW, POINTS, SECOND
from .stage import OLD, Found, Start, look, put_back, start

HEADING = (
    f"{'database':<12}{'if_exists':<10}{'killed':<27}{'a reader sees':>14}   then: {'rows':>7}  twice  missing  "
    f"{'others':>6}  {'s':>5}  {'peak MB':>7}"
)

WHOLE = "(two at the same moment)"


@dataclass(frozen=True)
class Trial:
    """What became of a load: seen after its death, and at its end."""

    url: str
    if_exists: str
    point: str
    between: Found
    end: Found
    last: Start
    problems: tuple[str, ...]

    def __str__(self) -> str:
        seen = f"{self.between.rows:,}+{self.between.old:,}"
        return (
            f"{make_url(self.url).get_backend_name():<12}{self.if_exists:<10}{self.point:<27}{seen:>14}         "
            f"{self.end.rows:>7,}  {self.end.twice:>5}  {self.end.missing:>7}  {self.end.old:>6,}  "
            f"{self.last.seconds:>5.1f}  {self.last.memory / 1e6:>7.0f}"
            + "".join(f"\n    {problem}" for problem in self.problems)
        )


def try_point(job: Job, url: str, rows: int, point: str) -> Trial:
    """Kill a load at a point, look, and start it again; what does not hold is in the trial's problems."""
    put_back(job, url)
    traps = ("just after the commit", SECOND) if point == SECOND else (point,)
    survived = [trap for trap in traps if not start(job, url, trap).killed]
    between = look(url, rows)
    last = start(job, url)
    return _judged(job, url, rows, point, between, last, [f"it was not killed {trap}" for trap in survived])


def try_two(job: Job, url: str, rows: int) -> Trial:
    """Two processes load the same job at the same moment; both come to their end."""
    put_back(job, url)
    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(start, job, url) for _ in range(2))
        ends = [first.result(), second.result()]
    between = look(url, rows)
    return _judged(job, url, rows, WHOLE, between, max(ends, key=lambda one: one.seconds), [])


def _judged(job: Job, url: str, rows: int, point: str, between: Found, last: Start, problems: list[str]) -> Trial:
    assert job.into is not None
    if_exists, end = job.into.if_exists, look(url, rows)
    before = 0 if if_exists == "refuse" else OLD
    after = before if if_exists in ("append", "upsert") else 0
    there = point in (*COMMITTED, SECOND, WHOLE)
    wanted = Found(after, rows, 0, 0)
    if end != wanted:
        problems.append(f"at the end there is {end}")
    if between != (wanted if there else Found(before, 0, 0, rows)):
        problems.append(f"a reader saw {between}")
    if not job.files.exists(LOADED):
        problems.append("it is not recorded")
    return Trial(url, if_exists, point, between, end, last, tuple(problems))


def trials(jobs: list[Job], urls: list[str], rows: int) -> Iterator[Trial]:
    """Each point of appending, some of each other way, and two processes at once, in each database."""
    for url in urls:
        for job in jobs:
            assert job.into is not None
            for point in POINTS if job.into.if_exists == "append" else FEW:
                yield try_point(job, url, rows, point)
            yield try_two(job, url, rows)
