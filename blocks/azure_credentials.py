"""An Azure OpenAI resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, HttpUrl, SecretStr

from ..batch.urls import without_user
from .entra_id import EntraID
from .given import given
from .shared_fields import BatchCredentials

if TYPE_CHECKING:
    from openai import AsyncAzureOpenAI, AzureOpenAI

    from .gateway import Gateway


class AzureOpenAICredentials(BatchCredentials):
    """The Azure OpenAI resource that batches are sent with. Runs take the block's name as their credentials.

    Azure names deployments where OpenAI names models: give the name of a Global-Batch or DataZone-Batch deployment
    as the model. What is left empty comes from OpenAI's environment variables, where the run takes place.

    Example:
        ```python
        from prefect_openai_batch import AzureOpenAICredentials, list_batches

        credentials = AzureOpenAICredentials.load("BLOCK_NAME")
        with credentials.get_client() as client:
            print(client.models.list().data[0].id)

        batches = list_batches(credentials="BLOCK_NAME")  # flows and tasks take the block's name
        ```
    """

    _block_type_name = "Azure OpenAI Batch Credentials"
    _block_type_slug = "azure-openai-batch-credentials"
    _description = "The Azure OpenAI resource that batches are sent with, by its key or by Entra ID."
    _logo_url = HttpUrl(
        "https://cdn.sanity.io/images/3ugk85nk/production/54e3fa7e00197a4fbd1d82ed62494cb58d08c96a-250x250.png"
    )
    _documentation_url = HttpUrl("https://learn.microsoft.com/azure/ai-services/openai/how-to/batch")

    api_key: SecretStr = Field(
        default=SecretStr(""), title="API key", description="Else AZURE_OPENAI_API_KEY from the environment."
    )
    azure_endpoint: str = Field(
        default="",
        title="Endpoint",
        description="The resource's address; else AZURE_OPENAI_ENDPOINT.",
        examples=["https://my-resource.openai.azure.com"],
    )
    api_version: str = Field(
        default="",
        title="API version",
        description="Else OPENAI_API_VERSION.",
        examples=["2025-04-01-preview"],
    )
    entra_id: EntraID = Field(
        default=EntraID(), title="Entra ID", description="Where keys are switched off: sign in by a token."
    )

    def get_client(self) -> AzureOpenAI:
        """A synchronous client; close it, or use it as a context manager.

        Raises:
            AccessError: key, endpoint or API version are neither here nor in the environment, or are what no
                header can hold; or the certificates or the proxy that the environment names cannot be used.
        """
        from openai import AzureOpenAI

        from .http_client import make_http_client

        options, gateway, user = self._options()
        if self.entra_id.sign_in:
            options["azure_ad_token_provider"] = self.entra_id.token(options["azure_endpoint"])
        return AzureOpenAI(**options, http_client=make_http_client(gateway, user))

    def get_async_client(self) -> AsyncAzureOpenAI:
        """The same for an event loop; close it, or use it as an asynchronous context manager.

        Raises:
            AccessError: as `get_client` does.
        """
        from openai import AsyncAzureOpenAI

        from .http_client import make_async_http_client

        options, gateway, user = self._options()
        if self.entra_id.sign_in:
            options["azure_ad_token_provider"] = self.entra_id.token(options["azure_endpoint"]).later
        return AsyncAzureOpenAI(**options, http_client=make_async_http_client(gateway, user))

    def _options(self) -> tuple[dict[str, Any], Gateway, tuple[str, str] | None]:
        """What both clients are made with, what the gateway asks for, and the user that the address names."""
        key = None
        if not self.entra_id.sign_in:
            key = given(self.api_key, "api_key", "AZURE_OPENAI_API_KEY", needed=True)
        endpoint = given(self.azure_endpoint, "azure_endpoint", "AZURE_OPENAI_ENDPOINT", needed=True)
        address, user = without_user(endpoint)
        options = {
            "api_key": key,
            "azure_endpoint": address,
            "api_version": given(self.api_version, "api_version", "OPENAI_API_VERSION", needed=True),
            "timeout": self._timeout(),
        }
        return options, self._gateway(address), self._user(user)
