"""Which storages may hold job folders, and what is said of one that cannot be used."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from fsspec.core import split_protocol
from pydantic import BaseModel

from ..errors import OpenAIBatchError, StorageError
from .folders import Folder
from .locations import OBJECT_STORES, is_object_store, may_pass, open_url

EXCLUSIVE = OBJECT_STORES | {"file", "local", "memory"}
"""Protocols whose own create is exclusive; over others fsspec looks first, and then writes."""


def check_claims(url: str) -> None:
    """Refuse a storage in which two processes may both have the same claim; nothing is connected to.

    Raises:
        StorageError: its protocol has no exclusive create, or its URL is a chain; neither may hold jobs.
    """
    first, chain, _ = os.fspath(url).partition("::")
    protocol = (split_protocol(first)[0] or ("" if chain else "file")) or first
    if chain or protocol not in EXCLUSIVE:
        raise StorageError(
            f"A storage over {protocol!r} cannot hold job folders: two processes may both claim a batch there, "
            "which is paid twice then. Choose a folder on a disk or a mount, s3://, gs:// or abfs:// (az://), and "
            "no chain of URLs (::). The source and the destination may lie anywhere.",
            protocol=protocol,
        )


def check_exclusive(folder: Folder, name: str, record: BaseModel) -> None:
    """Refuse an object store that lets a name be claimed that is there; then it is removed.

    Libraries before 2024.12 write over it, and so does a server that does not heed `If-None-Match`.

    Raises:
        StorageError: two processes may both have the same claim there.
    """
    if folder.is_local or not folder.claim(name, record):
        return
    folder.remove(name)
    raise StorageError(
        f"The storage of the job folder {folder.url} cannot hold it: it lets two processes claim the same batch, "
        "which is paid twice then. Have s3fs, gcsfs or adlfs of 2024.12 or later, and a server that heeds "
        "If-None-Match; or choose another storage.",
        storage=folder.url,
    )


def check_bucket(url: str) -> None:
    """Refuse a URL whose bucket is not there: whatever is said to lie in it would count as lost.

    Raises:
        StorageError: it is not there, or may not be asked for.
    """
    if is_object_store(url):
        filesystem, path = open_url(url)
        bucket = path.partition("/")[0]
        with usable(url):
            if not filesystem.exists(bucket):
                raise FileNotFoundError(f"the bucket {bucket} is not there")


@contextmanager
def usable(url: str) -> Iterator[None]:
    """Let what a storage refuses while the block runs say where, and what is needed.

    Raises:
        StorageError: it is not there, nothing lets us in, or something may not be listed, read or written. What
            may pass, as a connection that fails, is raised as it is.
    """
    try:
        yield
    except (OpenAIBatchError, ValueError):  # our own words, and a record that is damaged
        raise
    except Exception as error:  # each store has errors of its own, as that there are no credentials
        if may_pass(error):
            raise
        bucket = "Its bucket has to be there, and whoever" if is_object_store(url) else "Whoever"
        raise StorageError(
            f"The storage at {url} cannot be used: {error}. {bucket} runs the job must be allowed to list, read, "
            "write and remove there; or choose another storage.",
            storage=url,
        ) from error
