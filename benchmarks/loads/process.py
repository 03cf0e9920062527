"""One start of a load, in a process of its own: killed at a point, or to its end.

python -m benchmarks.loads.process JOB_FOLDER DATABASE_URL [POINT]
"""

import resource
import sys

from prefect_openai_batch.batch.jobs.destinations.loads import load_job_results
from prefect_openai_batch.batch.jobs.job import load_job
from prefect_openai_batch.batch.tables.sql.loads.engines import OPTIONS
from sqlalchemy import create_engine

from .points import POINTS


def main() -> None:
    """Load, and print the most memory that was taken, in bytes."""
    folder, url, *points = sys.argv[1:]
    engine = create_engine(url, **OPTIONS)
    for point in points:
        POINTS[point](engine)
    job = load_job(folder)
    assert job.into is not None
    load_job_results(engine, job, job.into)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main()
