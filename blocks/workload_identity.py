"""OpenAI's workload identity in place of a key: what the cloud says of this machine is exchanged for a token."""

from functools import cache
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..batch.errors import AccessError
from .given import sendable

if TYPE_CHECKING:
    from openai.auth import SubjectTokenProvider

    from .tokens import Token

Origin = Literal["Kubernetes", "Azure", "Google Cloud"]

ADDRESS = "https://auth.openai.com"
"""Where OpenAI gives tokens."""

TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105  # the path of one


class WorkloadIdentity(BaseModel):
    """Sign in by what the cloud says of this machine, instead of an API key; the token renews itself."""

    model_config = ConfigDict(title="Workload identity")

    identity_provider_id: str = Field(
        default="",
        title="Identity provider",
        description="Its id in OpenAI's settings. Leave it empty to sign in by an API key.",
    )
    service_account_id: str = Field(
        default="", title="Service account", description="The id of OpenAI's service account to work as."
    )
    origin: Origin = Field(
        default="Kubernetes", title="Where the machine runs", description="Who says what machine it is."
    )
    token_file: str = Field(
        default=TOKEN_FILE, title="Token file", description="In Kubernetes: where the pod's token lies."
    )

    @property
    def is_given(self) -> bool:
        """Whether to sign in so."""
        return bool(self.identity_provider_id.strip() or self.service_account_id.strip())

    def token(self) -> "Token":
        """The token, one for all clients of this process that sign in alike.

        Raises:
            AccessError: one of the two ids is missing.
        """
        provider, account = self.identity_provider_id.strip(), self.service_account_id.strip()
        if not (provider and account):
            raise AccessError(
                "A workload identity needs both ids, the identity provider's and the service account's."
            )
        sendable(provider, "The identity provider's id")
        sendable(account, "The service account's id")
        return remembered(provider, account, self.origin, self.token_file.strip())


@cache
def remembered(provider: str, account: str, origin: Origin, token_file: str) -> "Token":
    """Kept for as long as the process lives: with it goes the memory of what was given."""
    from httpx2 import TransportError
    from openai import OpenAIError
    from openai.auth import WorkloadIdentityAuth

    from .tokens import Token

    said_of_us = _provider(origin, token_file)
    last: list[str] = []

    def say() -> str:
        last[:] = [said_of_us["get_token"]()]
        return last[0]

    identity = WorkloadIdentityAuth(
        workload_identity={
            "identity_provider_id": provider,
            "service_account_id": account,
            "provider": {"token_type": said_of_us["token_type"], "get_token": say},
        }
    )
    return Token(
        identity.get_token,
        giver="OpenAI's workload identity",
        address=ADDRESS,
        passes=lambda error: isinstance(error, TransportError) or type(error) is OpenAIError,
        secrets=lambda: last,
    )


def _provider(origin: Origin, token_file: str) -> "SubjectTokenProvider":
    """Who says what machine this is; a cloud's own address is never asked through a proxy."""
    from httpx2 import Client
    from openai import auth

    if origin == "Kubernetes":
        return auth.k8s_service_account_token_provider(token_file)
    direct = Client(trust_env=False)
    if origin == "Azure":
        return auth.azure_managed_identity_token_provider(http_client=direct)
    return auth.gcp_id_token_provider(http_client=direct)
