"""A trial: some rows answered at once, from Python and as a deployable flow."""

from .trial_flow import openai_batch_trial
from .trying import try_rows

__all__ = ["openai_batch_trial", "try_rows"]
