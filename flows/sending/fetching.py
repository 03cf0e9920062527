"""The outputs of batches that have ended: fetched on the flow's engine, while others are waited for."""

from functools import partial

from prefect import get_run_logger

from ...batch.errors import AccessError, BatchNotFinished, StorageNotShared
from ...batch.files.batches import Batch
from ...batch.outcomes.outcome_files import FetchedOutput
from ...batch.progress import report
from ...tasks import fetch_output
from ...tasks.remote.tries import kind_of, may_pass
from ..engines.handed import Handed
from ..job_run import JobRun
from ..shown.story import tell_fetched

NAME = "round-{parameters[batch].input_file.round}/{parameters[batch].input_file.name}/fetched"


class Fetching:
    """The outputs of a job that are being fetched, or are, and whose end nobody has asked for yet."""

    def __init__(self, job_run: JobRun) -> None:
        self._job_run = job_run
        self._begun: list[tuple[Batch, Handed[FetchedOutput]]] = []

    def begin(self, ended: Batch) -> None:
        """Have the output of a batch fetched."""
        job, task = self._job_run.job, self._job_run.task(fetch_output, NAME)
        handed = Handed(
            task,
            ended,
            keep_response=job.request.keep_response,
            answer=job.request.answer_type,
            answers=job.answers,
            credentials=self._job_run.credentials,
        )
        if ended.input_file is not None:
            handed.telling("fetch", ended.input_file.items).then(partial(tell_fetched, job, ended.input_file))
        self._begun.append((ended, handed))

    def check(self) -> None:
        """Look at those that are over, for what would fail every other one too: no more is sent then.

        Raises:
            AccessError, StorageNotShared, OSError: where outputs are fetched is no key, no storage or no room.
        """
        for _, handed in self._begun:
            error = handed.failure()
            if isinstance(error, AccessError | StorageNotShared | OSError) and not may_pass(error):
                self.settle()
                raise error

    def settle(self) -> None:
        """Wait for the end of all; what fails, `end` raises."""
        for _, handed in self._begun:
            handed.settle()

    def end(self, *, patient: bool) -> list[Batch]:
        """Wait for the end of all, also where one fails: nothing is at work any more then.

        Args:
            patient: Whether what may pass is no error: OpenAI is away.

        Returns:
            The batches whose output is to be fetched later.

        Raises:
            Exception: what the first one that failed has raised.
        """
        self.settle()
        begun, self._begun = self._begun, []
        later: list[Batch] = []
        for batch, handed in begun:
            try:
                handed.result()
            except Exception as error:
                if not (isinstance(error, BatchNotFinished) or (patient and may_pass(error))):
                    raise
                get_run_logger().warning("The output of %s is fetched later: %s", batch.id, kind_of(error))
                later.append(batch)
                report("fetch", advance=-batch.input_file.items if batch.input_file else 0)  # it counted as done
        return later
