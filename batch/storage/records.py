"""What a folder keeps of the steps that are done, and what a run need not read twice of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """What a folder keeps of a step that is done: small, frozen, as JSON."""

    model_config = ConfigDict(frozen=True)


AnyRecord = TypeVar("AnyRecord", bound=BaseModel)

_settled: ContextVar[dict[str, BaseModel] | None] = ContextVar("settled", default=None)


@contextmanager
def settled_records_remembered() -> Iterator[None]:
    """Let records that stay as they are once they are written be read once while the block runs.

    It holds in the threads of Prefect's tasks too, not in other processes; what is not there is looked for again.
    """
    before = _settled.set({})
    try:
        yield
    finally:
        _settled.reset(before)


def remembered(path: str, kind: type[AnyRecord]) -> AnyRecord | None:
    """The settled record at a path or URL, where it was read or written in such a block."""
    record = (_settled.get() or {}).get(path)
    return record if isinstance(record, kind) else None


def remember(path: str, record: BaseModel) -> None:
    """Note that this record stands at a path or URL, and stays; outside of such a block nothing happens."""
    known = _settled.get()
    if known is not None:
        known[path] = record
