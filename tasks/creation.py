"""Create a batch once: the only call that bills is never repeated blindly.

Before `POST /batches` a claim is laid down in the input file's folder, after it the batch is recorded there.
A claim without a record means that a creation may or may not have happened: it is looked for in OpenAI's list
until it is found, or until `settle_seconds` have passed since the claim, for the list may lag.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from tempfile import mkdtemp

from openai import APIConnectionError, APIStatusError, BadRequestError, OpenAI, OpenAIError
from pydantic import BaseModel

from ..batch import clock
from ..batch.batches import Batch, read_batch
from ..batch.input_files import INPUT, InputFile
from ..batch.progress import report
from ..batch.refusals import Reason, why_refused
from ..batch.storage import Folder
from ..batch.submissions import attempt_of, claim, last_claim, note_submission, refusals, submitted
from .listing import agree, look_until, twins_of
from .retrying import may_pass

SETTLE_SECONDS = 120.0
ATTEMPTS = 8
LONGEST_PAUSE_SECONDS = 60.0

KEPT_SECONDS = 2_592_000
"""Remote files expire after 30 days, OpenAI's longest: a shorter time can lose paid output."""


class Uploads(BaseModel):
    """How often an upload was begun: after more than one, copies may be left at OpenAI."""

    begun: int = 0


def temporary_folder() -> Folder:
    """A new folder for what is made by hand."""
    return Folder(mkdtemp(prefix="prefect-openai-batch-"))


def find_or_create(
    client: OpenAI, file: InputFile, settle_seconds: float, metadata: Mapping[str, str] | None = None
) -> Batch:
    """The one batch of an input file: as it is recorded, as it is found at OpenAI, or created now."""
    done = submitted(file)
    if done is not None:
        return done
    identity = {**identity_of(file), **(metadata or {})}
    batch = note_submission(file, _found_or_created(client, file, identity, settle_seconds))
    report("upload", advance=file.items)
    return batch


def _found_or_created(
    client: OpenAI, file: InputFile, identity: Mapping[str, str], settle_seconds: float
) -> Batch:
    """Look for what an earlier claim may have created; where there is nothing, create it under a claim of ours."""
    file_id = None
    while True:
        number, earlier = last_claim(file)
        if earlier is not None:
            found = look_until(client, identity, earlier.claimed_at.timestamp(), settle_seconds)
            batch = agree(client, file, found) if found else submitted(file)
            if batch is not None:
                if file_id is not None and file_id != batch.input_file_id:
                    client.files.delete(file_id)  # somebody else was faster
                return batch
        file_id = file_id or _uploaded(client, file)
        claimed = claim(file, number + 1, _now())
        if claimed is not None:
            return _create_claimed(client, file, file_id, claimed, identity, settle_seconds)


def _now() -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)


def _create_claimed(
    client: OpenAI,
    file: InputFile,
    file_id: str,
    claimed: str,
    identity: Mapping[str, str],
    settle_seconds: float,
) -> Batch:
    metadata = {**identity, "attempt": str(attempt_of(file))}
    try:
        created = create_once(client, file_id, file.endpoint, metadata, settle_seconds)
    except APIStatusError as error:
        if not _may_have_created(error):  # a refusal creates nothing, so there is nothing to look for
            file.files.remove(claimed)
            with suppress(OpenAIError):
                client.files.delete(file_id)
        raise
    if file.job_key is None:
        return created
    return agree(client, file, twins_of(client, created, identity))


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


def _uploaded(client: OpenAI, file: InputFile) -> str:
    """The remote file of an earlier attempt that only lacked room, else a new upload."""
    earlier = refusals(file).batches
    if earlier and earlier[-1].input_file_id and why_refused(earlier[-1].errors) == Reason.NO_ROOM:
        return earlier[-1].input_file_id
    return upload(client, file)


def upload(client: OpenAI, file: InputFile) -> str:
    """Upload an input file, streamed, and return its id; a repeated upload costs nothing."""
    for number in range(ATTEMPTS):
        uploads = file.files.read("uploading.json", Uploads) or Uploads()
        file.files.write("uploading.json", Uploads(begun=uploads.begun + 1))
        try:
            with file.files.open(INPUT) as content:
                sent = client.with_options(max_retries=0).files.create(
                    file=(remote_name(file), content),
                    purpose="batch",
                    expires_after={"anchor": "created_at", "seconds": KEPT_SECONDS},
                )
            return sent.id
        except (APIConnectionError, APIStatusError) as error:
            if number == ATTEMPTS - 1 or not may_pass(error):
                raise
            _pause(number, error)
    raise AssertionError("the last attempt returns or raises")


def create_once(
    client: OpenAI, file_id: str, endpoint: str, metadata: Mapping[str, str], settle_seconds: float
) -> Batch:
    """Create the batch of an uploaded file; after a failure that says nothing, look before trying again.

    Raises:
        APIStatusError: OpenAI refuses the batch; nothing was created.
    """
    for number in range(ATTEMPTS):
        begun = clock.now()
        try:
            return _create(client, file_id, endpoint, metadata)
        except (APIConnectionError, APIStatusError) as error:
            if number == ATTEMPTS - 1 or not (may_pass(error) or _file_not_seen_yet(error)):
                raise
            if _may_have_created(error):
                found = look_until(client, metadata, begun, settle_seconds)
                if found:
                    return found[0]
            else:
                _pause(number, error)
    raise AssertionError("the last attempt returns or raises")


def _create(client: OpenAI, file_id: str, endpoint: str, metadata: Mapping[str, str]) -> Batch:
    return read_batch(
        client.with_options(max_retries=0).batches.create(
            input_file_id=file_id,
            endpoint=endpoint,  # type: ignore[arg-type]  # an Endpoint is one of the texts the SDK lists
            completion_window="24h",
            metadata=dict(metadata),
            output_expires_after={"anchor": "created_at", "seconds": KEPT_SECONDS},
        )
    )


def _may_have_created(error: APIConnectionError | APIStatusError) -> bool:
    """A lost answer or a server's error says nothing; a refusal says that nothing was created."""
    return not isinstance(error, APIStatusError) or error.status_code >= 500 or error.status_code in (408, 409)


def _file_not_seen_yet(error: APIConnectionError | APIStatusError) -> bool:
    """OpenAI may not find a file for a moment after its upload."""
    return isinstance(error, BadRequestError) and "Cannot find file" in str(error.message)


def _pause(number: int, error: APIConnectionError | APIStatusError) -> None:
    """Wait before another try: as long as the server asks, else longer each time."""
    asked = error.response.headers.get("retry-after") if isinstance(error, APIStatusError) else None
    try:
        seconds = float(asked or "")
    except ValueError:
        seconds = 0.5 * 2**number
    time.sleep(min(seconds, LONGEST_PAUSE_SECONDS))
