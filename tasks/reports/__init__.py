"""What Prefect's UI shows of a job when it is done."""

from .report import at_openai, show_report

__all__ = ["at_openai", "show_report"]
