"""Credentials: a block's name travels, never the key."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from prefect.blocks.abstract import CredentialsBlock
from pydantic import Field, HttpUrl, SecretStr

from ..batch.errors import AccessError

# Prefect imports this module whenever it looks for blocks, and openai costs a second: it is imported where
# a client is made.
if TYPE_CHECKING:
    from ssl import SSLContext

    from openai import AzureOpenAI, DefaultHttpxClient, OpenAI, Timeout


class BatchCredentials(CredentialsBlock):
    """What both kinds of credentials share."""

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

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The schema with what both kinds share below what makes each its own, as a form shows it."""
        schema = super().model_json_schema(*args, **kwargs)
        shared = getattr(cls.__base__, "model_fields", {})
        fields = sorted(schema["properties"].items(), key=lambda field: field[0] in shared)
        schema["properties"] = {
            name: {**field, "position": position} for position, (name, field) in enumerate(fields)
        }
        return schema

    def _timeout(self) -> Timeout:
        from openai import Timeout

        return Timeout(self.timeout_seconds, connect=self.connect_timeout_seconds)


class OpenAICredentials(BatchCredentials):
    """An OpenAI account; what is left empty comes from OpenAI's environment variables.

    Works with any server that speaks OpenAI's Batch API, by its `base_url`.

    Example:
        ```python
        from prefect_openai_batch import OpenAICredentials, list_batches

        OpenAICredentials(api_key="sk-...", project="proj_...").save("BLOCK_NAME")
        credentials = OpenAICredentials.load("BLOCK_NAME")
        batches = list_batches(credentials="BLOCK_NAME")  # flows and tasks take the block's name
        ```
    """

    _block_type_name = "OpenAI Batch Credentials"
    _block_type_slug = "openai-batch-credentials"
    _description = "The account that batches are sent with."
    _documentation_url = HttpUrl("https://platform.openai.com/docs/guides/batch")

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

    def get_client(self) -> OpenAI:
        """A synchronous client; close it, or use it as a context manager.

        Raises:
            AccessError: there is no key, neither here nor in the environment.
        """
        from openai import OpenAI

        return OpenAI(
            api_key=_given(self.api_key, "OPENAI_API_KEY"),
            organization=self.organization,
            project=self.project,
            base_url=self.base_url,
            timeout=self._timeout(),
            http_client=_http_client(),
        )


class AzureOpenAICredentials(BatchCredentials):
    """An Azure OpenAI resource; what is left empty comes from OpenAI's environment variables.

    Azure names deployments where OpenAI names models: give the Global-Batch deployment's name as the model.

    Example:
        ```python
        from prefect_openai_batch import AzureOpenAICredentials

        AzureOpenAICredentials(
            api_key="...",
            azure_endpoint="https://my-resource.openai.azure.com",
            api_version="2025-04-01-preview",
        ).save("BLOCK_NAME")
        credentials = AzureOpenAICredentials.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Azure OpenAI Batch Credentials"
    _block_type_slug = "azure-openai-batch-credentials"
    _description = "The Azure OpenAI resource that batches are sent with."
    _documentation_url = HttpUrl("https://learn.microsoft.com/azure/ai-services/openai/how-to/batch")

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
            timeout=self._timeout(),
            http_client=_http_client(),
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
