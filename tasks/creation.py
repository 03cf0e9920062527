"""Create a batch once: the only call that bills is never repeated blindly.

Before `POST /batches` a claim is laid down in the input file's folder, after it the batch is recorded there.
A claim without a record means that a creation may or may not have happened: it is looked for in OpenAI's list
until it is found, or until `settle_seconds` have passed since the claim, for the list may lag.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import takewhile
from tempfile import mkdtemp

from openai import APIConnectionError, APIStatusError, BadRequestError, OpenAI, OpenAIError
from pydantic import BaseModel

from ..batch.batches import Batch, BatchStatus, read_batch
from ..batch.input_files import INPUT, InputFile
from ..batch.jobs import Claim, submitted
from ..batch.progress import report
from ..batch.storage import Folder
from .retrying import may_pass

SETTLE_SECONDS = 120.0
LOOK_SECONDS = 2.0
"""Between two looks for a batch whose creation got no answer."""

CLOCK_SLACK_SECONDS = 600
"""How far our clock and OpenAI's may be apart."""

CLAIM = "creating.json"

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
    batch = _found_or_created(client, file, identity, settle_seconds).model_copy(update={"input_file": file})
    file.files.write("submitted.json", batch)
    report("upload", advance=file.items)
    return batch


def _found_or_created(
    client: OpenAI, file: InputFile, identity: Mapping[str, str], settle_seconds: float
) -> Batch:
    file_id = None
    earlier = file.files.read(CLAIM, Claim)
    if earlier is None:
        file_id = upload(client, file)
        earlier = Claim(claimed_at=datetime.now(UTC))
        if file.files.claim(CLAIM, earlier):
            return _create_claimed(client, file, file_id, identity, settle_seconds)
    found = _look_until(client, identity, earlier.claimed_at.timestamp(), settle_seconds) or submitted(file)
    if found is None:
        file_id = file_id or upload(client, file)
        # Who comes after us must look for what we create now, and not only for what was created then.
        file.files.write(CLAIM, Claim(claimed_at=datetime.now(UTC), attempt=earlier.attempt + 1))
        return _create_claimed(client, file, file_id, identity, settle_seconds)
    if file_id is not None and file_id != found.input_file_id:
        client.files.delete(file_id)  # somebody else was faster
    return found


def _create_claimed(
    client: OpenAI, file: InputFile, file_id: str, identity: Mapping[str, str], settle_seconds: float
) -> Batch:
    try:
        return create_once(client, file_id, file.endpoint, identity, settle_seconds)
    except APIStatusError as error:
        if not _may_have_created(error):  # a refusal creates nothing, so there is nothing to look for
            file.files.remove(CLAIM)
            with suppress(OpenAIError):
                client.files.delete(file_id)
        raise


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


def upload(client: OpenAI, file: InputFile) -> str:
    """Upload an input file, streamed, and return its id; a repeated upload costs nothing."""
    for attempt in range(ATTEMPTS):
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
            if attempt == ATTEMPTS - 1 or not may_pass(error):
                raise
            _pause(attempt, error)
    raise AssertionError("the last attempt returns or raises")


def create_once(
    client: OpenAI, file_id: str, endpoint: str, metadata: Mapping[str, str], settle_seconds: float
) -> Batch:
    """Create the batch of an uploaded file; after a failure that says nothing, look before trying again.

    Raises:
        APIStatusError: OpenAI refuses the batch; nothing was created.
    """
    for attempt in range(ATTEMPTS):
        begun = time.time()
        try:
            return _create(client, file_id, endpoint, metadata)
        except (APIConnectionError, APIStatusError) as error:
            if attempt == ATTEMPTS - 1 or not (may_pass(error) or _file_not_seen_yet(error)):
                raise
            if _may_have_created(error):
                found = _look_until(client, metadata, begun, settle_seconds)
                if found is not None:
                    return found
            else:
                _pause(attempt, error)
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


def _look_until(client: OpenAI, metadata: Mapping[str, str], since: float, settle_seconds: float) -> Batch | None:
    """The batch of this identity, looked for until `settle_seconds` after `since`."""
    while True:
        found = _find(client, metadata, since)
        left = since + settle_seconds - time.time()
        if found is not None or left <= 0:
            return found
        time.sleep(min(LOOK_SECONDS, left))


def _find(client: OpenAI, metadata: Mapping[str, str], since: float) -> Batch | None:
    """The batch of this identity that was created since then, if the list shows one."""
    return oldest_of(listed_since(client, since - CLOCK_SLACK_SECONDS), metadata)


def listed_since(client: OpenAI, since: float) -> Iterator[Batch]:
    """The batches that OpenAI lists, the newest first, back to those created at `since` (Unix seconds)."""
    listed = map(read_batch, client.batches.list(limit=100))
    return takewhile(lambda batch: (batch.created_at or since) >= since, listed)


def oldest_of(batches: Iterable[Batch], metadata: Mapping[str, str]) -> Batch | None:
    """The oldest of the batches that bear this identity and did not fail at validation."""
    ours = [
        batch
        for batch in batches
        if batch.status != BatchStatus.FAILED and metadata.items() <= batch.metadata.items()
    ]
    return min(ours, key=lambda batch: (batch.created_at or 0, batch.id), default=None)


def _pause(attempt: int, error: APIConnectionError | APIStatusError) -> None:
    """Wait before another try: as long as the server asks, else longer each time."""
    asked = error.response.headers.get("retry-after") if isinstance(error, APIStatusError) else None
    try:
        seconds = float(asked or "")
    except ValueError:
        seconds = 0.5 * 2**attempt
    time.sleep(min(seconds, LONGEST_PAUSE_SECONDS))
