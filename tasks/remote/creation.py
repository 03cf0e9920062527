"""Create a batch once: the only call that bills is never repeated blindly.

Before `POST /batches` a claim is laid down in the input file's folder, after it the batch is recorded there.
A claim without a record means that a creation may or may not have happened: it is looked for in OpenAI's list
until it is found, or until `settle_seconds` have passed since the claim, for the list may lag.
"""

import time
from collections.abc import Mapping

from openai import APIConnectionError, APIStatusError, BadRequestError, OpenAI

from ...batch import clock
from ...batch.files.batches import Batch, read_batch
from ...batch.limits import KEPT_SECONDS
from .listing import look_until
from .retrying import may_pass

SETTLE_SECONDS = 120.0
ATTEMPTS = 8
LONGEST_PAUSE_SECONDS = 60.0


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
