"""Files and batches on disk, so that a restart finds them again.

files/{id}            a file's content
files/{id}.json       what the Files API says about it
batches/{id}.json     a batch
batches/{id}.input    its input file, kept while it runs even if the file is deleted
batches/{id}.output, .errors, .bill    its lines as they are executed
calls.bill            what was asked outside any batch
clock.json            the server's time, where its clock does not run true
"""

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from ..errors import no_such_batch, no_such_file
from .identifiers import is_safe, new_file_id
from .records import BatchRecord, FileRecord, batch_from_json


class Store:
    """The server's memory. Its dictionaries mirror the disk; hold `lock` to change them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        self.files: dict[str, FileRecord] = {}
        self.batches: dict[str, BatchRecord] = {}
        shutil.rmtree(folder / "incoming", ignore_errors=True)  # what a crash left half arrived
        for name in ("files", "batches", "incoming"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._load()

    def incoming(self) -> Path:
        """A path for a file that is still arriving."""
        return self.folder / "incoming" / new_file_id()

    def content_path(self, file_id: str) -> Path:
        """Where a file's content lies."""
        return self.folder / "files" / file_id

    def batch_path(self, batch: BatchRecord, part: str) -> Path:
        """Where one of a batch's parts lies: input, output, errors or bill."""
        return self.folder / "batches" / f"{batch.id}.{part}"

    def find_file(self, file_id: str, now: float) -> FileRecord:
        """A file that exists and has not expired.

        Raises:
            ApiError: 404, as the Files API words it.
        """
        with self.lock:
            self._drop_expired(now)
            if file_id not in self.files:
                raise no_such_file(file_id)
            return self.files[file_id]

    def live_files(self, now: float) -> list[FileRecord]:
        """All files that have not expired, the oldest first."""
        with self.lock:
            self._drop_expired(now)
            return sorted(self.files.values(), key=lambda file: file.number)

    def find_batch(self, batch_id: str) -> BatchRecord:
        """A batch.

        Raises:
            ApiError: 404.
        """
        with self.lock:
            if batch_id not in self.batches:
                raise no_such_batch(batch_id)
            return self.batches[batch_id]

    def add_file(self, source: Path, record: FileRecord) -> None:
        """Take a file that has arrived: its content first, so that a record always has its content."""
        with self.lock:
            source.replace(self.content_path(record.id))
            self._save(self.folder / "files" / f"{record.id}.json", asdict(record))
            self.files[record.id] = record

    def delete_file(self, file_id: str) -> None:
        """Forget a file and its content."""
        with self.lock:
            (self.folder / "files" / f"{file_id}.json").unlink(missing_ok=True)
            self.content_path(file_id).unlink(missing_ok=True)
            self.files.pop(file_id, None)

    def next_number(self, kind: str) -> int:
        """The number of the next `file`, `batch` or `call`."""
        with self.lock:
            self._numbers[kind] += 1
            return self._numbers[kind]

    def save_batch(self, batch: BatchRecord) -> None:
        """Write a batch down."""
        with self.lock:
            self._save(self.folder / "batches" / f"{batch.id}.json", asdict(batch))
            self.batches[batch.id] = batch

    def add_call(self, account_line: str) -> None:
        """Put a synchronous call to account."""
        with self.lock, self.calls_path.open("ab") as lines:
            lines.write(account_line.encode())

    @property
    def calls_path(self) -> Path:
        """The account of the synchronous calls."""
        return self.folder / "calls.bill"

    def keep_input(self, batch: BatchRecord) -> Path:
        """A second name for a batch's input file, which outlives the file's deletion."""
        kept = self.batch_path(batch, "input")
        if not kept.exists():
            _second_name(self.content_path(batch.input_file_id), kept)
        return kept

    def second_name(self, source: Path) -> Path:
        """A second name for a file's content, which `add_file` takes while the first one stays."""
        target = self.incoming()
        _second_name(source, target)
        return target

    def save_time(self, now: float) -> None:
        """Remember the clock, so that a restart does not turn it back."""
        self._save(self.folder / "clock.json", {"now": now})

    def saved_time(self) -> float | None:
        """The clock as it was remembered."""
        path = self.folder / "clock.json"
        return float(orjson.loads(path.read_bytes())["now"]) if path.exists() else None

    def _load(self) -> None:
        for value in _read_all(self.folder / "files"):
            self.files[value["id"]] = FileRecord(**value)
        for value in _read_all(self.folder / "batches"):
            self.batches[value["id"]] = batch_from_json(value)
        self._numbers = {
            "file": max((file.number for file in self.files.values()), default=0),
            "batch": max((batch.number for batch in self.batches.values()), default=0),
            "call": _count_lines(self.calls_path),
        }

    def _drop_expired(self, now: float) -> None:
        gone = [file.id for file in self.files.values() if file.expires_at is not None and file.expires_at <= now]
        for file_id in gone:
            self.delete_file(file_id)

    def _save(self, path: Path, value: object) -> None:
        assert is_safe(path.stem)
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(orjson.dumps(value))
        temporary.replace(path)


def _second_name(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copyfile(source, target)


def _count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _read_all(folder: Path) -> Iterator[Any]:
    for path in sorted(folder.glob("*.json")):
        yield orjson.loads(path.read_bytes())
