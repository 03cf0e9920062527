"""Credentials: a block's name travels, never the key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, overload
from urllib.parse import unquote

from prefect.blocks.abstract import CredentialsBlock
from pydantic import ConfigDict, Field, HttpUrl, SecretStr, field_validator

from ..batch.errors import AccessError
from ..batch.prices import Given
from .prefect_calls import at_once

# Prefect imports this module whenever it looks for blocks, and openai costs a second: it is imported where
# a client is made.
if TYPE_CHECKING:
    from openai import AzureOpenAI, OpenAI, Timeout


class BatchCredentials(CredentialsBlock):
    """What both kinds of credentials share."""

    model_config = ConfigDict(hide_input_in_errors=True)  # what is no field's value may still be a key

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
    prices: Given = Field(
        default=(),
        title="Prices",
        description="What this account asks in batches, where it is not OpenAI's published price: a negotiated "
        "one, or another server's.",
    )

    @field_validator("webhook_secret")
    @classmethod
    def _strip(cls, secret: SecretStr | None) -> SecretStr | None:
        """A secret that was copied with a line end signs nothing that OpenAI sends."""
        return secret and SecretStr(secret.get_secret_value().strip())

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
            AccessError: there is no key, neither here nor in the environment, or what no header can hold.
        """
        from openai import OpenAI

        from .http_client import make_http_client

        address, user = _without_user(_given(self.base_url, "base_url", "OPENAI_BASE_URL"))
        return OpenAI(
            api_key=_given(self.api_key, "api_key", "OPENAI_API_KEY", needed=True),
            organization=_given(self.organization, "organization", "OPENAI_ORG_ID"),
            project=_given(self.project, "project", "OPENAI_PROJECT_ID"),
            base_url=address,
            timeout=self._timeout(),
            http_client=make_http_client(user),
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
            AccessError: key, endpoint or API version are neither here nor in the environment, or are what no
                header can hold.
        """
        from openai import AzureOpenAI

        from .http_client import make_http_client

        api_key = _given(self.api_key, "api_key", "AZURE_OPENAI_API_KEY", needed=True)
        endpoint = _given(self.azure_endpoint, "azure_endpoint", "AZURE_OPENAI_ENDPOINT", needed=True)
        address, user = _without_user(endpoint)
        return AzureOpenAI(
            api_key=api_key,
            azure_endpoint=str(address),
            api_version=_given(self.api_version, "api_version", "OPENAI_API_VERSION", needed=True),
            timeout=self._timeout(),
            http_client=make_http_client(user),
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
            found: Credentials = at_once(kind.load, rest)
        except ValueError:  # Prefect's answer where there is no such block
            continue
        return found
    raise AccessError(
        f"There is no credentials block named {name!r}. Make one in Prefect's UI under Blocks, or leave "
        "`credentials` out to use OPENAI_API_KEY.",
        credentials=name,
    )


@overload
def _given(value: SecretStr | str | None, field: str, variable: str, *, needed: Literal[True]) -> str: ...
@overload
def _given(value: SecretStr | str | None, field: str, variable: str, *, needed: bool = False) -> str | None: ...
def _given(value: SecretStr | str | None, field: str, variable: str, *, needed: bool = False) -> str | None:
    """A setting of the block, else of the environment, without the blanks and line ends around it.

    Raises:
        AccessError: it is needed and not there, or no header can hold it; its value is never quoted, for libraries
            quote what they cannot send.
    """
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    origin = f"The credentials block's {field}" if value else variable
    given = value or os.environ.get(variable)
    found = (given or "").strip()
    if not found and (needed or given):
        raise AccessError(
            f"{variable} is not set. Set it in the environment, or give a credentials block that holds it."
            if needed
            else f"{origin} holds nothing but blanks: take it away.",
            variable=variable,
        )
    strange = next((place for place, sign in enumerate(found, 1) if not " " <= sign <= "~"), None)
    if strange is not None:
        raise AccessError(
            f"{origin} cannot be sent: its character {strange} of {len(found)} is none that an HTTP header can "
            "hold, such as a line end within it or a typographic sign. Copy it again.",
            variable=variable,
        )
    return found or None


def _without_user(address: str | None) -> tuple[str | None, tuple[str, str] | None]:
    """An address, and apart from it the user and password that it names: errors and logs quote addresses."""
    scheme, slashes, rest = (address or "").partition("://")
    place, slash, path = rest.partition("/")
    user, at, host = place.rpartition("@")
    if not at:
        return address, None
    name, _, password = user.partition(":")
    return f"{scheme}{slashes}{host}{slash}{path}", (unquote(name), unquote(password))
