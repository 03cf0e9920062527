"""The few commands a person types: `prefect-openai-batch`."""

from .app import main

__all__ = ["main"]
