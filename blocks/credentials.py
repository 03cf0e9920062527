"""Credentials: a block's name travels, never the key."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from ..batch.errors import AccessError

# Prefect imports this module whenever it looks for blocks, and openai costs a second: it is imported where
# a client is made.
if TYPE_CHECKING:
    from ssl import SSLContext

    from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, DefaultHttpxClient, OpenAI, Timeout


class OpenAICredentials(Block):
    """An OpenAI account; what is left empty comes from OpenAI's environment variables.

    Works with any server that speaks OpenAI's Batch API, by its `base_url`.

    Example:
        ```python
        from prefect_openai_batch import OpenAICredentials

        OpenAICredentials(api_key="sk-…", project="proj_…").save("team-account")
        ```
    """

    _block_type_name = "OpenAI Batch Credentials"
    _block_type_slug = "openai-batch-credentials"
    _description = "The account that batches are sent with."

    api_key: SecretStr | None = Field(
        default=None, title="API key", description="Else OPENAI_API_KEY from the environment."
    )
    organization: str | None = Field(
        default=None, title="Organisation", description="Else OPENAI_ORG_ID.", examples=["org-…"]
    )
    project: str | None = Field(
        default=None, title="Project", description="Else OPENAI_PROJECT_ID.", examples=["proj_…"]
    )
    base_url: str | None = Field(
        default=None,
        title="Base URL",
        description="Another server that speaks OpenAI's Batch API; else OPENAI_BASE_URL, else OpenAI itself.",
        examples=["http://127.0.0.1:8080/v1"],
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        title="Webhook secret",
        description="What the account's webhooks are signed with; else OPENAI_WEBHOOK_SECRET.",
    )
    timeout_seconds: float = Field(
        default=600.0, gt=0, title="Time-out", description="Seconds a single call may take."
    )
    connect_timeout_seconds: float = Field(
        default=5.0, gt=0, title="Connect time-out", description="Seconds that connecting may take."
    )

    def get_client(self) -> OpenAI:
        """A synchronous client; close it, or use it as a context manager.

        Raises:
            AccessError: there is no key, neither here nor in the environment.
        """
        from openai import OpenAI

        return OpenAI(
            api_key=self._key(),
            organization=self.organization,
            project=self.project,
            base_url=self.base_url,
            timeout=_timeout(self),
            http_client=_http_client(),
        )

    def get_async_client(self) -> AsyncOpenAI:
        """An asynchronous client; close it, or use it as a context manager.

        Raises:
            AccessError: there is no key, neither here nor in the environment.
        """
        from openai import AsyncOpenAI

        return AsyncOpenAI(
            api_key=self._key(),
            organization=self.organization,
            project=self.project,
            base_url=self.base_url,
            timeout=_timeout(self),
        )

    def _key(self) -> str:
        return _given(self.api_key, "OPENAI_API_KEY")


class AzureOpenAICredentials(Block):
    """An Azure OpenAI resource; what is left empty comes from OpenAI's environment variables.

    Azure names deployments where OpenAI names models: give the Global-Batch deployment's name as the model.
    """

    _block_type_name = "Azure OpenAI Batch Credentials"
    _block_type_slug = "azure-openai-batch-credentials"
    _description = "The Azure OpenAI resource that batches are sent with."

    api_key: SecretStr | None = Field(
        default=None, title="API key", description="Else AZURE_OPENAI_API_KEY from the environment."
    )
    azure_endpoint: str | None = Field(
        default=None,
        title="Endpoint",
        description="Else AZURE_OPENAI_ENDPOINT.",
        examples=["https://my-resource.openai.azure.com"],
    )
    api_version: str | None = Field(
        default=None,
        title="API version",
        description="Else OPENAI_API_VERSION.",
        examples=["2025-04-01-preview"],
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        title="Webhook secret",
        description="What the account's webhooks are signed with; else OPENAI_WEBHOOK_SECRET.",
    )
    timeout_seconds: float = Field(
        default=600.0, gt=0, title="Time-out", description="Seconds a single call may take."
    )
    connect_timeout_seconds: float = Field(
        default=5.0, gt=0, title="Connect time-out", description="Seconds that connecting may take."
    )

    def get_client(self) -> AzureOpenAI:
        """A synchronous client; close it, or use it as a context manager.

        Raises:
            AccessError: key, endpoint or API version are neither here nor in the environment.
        """
        from openai import AzureOpenAI

        return AzureOpenAI(
            api_key=_given(self.api_key, "AZURE_OPENAI_API_KEY"),
            azure_endpoint=_given(self.azure_endpoint, "AZURE_OPENAI_ENDPOINT"),
            api_version=_given(self.api_version, "OPENAI_API_VERSION"),
            timeout=_timeout(self),
            http_client=_http_client(),
        )

    def get_async_client(self) -> AsyncAzureOpenAI:
        """An asynchronous client; close it, or use it as a context manager.

        Raises:
            AccessError: key, endpoint or API version are neither here nor in the environment.
        """
        from openai import AsyncAzureOpenAI

        return AsyncAzureOpenAI(
            api_key=_given(self.api_key, "AZURE_OPENAI_API_KEY"),
            azure_endpoint=_given(self.azure_endpoint, "AZURE_OPENAI_ENDPOINT"),
            api_version=_given(self.api_version, "OPENAI_API_VERSION"),
            timeout=_timeout(self),
        )


Credentials = OpenAICredentials | AzureOpenAICredentials


def load_credentials(name: str | None = None) -> Credentials:
    """The credentials block of this name, or those of the environment where there is no name.

    Args:
        name: A block's name, or `slug/name` with the slug of its type.

    Raises:
        AccessError: there is no such block.
    """
    if name is None:
        return OpenAICredentials()
    slug, _, rest = name.rpartition("/")
    kinds = [kind for kind in (OpenAICredentials, AzureOpenAICredentials) if slug in ("", kind._block_type_slug)]
    for kind in kinds:
        try:
            block = kind.load(rest)
        except ValueError:  # Prefect's answer where there is no such block
            continue
        assert isinstance(block, kind), "outside an event loop a block loads at once"
        return block
    raise AccessError(
        f"There is no credentials block named {name!r}. Make one in Prefect's UI under Blocks, or leave "
        "`credentials` out to use OPENAI_API_KEY.",
        credentials=name,
    )


def _given(value: SecretStr | str | None, variable: str) -> str:
    """A setting of the block, else of the environment."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    found = value or os.environ.get(variable)
    if not found:
        raise AccessError(
            f"{variable} is not set. Set it in the environment, or give a credentials block that holds it.",
            variable=variable,
        )
    return found


def _http_client() -> DefaultHttpxClient:
    """A new HTTP client; reading the certificates takes longer than many a call, so that is done once."""
    from openai import DefaultHttpxClient

    return DefaultHttpxClient(verify=_certificates())


@cache
def _certificates() -> SSLContext:
    from httpx2 import create_ssl_context

    return create_ssl_context()


def _timeout(credentials: Credentials) -> Timeout:
    from openai import Timeout

    return Timeout(credentials.timeout_seconds, connect=credentials.connect_timeout_seconds)
