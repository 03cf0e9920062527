"""What a client sees of batches and files: the records, under the script's faults, in the profile's form."""

from datetime import UTC, datetime
from typing import Any

from ..clock import Clock
from ..engine.records import BatchRecord, FileRecord
from ..faults.script import Faults
from ..settings import Profile

Wire = dict[str, Any]

_PENDING_SECONDS = 1.0
"""So long after its upload Azure still works on a file."""


class View:
    """Shows records to clients."""

    def __init__(self, profile: Profile, clock: Clock, faults: Faults) -> None:
        self._profile = profile
        self._clock = clock
        self._faults = faults

    def batch(self, batch: BatchRecord) -> Wire:
        """A batch."""
        shown = self._with_faults(batch_object(batch), batch)
        if self._profile == "azure":
            return _azure_batch(shown)
        return _foreign_batch(shown, batch.number) if self._profile == "foreign" else shown

    def file(self, file: FileRecord) -> Wire:
        """A file; Azure's are `pending` in their first second."""
        shown = file_object(file)
        if self.is_pending(file):
            shown["status"] = "pending"
        return _foreign_file(shown) if self._profile == "foreign" else shown

    def is_pending(self, file: FileRecord) -> bool:
        """Whether no batch can be created of a file yet."""
        return self._profile == "azure" and self._clock.now() < file.created_at + _PENDING_SECONDS

    def listed(self, page: Wire) -> Wire:
        """A page of a list; only OpenAI's say that they are lists."""
        return {name: value for name, value in page.items() if name != "object" or self._profile == "openai"}

    def _with_faults(self, shown: Wire, batch: BatchRecord) -> Wire:
        faults = self._faults.of_batch(batch.number)
        ended = next((moment for moment in _ends(batch) if moment is not None), None)
        age = None if ended is None else self._clock.now() - ended
        if (fault := faults.get("no_file_ids")) and age is not None and age < fault.seconds:
            shown |= {"output_file_id": None, "error_file_id": None}
        if (fault := faults.get("stale_counts")) and (age is None or age < fault.seconds):
            counts = shown["request_counts"]
            shown["request_counts"] = {**counts, "completed": counts["completed"] // 2, "failed": 0}
        if "empty_ids" in faults:
            shown |= {name: shown[name] or "" for name in ("output_file_id", "error_file_id")}
        return shown


def _ends(batch: BatchRecord) -> tuple[float | None, ...]:
    return batch.completed_at, batch.failed_at, batch.expired_at, batch.cancelled_at


def file_object(file: FileRecord) -> Wire:
    """A file as the Files API shows it."""
    return {
        "object": "file",
        "id": file.id,
        "purpose": file.purpose,
        "filename": file.filename,
        "bytes": file.bytes,
        "created_at": int(file.created_at),
        "expires_at": _whole(file.expires_at),
        "status": "processed",
        "status_details": None,
    }


def batch_object(batch: BatchRecord) -> Wire:
    """A batch as the Batch API shows it."""
    progress = batch.progress
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "model": batch.model,
        "errors": None if batch.errors is None else {"object": "list", "data": batch.errors},
        "input_file_id": batch.input_file_id,
        "completion_window": batch.completion_window,
        "status": batch.status,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        "created_at": int(batch.created_at),
        "in_progress_at": _whole(batch.in_progress_at),
        "expires_at": int(batch.expires_at),
        "finalizing_at": _whole(batch.finalizing_at),
        "completed_at": _whole(batch.completed_at),
        "failed_at": _whole(batch.failed_at),
        "expired_at": _whole(batch.expired_at),
        "cancelling_at": _whole(batch.cancelling_at),
        "cancelled_at": _whole(batch.cancelled_at),
        "request_counts": {"total": progress.total, "completed": progress.completed, "failed": progress.failed},
        "usage": _usage(batch),
        "metadata": batch.metadata,
    }


def _whole(moment: float | None) -> int | None:
    return None if moment is None else int(moment)


def _usage(batch: BatchRecord) -> Wire:
    """Zeros until the batch has ended."""
    done = batch.progress
    used = (done.input_tokens, done.cached_tokens, done.output_tokens, done.reasoning_tokens)
    inputs, cached, outputs, reasoning = (0, 0, 0, 0) if batch.is_open else used
    return {
        "input_tokens": inputs,
        "output_tokens": outputs,
        "total_tokens": inputs + outputs,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens_details": {"reasoning_tokens": reasoning},
    }


_AZURE_BATCH = (
    "id",
    "completion_window",
    "created_at",
    "endpoint",
    "input_file_id",
    "object",
    "status",
    "cancelled_at",
    "cancelling_at",
    "completed_at",
    "error_file_id",
    "errors",
    "expired_at",
    "expires_at",
    "failed_at",
    "finalizing_at",
    "in_progress_at",
    "metadata",
    "output_file_id",
    "request_counts",
)
_AZURE_CODES = {"invalid_url": "url_mismatch", "mismatched_model": "model_mismatch"}


def _azure_batch(batch: Wire) -> Wire:
    """A batch as Azure sends it: its own key order, `""` for absent files, neither model nor usage.

    Its endpoint is null as soon as it is validated.
    """
    shown = {name: batch[name] for name in _AZURE_BATCH}
    shown["request_counts"] = _azure_counts(batch)
    if batch["status"] != "failed":
        shown["in_progress_at"] = None
    shown["endpoint"] = batch["endpoint"].removeprefix("/v1") if batch["status"] == "validating" else None
    shown["output_file_id"] = batch["output_file_id"] or ""
    shown["error_file_id"] = batch["error_file_id"] or ""
    if batch["status"] == "failed":
        shown["completed_at"] = batch["failed_at"]
        errors = [
            {**error, "code": _AZURE_CODES.get(error["code"], error["code"])} for error in batch["errors"]["data"]
        ]
        shown["errors"] = {"object": "list", "data": errors}
    return shown


def _azure_counts(batch: Wire) -> Wire:
    """How many lines there are; how many have run, it tells at the end."""
    counts = dict(sorted(batch["request_counts"].items()))
    if batch["status"] in ("in_progress", "finalizing"):
        counts |= {"completed": None, "failed": None}
    return counts


def _foreign_batch(batch: Wire, number: int) -> Wire:
    """A batch as this or that other server sends it; which one, its number decides."""
    return _shouting(batch) if number % 2 else _sparse(batch)


def _shouting(batch: Wire) -> Wire:
    """Statuses in capitals, times in ISO form, `""` for absent files, counts that are null."""
    times = {name: _iso(value) for name, value in batch.items() if name.endswith("_at")}
    errors = batch["errors"] and [error["message"] for error in batch["errors"]["data"]]
    return {
        **batch,
        **times,
        "status": batch["status"].upper(),
        "errors": errors,
        "output_file_id": batch["output_file_id"] or "",
        "error_file_id": batch["error_file_id"] or "",
        "request_counts": None,
        "progress": 100 if batch["completed_at"] else 0,
    }


_UNKNOWN = {"validating": "queued", "in_progress": "processing", "finalizing": "processing"}


def _sparse(batch: Wire) -> Wire:
    """Statuses of its own, times with fractions, and whatever is null left out."""
    times = {name: value + 0.25 for name, value in batch.items() if name.endswith("_at") and value is not None}
    kept = {name: value for name, value in batch.items() if value is not None}
    for name in ("object", "request_counts", "usage", "completion_window"):
        kept.pop(name)
    return {**kept, **times, "status": _UNKNOWN.get(batch["status"], batch["status"]), "priority": "low"}


def _foreign_file(file: Wire) -> Wire:
    """A file with hardly more than its name."""
    return {"id": file["id"], "filename": file["filename"], "bytes": float(file["bytes"]), "owner": None}


def _iso(moment: int | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat()
