"""What tells the batch of a job's input file from all others, at OpenAI."""

from .batches import Batch, BatchStatus
from .input_files import InputFile


def identity_of(file: InputFile) -> dict[str, str]:
    """What tells the batch of a job's input file from all others; it stands in the batch's metadata."""
    if file.job_key is None:
        return {}
    return {
        "job_key": file.job_key,
        "round": str(file.round),
        "input_file": file.name,
        "input_file_sha256": file.sha256,
    }


def remote_name(file: InputFile) -> str:
    """The name that an input file bears at OpenAI; a copy left behind is found by it."""
    return f"{file.job_key or 'items'}-{file.round}-{file.name}-{file.sha256[:16]}.jsonl"


def one_each(batches: list[Batch]) -> list[Batch]:
    """Of twins the oldest, by round and input file."""
    kept: dict[tuple[int, str], Batch] = {}
    for batch in sorted(batches, key=lambda batch: (batch.created_at or 0, batch.id)):
        if batch.status != BatchStatus.FAILED:
            kept.setdefault((round_of(batch), batch.metadata.get("input_file", "")), batch)
    return [kept[place] for place in sorted(kept)]


def round_of(batch: Batch) -> int:
    """The round that a batch's metadata names."""
    number = batch.metadata.get("round", "1")
    return int(number) if number.isdigit() else 1
