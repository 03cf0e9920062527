"""Microsoft's Entra ID in place of a key: many Azure resources have their keys switched off."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ..batch.errors import AccessError
from .certificates import authorities
from .given import sendable

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from .tokens import Token

PUBLIC = "login.microsoftonline.com"

CLOUDS = {"us": "login.microsoftonline.us", "cn": "login.chinacloudapi.cn"}
"""Who signs in to the clouds of their own, by the last part of a resource's name."""

REFUSAL = "AADSTS"
"""So begins the code of each answer that gives no token."""

OUT_OF_ORDER = "AADSTS90033"
"""The one that says to try again."""


class EntraID(BaseModel):
    """Sign in by Entra ID instead of an API key; the token renews itself."""

    model_config = ConfigDict(title="Entra ID", hide_input_in_errors=True)

    sign_in: bool = Field(
        default=False,
        title="Sign in by Entra ID",
        description="With nothing filled in below, as whoever the machine is: a managed identity, Kubernetes' "
        "workload identity, the AZURE_… variables, or who is logged in by `az login`.",
    )
    tenant_id: str = Field(default="", title="Tenant", description="The directory's id, for an app's own secret.")
    client_id: str = Field(
        default="", title="Client", description="The app's id; without a secret, the managed identity's."
    )
    client_secret: SecretStr = Field(
        default=SecretStr(""), title="Client secret", description="The app's secret, where it signs in by one."
    )

    def token(self, endpoint: str) -> "Token":
        """The token for a resource, one for all clients of this process that sign in alike.

        Raises:
            AccessError: `azure-identity` is not installed, or an app's secret is given without its ids.
        """
        secret = self.client_secret.get_secret_value().strip()
        tenant, client = self.tenant_id.strip(), self.client_id.strip()
        if secret and not (tenant and client):
            raise AccessError("Entra ID: a client secret needs the tenant's and the client's id beside it.")
        for name, value in (("tenant", tenant), ("client", client), ("client secret", secret)):
            sendable(value, f"The credentials block's {name} of Entra ID")
        return remembered(tenant, client, secret, urlsplit(endpoint).hostname or "", authorities())


@cache
def remembered(tenant: str, client: str, secret: str, resource: str, authorities: str | None) -> "Token":
    """Kept for as long as the process lives: with it goes the memory of what was given."""
    try:
        from azure.core.exceptions import AzureError
        from azure.identity import get_bearer_token_provider
    except ImportError:
        raise AccessError('Entra ID needs azure-identity: pip install "prefect-openai-batch[azure]"') from None
    from .tokens import Token

    country = resource.rpartition(".")[2]
    host = os.environ.get("AZURE_AUTHORITY_HOST") or CLOUDS.get(country, PUBLIC)
    scope = f"https://cognitiveservices.azure.{country if country in CLOUDS else 'com'}/.default"
    address = host if "://" in host else f"https://{host}"

    def passes(error: Exception) -> bool:
        """All but an answer that says no; what else befalls a sign-in bears the same class, and has no answer."""
        says_no = REFUSAL in str(error) and OUT_OF_ORDER not in str(error)
        return isinstance(error, AzureError) and not says_no

    return Token(
        get_bearer_token_provider(_credential(tenant, client, secret, address, authorities), scope),
        giver="Entra ID",
        address=address,
        passes=passes,
        secrets=lambda: [secret],
    )


def _credential(tenant: str, client: str, secret: str, address: str, authorities: str | None) -> "TokenCredential":
    from azure.identity import ClientSecretCredential, DefaultAzureCredential

    options: dict[str, Any] = {
        "authority": address,
        "connection_timeout": 30,  # seconds; its own is 300, tried several times
        "retry_total": 2,
    }
    if authorities:
        options["connection_verify"] = authorities
    if secret:
        return ClientSecretCredential(tenant, client, secret, **options)
    if tenant:
        options["workload_identity_tenant_id"] = options["interactive_browser_tenant_id"] = tenant
    if client:
        options["managed_identity_client_id"] = options["workload_identity_client_id"] = client
    return DefaultAzureCredential(**options)
