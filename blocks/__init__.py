"""Prefect blocks: who we are to OpenAI."""

from .credentials import AzureOpenAICredentials, OpenAICredentials, load_credentials

__all__ = ["AzureOpenAICredentials", "OpenAICredentials", "load_credentials"]
