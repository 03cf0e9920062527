"""An object store as engines and workers share one: moto's server, which is written in Python."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec

from ..prefect_server import free_port
from ..waits.programs import Program, run_program

BUCKET = "s3://lake"
"""What is there from the beginning."""


@contextmanager
def object_store(folder: Path) -> Iterator[Program]:
    """The store with an empty bucket, whose address this process's variables hold.

    Args:
        folder: Where its log lies.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    os.environ.update(
        AWS_ENDPOINT_URL=url,
        AWS_ACCESS_KEY_ID="any",
        AWS_SECRET_ACCESS_KEY="any",
        AWS_DEFAULT_REGION="us-east-1",
    )
    command = [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with run_program(Program(command, dict(os.environ), folder / "object-store.log", f"{url}/moto-api/")) as store:
        new_bucket(BUCKET.removeprefix("s3://"))
        yield store


def new_bucket(name: str) -> str:
    """The URL of a new bucket: moto's server goes through all keys of a bucket to list some of them."""
    bucket = name.lower()
    fsspec.filesystem("s3", skip_instance_cache=True).mkdir(bucket)
    return f"s3://{bucket}"
