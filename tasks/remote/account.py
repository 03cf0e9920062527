"""Whose batches are asked for, and where: what an error names when OpenAI does not know one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from urllib.parse import urlsplit

from openai import NotFoundError, OpenAI

from ...batch.errors import BatchUnknown


def names_the_address(error: NotFoundError) -> bool:
    """Whether a 404 says that it is the address that is not known, and not the batch or the file."""
    return error.code == "unknown_url" or "invalid url" in error.message.lower()


@dataclass(frozen=True)
class Account:
    """Who asks, and where, as far as it is known; never the key.

    Attributes:
        base_url: The server's address.
        credentials: The credentials block's name; None: the key is the environment's.
        organization: The organisation, where it is named.
        project: The project, where it is named.
    """

    base_url: str
    credentials: str | None = None
    organization: str | None = None
    project: str | None = None

    @classmethod
    def of(cls, client: OpenAI, credentials: str | None) -> "Account":
        """The account that a client asks with, by the credentials block of this name."""
        return cls(str(client.base_url), credentials, client.organization, client.project)

    def __str__(self) -> str:
        block = f"the credentials block {self.credentials!r}" if self.credentials else "the environment's key"
        named = {"organisation": self.organization, "project": self.project}
        known = ", ".join(f"{kind} {name}" for kind, name in named.items() if name)
        return f"{block}{f' ({known})' if known else ''} at {self.base_url}"

    @property
    def digest(self) -> str:
        """What is the same for all runs of one project, where it is named, else of one credentials block.

        Nothing secret is in it: neither the key, nor a password in the address.
        """
        address = urlsplit(self.base_url)
        project = self.project or f"block {self.credentials or ''}"
        known = (address.hostname, address.port, address.path, self.organization, project)
        return sha256(repr(known).encode()).hexdigest()[:12]

    @contextmanager
    def batch_known(self, batch_id: str) -> Iterator[None]:
        """Let a 404 in the block say whose it is.

        Raises:
            BatchUnknown: the server does not know the batch.
        """
        try:
            yield
        except NotFoundError as error:
            if names_the_address(error):
                raise
            asked = self._as_answered(error.response.headers)
            raise BatchUnknown(
                f"OpenAI does not know the batch {batch_id}, asked with {asked}: {error.message.rstrip('.')}. "
                "A batch is known only to the account and the server that it was sent with: give that credentials "
                "block, or that key and base URL.",
                batch_ids=(batch_id,),
                credentials=self.credentials,
                base_url=self.base_url,
            ) from None

    def _as_answered(self, headers: Mapping[str, str]) -> "Account":
        """With the names that OpenAI's answers bear, where we have given none."""
        return replace(
            self,
            organization=self.organization or headers.get("openai-organization"),
            project=self.project or headers.get("openai-project"),
        )
