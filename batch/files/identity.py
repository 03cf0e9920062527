"""What tells one batch from all others, at OpenAI: in its metadata, and in the name of its uploaded file."""

import re
from collections.abc import Iterable, Mapping
from uuid import uuid4

from .batches import Batch, BatchStatus
from .input_files import InputFile
from .token_sizes import untold_tokens

_JOB_KEY, _ROUND, _NAME, _SHA256 = "job_key", "round", "input_file", "input_file_sha256"

_MODEL, _TOKENS = "model", "enqueued_tokens"


def identity_of(file: InputFile) -> dict[str, str]:
    """What tells the batch of a job's input file from all others; it stands in the batch's metadata."""
    if file.job_key is None:
        return {}
    return {_JOB_KEY: file.job_key, _ROUND: str(file.round), _NAME: file.name, _SHA256: file.sha256}


def new_identity() -> dict[str, str]:
    """What tells a batch made by hand from all others."""
    return {"submission": uuid4().hex}


def metadata_of_attempt(identity: Mapping[str, str], attempt: int) -> dict[str, str]:
    """What stands in a batch's metadata: the identity, which all attempts share, and which attempt it is.

    What somebody attaches by hand, as part of the identity, stays as it is.
    """
    return {"attempt": str(attempt), **identity}


def with_tokens(identity: Mapping[str, str], file: InputFile) -> dict[str, str]:
    """An identity and what a batch enqueues: its model, and about how many input tokens.

    So one listing says how much of a model's limit is taken, by whichever run. What somebody attaches by hand
    under these names stays as it is.
    """
    return {_MODEL: file.model, _TOKENS: str(enqueued_tokens(file)), **identity}


def enqueued_tokens(file: InputFile) -> int:
    """About how many tokens an input file enqueues; where nobody can tell, what it is taken for."""
    return untold_tokens(file.bytes, file.items) if file.tokens.input is None else file.tokens.input


def enqueued_of(batch: Batch) -> tuple[str, int]:
    """The model of a batch and about how many tokens it enqueues, by its metadata; 0 for batches not of ours."""
    tokens = batch.metadata.get(_TOKENS, "")
    return batch.metadata.get(_MODEL, ""), int(tokens) if tokens.isdecimal() else 0


def remote_name(file: InputFile) -> str:
    """The name that an input file bears at OpenAI; a copy left behind is found by it."""
    return _remote_name(file.job_key or "items", file.round, file.name, file.sha256)


def remote_name_of(batch: Batch) -> str:
    """The name that the input file of a job's batch bears at OpenAI, by the batch's metadata."""
    return _remote_name(job_key_of(batch), round_of(batch), input_name_of(batch), input_digest_of(batch))


def _remote_name(job_key: str, round_number: int, name: str, digest: str) -> str:
    return f"{job_key}-{round_number}-{name}-{digest[:16]}.jsonl"


def with_identity(batches: Iterable[Batch], identity: Mapping[str, str]) -> list[Batch]:
    """The batches that bear this identity and did not fail at validation, the one that stays first."""
    return [
        batch
        for batch in _in_order(batches)
        if batch.status != BatchStatus.FAILED and identity.items() <= batch.metadata.items()
    ]


def one_each(batches: Iterable[Batch]) -> list[Batch]:
    """Of twins the one that stays, by round and input file."""
    kept: dict[tuple[int, str], Batch] = {}
    for batch in _in_order(batches):
        if batch.status != BatchStatus.FAILED:
            kept.setdefault((round_of(batch), input_name_of(batch)), batch)
    return [kept[place] for place in sorted(kept, key=lambda place: (place[0], place_of(place[1])))]


def place_of(name: str) -> tuple[tuple[int, ...], str]:
    """The place of an input file's name among those of its round: by its numbers, 2 before 10."""
    return tuple(int(number) for number in re.findall("[0-9]+", name)), name


def _in_order(batches: Iterable[Batch]) -> list[Batch]:
    """The order in which all processes choose among twins: whose items run or ran already, then the oldest."""

    def place(batch: Batch) -> tuple[bool, bool, int, str]:
        cancelled = batch.status in (BatchStatus.CANCELLING, BatchStatus.CANCELLED)
        return cancelled, batch.status == BatchStatus.VALIDATING, batch.created_at or 0, batch.id

    return sorted(batches, key=place)


def job_key_of(batch: Batch) -> str:
    """The job key that a batch's metadata names; empty where it names none."""
    return batch.metadata.get(_JOB_KEY, "")


def round_of(batch: Batch) -> int:
    """The round that a batch's metadata names."""
    number = batch.metadata.get(_ROUND, "1")
    return int(number) if number.isdigit() else 1


def input_name_of(batch: Batch) -> str:
    """The name of the input file that a batch's metadata names; empty where it names none."""
    return batch.metadata.get(_NAME, "")


def input_digest_of(batch: Batch) -> str:
    """The SHA-256 of the input file that a batch's metadata names; empty where it names none."""
    return batch.metadata.get(_SHA256, "")
