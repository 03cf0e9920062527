"""An OpenAI account, or one at any server that speaks OpenAI's Batch API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, HttpUrl, SecretStr

from ..batch.errors import AccessError
from ..batch.urls import without_user
from .given import given
from .shared_fields import BatchCredentials
from .workload_identity import WorkloadIdentity

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

    from .gateway import Gateway
    from .tokens import Token

OPENAI = "https://api.openai.com/v1"

Region = Literal["anywhere", "us", "eu", "ae", "au", "in", "jp"]


class OpenAICredentials(BatchCredentials):
    """The OpenAI account that batches are sent with. Runs take the block's name as their credentials.

    What is left empty comes from OpenAI's environment variables, where the run takes place. Any other server that
    speaks OpenAI's Batch API is asked by its base URL; Azure has a block of its own.

    Example:
        ```python
        from prefect_openai_batch import OpenAICredentials, list_batches

        credentials = OpenAICredentials.load("BLOCK_NAME")
        with credentials.get_client() as client:
            print(client.models.list().data[0].id)

        batches = list_batches(credentials="BLOCK_NAME")  # flows and tasks take the block's name
        ```
    """

    _block_type_name = "OpenAI Batch Credentials"
    _block_type_slug = "openai-batch-credentials"
    _description = "The account that batches are sent with, at OpenAI or at any server that speaks its Batch API."
    _logo_url = HttpUrl(
        "https://cdn.sanity.io/images/3ugk85nk/production/760539393a7dbf93a143fb01c2a8b0fe7157a8d8-247x250.png"
    )
    _documentation_url = HttpUrl("https://platform.openai.com/docs/guides/batch")

    api_key: SecretStr = Field(
        default=SecretStr(""),
        title="API key",
        description="What OpenAI gave you: sk-… Empty: the worker's OPENAI_API_KEY.",
    )
    organization: str = Field(
        default="", title="Organisation", description="Its id; else OPENAI_ORG_ID.", examples=["org-…"]
    )
    project: str = Field(
        default="", title="Project", description="Its id; else OPENAI_PROJECT_ID.", examples=["proj_…"]
    )
    region: Region = Field(
        default="anywhere",
        title="Data residency",
        description="The region that the project's data may not leave, as it is set at OpenAI.",
    )
    base_url: str = Field(
        default="",
        title="Base URL",
        description="Another server that speaks OpenAI's Batch API; else OPENAI_BASE_URL, else OpenAI itself.",
        examples=["http://127.0.0.1:8080/v1"],
    )
    workload_identity: WorkloadIdentity = Field(
        default=WorkloadIdentity(),
        title="Workload identity",
        description="Sign in by what the cloud says of the machine, instead of an API key.",
    )

    def get_client(self) -> OpenAI:
        """A synchronous client; close it, or use it as a context manager.

        Raises:
            AccessError: there is no key, neither here nor in the environment, or what no header can hold; or the
                certificates or the proxy that the environment names cannot be used.
        """
        from openai import OpenAI

        from .http_client import make_http_client

        options, gateway, user = self._options()
        return OpenAI(**options, api_key=self._key(), http_client=make_http_client(gateway, user))

    def get_async_client(self) -> AsyncOpenAI:
        """The same for an event loop; close it, or use it as an asynchronous context manager.

        Raises:
            AccessError: as `get_client` does.
        """
        from openai import AsyncOpenAI

        from .http_client import make_async_http_client

        options, gateway, user = self._options()
        key = self._key()
        later = key if isinstance(key, str) else key.later
        return AsyncOpenAI(**options, api_key=later, http_client=make_async_http_client(gateway, user))

    def _key(self) -> str | Token:
        if self.workload_identity.is_given:
            return self.workload_identity.token()
        return given(self.api_key, "api_key", "OPENAI_API_KEY", needed=True)

    def _options(self) -> tuple[dict[str, Any], Gateway, tuple[str, str] | None]:
        """What both clients are made with, what the gateway asks for, and the user that the address names."""
        address, user = without_user(self._address())
        options = {
            "organization": given(self.organization, "organization", "OPENAI_ORG_ID"),
            "project": given(self.project, "project", "OPENAI_PROJECT_ID"),
            "base_url": address,
            "timeout": self._timeout(),
        }
        return options, self._gateway(address), self._user(user)

    def _address(self) -> str:
        if self.region == "anywhere":
            return given(self.base_url, "base_url", "OPENAI_BASE_URL") or OPENAI
        if self.base_url:
            raise AccessError("The credentials block holds both a region and a base URL: leave one of them out.")
        return OPENAI.replace("//", f"//{self.region}.")
