"""The input files of a round."""

from collections.abc import Iterable

from ...batch.jobs.job import Selection
from ...batch.progress import report as report_progress
from ...batch.side_by_side import side_by_side
from ...tasks import build_items
from ..engines.handed import Handed, await_all
from ..job_run import JobRun


def build_round(job_run: JobRun, selections: Iterable[Selection]) -> None:
    """Build the input files of these selections that are not built yet."""
    report_progress("build", total=sum(selection.rows for selection in selections), done=0)
    built = side_by_side(job_run.job.built, selections)
    unbuilt = [selection for selection, files in built if files is None]
    build = job_run.task(build_items, "round-{parameters[selection].round}/{parameters[selection].name}/built")
    if job_run.job.deduplicate:  # each knows what those before it send
        for selection in unbuilt:
            Handed(build, selection).telling("build", selection.rows).result()
        return
    await_all([Handed(build, selection).telling("build", selection.rows) for selection in unbuilt])
