"""The form for people: a flow of few, flat parameters over the same job as `openai_batch`."""

from .form_flow import openai_batch_form, prefilled

__all__ = ["openai_batch_form", "prefilled"]
