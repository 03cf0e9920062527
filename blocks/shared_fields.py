"""What every credentials block holds, whoever's account it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from prefect.blocks.abstract import CredentialsBlock
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from ..batch.errors import AccessError
from ..batch.prices import Given
from ..batch.urls import without_user
from .given import plain, sendable

# Prefect imports this module whenever it looks for blocks, and openai costs a second: it is imported where
# a client is made.
if TYPE_CHECKING:
    from openai import Timeout

    from .gateway import Gateway


NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What a header may be called."""

LONGEST_TIMEOUT_SECONDS = 1e9
"""What a system can count, thirty years: with more no call gets through."""


class NamedSecret(BaseModel):
    """What a gateway in front of the server asks for. What is left empty is not sent."""

    model_config = ConfigDict(title="Name and value", hide_input_in_errors=True)

    name: str = Field(default="", title="Name")
    value: SecretStr = Field(default=SecretStr(""), title="Value")


class BatchCredentials(CredentialsBlock):
    """What all kinds of credentials share.

    Each header is a field of its own: of a list Prefect shows the values to everybody, and of a dictionary while
    they are typed.
    """

    model_config = ConfigDict(hide_input_in_errors=True)  # what is no field's value may still be a key

    header: NamedSecret = Field(
        default=NamedSecret(),
        title="Extra header",
        description="What a gateway in front of the server asks for, such as Ocp-Apim-Subscription-Key.",
    )
    second_header: NamedSecret = Field(default=NamedSecret(), title="Second extra header", description="One more.")
    third_header: NamedSecret = Field(
        default=NamedSecret(), title="Third extra header", description="And one more."
    )
    query_parameter: NamedSecret = Field(
        default=NamedSecret(),
        title="Extra query parameter",
        description="The same, where it stands behind the question mark of every address.",
    )
    user: SecretStr = Field(
        default=SecretStr(""),
        title="User and password",
        description="As user:password, where the server asks for them in place of the key.",
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        title="Webhook secret",
        description="What the account's webhooks are signed with; else OPENAI_WEBHOOK_SECRET.",
    )
    timeout_seconds: float = Field(
        default=600.0,
        gt=0,
        le=LONGEST_TIMEOUT_SECONDS,
        title="Time-out",
        description="Seconds a single call may take.",
    )
    connect_timeout_seconds: float = Field(
        default=5.0,
        gt=0,
        le=LONGEST_TIMEOUT_SECONDS,
        title="Connect time-out",
        description="Seconds that connecting may take.",
    )
    prices: Given = Field(
        default=(),
        title="Prices",
        description="What this account asks in batches, where it is not OpenAI's published price: a negotiated "
        "one, or another server's.",
    )

    @model_validator(mode="before")
    @classmethod
    def _put_in_order(cls, values: Any) -> Any:
        """What is null is not given; and no address keeps a password, for Prefect's events tell of addresses."""
        if not isinstance(values, dict):
            return values
        found = {name: value for name, value in values.items() if value is not None}
        for name in ("base_url", "azure_endpoint"):
            address, user = without_user(str(found.get(name, "")))
            if user:
                found |= {name: address, "user": found.get("user") or ":".join(user)}
        return found

    @field_validator("webhook_secret")
    @classmethod
    def _strip(cls, secret: SecretStr) -> SecretStr:
        """A secret that was copied with a line end signs nothing that OpenAI sends."""
        return SecretStr(secret.get_secret_value().strip())

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The schema with what all kinds share below what makes each its own, as a form shows it."""
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

    def _user(self, in_address: tuple[str, str] | None) -> tuple[str, str] | None:
        """The user and password to send, the block's before those of an address."""
        name, _, password = sendable(plain(self.user).strip(), "The credentials block's user").partition(":")
        return (name, password) if name else in_address

    def _gateway(self, address: str) -> Gateway:
        """What every request to this address bears.

        Raises:
            AccessError: a header has no name, or what no header can hold.
        """
        from httpx2 import URL

        from .gateway import Gateway

        headers = _named(self.header, self.second_header, self.third_header)
        return Gateway(URL(address), headers, _named(self.query_parameter))


def _named(*secrets: NamedSecret) -> dict[str, str]:
    found = {}
    for one in secrets:
        name, value = one.name.strip(), one.value.get_secret_value().strip()
        if not name and not value:
            continue
        if not NAME.fullmatch(name):
            raise AccessError("The credentials block holds an extra header or parameter with no name to send.")
        found[name] = sendable(value, f"The credentials block's {name}")
    return found
