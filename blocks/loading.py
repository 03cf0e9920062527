"""Credentials by the name of their block: the name travels, never the key."""

from __future__ import annotations

from ..batch.errors import AccessError
from .azure_credentials import AzureOpenAICredentials
from .openai_credentials import OpenAICredentials
from .prefect_calls import at_once

Credentials = OpenAICredentials | AzureOpenAICredentials


def load_credentials(name: str | None = None) -> Credentials:
    """The credentials block of this name, or those of the environment where there is no name, or an empty one.

    Args:
        name: A block's name, or `slug/name` with the slug of its type.

    Raises:
        AccessError: there is no such block.
    """
    if not name:
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
