"""The answers of a job read, joined to its rows and written: `python -m benchmarks.fetches.ours FOLDER KIND`.

It does what `fetch_output` does behind the download, and what `write_results` does.
"""

import json
import sys
import time
from pathlib import Path

from prefect_openai_batch.batch.files.batches import read_batch
from prefect_openai_batch.batch.jobs.results import write_job_results
from prefect_openai_batch.batch.money.estimates import estimate_files
from prefect_openai_batch.batch.outcomes.kept.kept_outcomes import OUTCOMES
from prefect_openai_batch.batch.outcomes.outcome_files import write_outcomes

from .stage import job_of, output_path


def main(folder: Path, kind: str) -> None:
    """Measure it, and print what it took."""
    job = job_of(folder, kind)
    rows, files = job.kept_rows("fetching"), job.input_files()
    estimate_files(files)  # as a flow does before it sends anything: then the prices are loaded
    for file in files:
        file.files.remove(OUTCOMES)  # of the turn before: to put a file in place of another takes longer
    Path(job.destination).unlink(missing_ok=True)
    begun = time.process_time()
    for number, file in enumerate(files):
        batch = read_batch({"id": f"batch_{number}", "status": "completed"}, file)
        paths = [output_path(folder, number)]
        answer = job.request.answer_type
        found = write_outcomes(batch, file.endpoint, file.read_items(), paths, file.files, answer=answer)
        file.files.write("fetched.json", found)
    report = write_job_results(job, rows)
    taken = time.process_time() - begun
    assert report.answered == rows.rows, report
    print(json.dumps({"rows": report.answered, "processor_seconds": taken}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
