"""Records as OpenAI sends them: every key, in OpenAI's order, null where nothing is set."""

from typing import Any

from .records import BatchRecord, FileRecord

Wire = dict[str, Any]


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
