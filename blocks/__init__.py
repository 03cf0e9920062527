"""Prefect blocks: who we are to OpenAI."""

from .azure_credentials import AzureOpenAICredentials
from .loading import load_credentials
from .openai_credentials import OpenAICredentials

__all__ = ["AzureOpenAICredentials", "OpenAICredentials", "load_credentials"]
