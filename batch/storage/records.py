"""What a folder keeps of the steps that are done, and what a run need not read twice of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """What a folder keeps of a step that is done: small, frozen, as JSON."""

    model_config = ConfigDict(frozen=True)


class Size(Record):
    """How large a file elsewhere was when this run wrote it, in bytes."""

    bytes: int


AnyRecord = TypeVar("AnyRecord", bound=BaseModel)

_settled: ContextVar[dict[tuple[str, type[BaseModel]], BaseModel] | None] = ContextVar("settled", default=None)


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


_listed: ContextVar[dict[str, list[str]] | None] = ContextVar("listed", default=None)


@contextmanager
def listed_once() -> Iterator[None]:
    """Let the folders of a job's rounds be listed once while the block runs: a step that builds nothing itself.

    It sees the input files that there were at its first look, and of them every record as it stands.
    """
    before = _listed.set({})
    try:
        yield
    finally:
        _listed.reset(before)


def names_once(url: str, names: Callable[[], list[str]]) -> list[str]:
    """The names in a folder, told by `names`: once in such a block, elsewhere at each call."""
    known = _listed.get()
    if known is None:
        return names()
    if url not in known:
        known[url] = names()
    return known[url]


def remembered(path: str, kind: type[AnyRecord]) -> AnyRecord | None:
    """What of this kind is known of a path or URL, where it was read or written in such a block."""
    record = (_settled.get() or {}).get((path, kind))
    return record if isinstance(record, kind) else None


def remember(path: str, record: BaseModel) -> None:
    """Note what stands at a path or URL, or is known of it, and stays; outside of such a block nothing happens."""
    known = _settled.get()
    if known is not None:
        known[path, type(record)] = record
