"""What a person deploys or calls."""

from .forgetting.forget_flow import forget_job
from .frames import report_of, run_dataframe
from .healing import collect_cancelled_run, heal_run
from .job import openai_batch
from .recover import recover_job
from .resume import collect_job, resume_job
from .shown.ui_links import link_to_new_ui
from .suspension.wake import wake_jobs
from .trials import openai_batch_trial, try_rows

__all__ = [
    "collect_cancelled_run",
    "collect_job",
    "forget_job",
    "heal_run",
    "openai_batch",
    "openai_batch_trial",
    "recover_job",
    "report_of",
    "resume_job",
    "run_dataframe",
    "try_rows",
    "wake_jobs",
]

link_to_new_ui()
