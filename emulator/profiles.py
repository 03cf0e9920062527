"""The same objects as other servers send them, to test tolerant clients on."""

from datetime import UTC, datetime
from typing import Any

Wire = dict[str, Any]

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


def azure_batch(batch: Wire) -> Wire:
    """A batch as Azure sends it: its own key order, `""` for absent files, neither model nor usage."""
    shown = {name: batch[name] for name in _AZURE_BATCH}
    shown["request_counts"] = dict(sorted(batch["request_counts"].items()))
    shown["endpoint"] = batch["endpoint"].removeprefix("/v1")
    shown["output_file_id"] = batch["output_file_id"] or ""
    shown["error_file_id"] = batch["error_file_id"] or ""
    if batch["status"] == "failed":
        shown["completed_at"] = batch["failed_at"]
        errors = [
            {**error, "code": _AZURE_CODES.get(error["code"], error["code"])} for error in batch["errors"]["data"]
        ]
        shown["errors"] = {"object": "list", "data": errors}
    return shown


def foreign_batch(batch: Wire, number: int) -> Wire:
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


def foreign_file(file: Wire) -> Wire:
    """A file with hardly more than its name."""
    return {"id": file["id"], "filename": file["filename"], "bytes": float(file["bytes"]), "owner": None}


def _iso(moment: int | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat()
