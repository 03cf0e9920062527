"""Credentials blocks by reference, as Prefect keeps a parameter, and by name, as we hand them on."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, get_args

from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from ..batch.errors import AccessError
from .loading import Credentials

REFERENCE = "$ref"
"""The key under which a parameter names the block that it stands for."""


def name_of(block: Block) -> str:
    """A saved block's name with the slug of its type, which `load_credentials` takes.

    Raises:
        AccessError: it was never saved, so that no other process could load it.
    """
    if block._block_document_name is None:
        raise AccessError(
            "The account is no saved block, and only a block's name travels: save it, and load it by its name."
        )
    return f"{block.get_block_type_slug()}/{block._block_document_name}"


def name_at(parameter: Mapping[str, Any]) -> str:
    """The same of the block that a stored parameter refers to; its secrets are not read.

    Raises:
        AccessError: there is no such block any more.
    """
    given = parameter.get(REFERENCE)
    reference = given if isinstance(given, Mapping) else {"block_document_id": given}
    slug = reference.get("block_document_slug")
    return str(slug) if slug else _name_by_id(str(reference.get("block_document_id")))


def reference_to(block: Block) -> dict[str, Any] | None:
    """How a parameter refers to a block; None where it was never saved."""
    return _reference(block._block_document_id) if block._block_document_id else None


def only_account() -> tuple[str, dict[str, Any]] | None:
    """The one credentials block there is, by its type's slug and a reference; None where there is a choice."""
    slugs = [kind.get_block_type_slug() for kind in get_args(Credentials)]
    with get_client(sync_client=True) as client:
        found = [
            (slug, _reference(document.id))
            for slug in slugs
            for document in client.read_block_documents_by_type(slug, include_secrets=False)
        ]
    return found[0] if len(found) == 1 else None


def _reference(block_document_id: Any) -> dict[str, Any]:
    return {REFERENCE: {"block_document_id": str(block_document_id)}}


@lru_cache(maxsize=1000)
def _name_by_id(block_document_id: str) -> str:
    """A block keeps its name as long as its id."""
    try:
        with get_client(sync_client=True) as client:
            document = client.read_block_document(block_document_id, include_secrets=False)  # type: ignore[arg-type]
    except ObjectNotFound:
        raise AccessError(
            f"The credentials block {block_document_id} that the run was started with is there no more.",
            credentials=block_document_id,
        ) from None
    assert document.block_type is not None, "the server says of which type a block is"
    return f"{document.block_type.slug}/{document.name}"
