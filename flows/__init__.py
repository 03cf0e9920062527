"""What a person deploys or calls."""

from .frames import run_dataframe
from .job import openai_batch

__all__ = ["openai_batch", "run_dataframe"]
