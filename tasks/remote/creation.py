"""Create a batch once: the only call that bills is never repeated blindly.

Before `POST /batches` a claim is laid down in the input file's folder, after it the batch is recorded there.
A claim without a record means that a creation may or may not have happened: it is looked for in OpenAI's list
until it is found, or until `settle_seconds` have passed since the claim, for the list may lag. Then the next claim
is laid, for one more try: a claim is good for one, so that of all who have looked a single one tries again.

A file that was uploaded by hand has no folder, and nobody else who creates its batch: it needs no claims.
"""

from collections.abc import Mapping
from uuid import uuid4

from openai import APIConnectionError, APIError, APIStatusError

from ...batch import clock
from ...batch.files.batches import REFUSED, Batch, BatchError, BatchStatus
from ...batch.requests.endpoints import Endpoint
from .connection import Connection
from .listing import find_created
from .tries import CREATING, may_pass

NO_ROOM = "token_limit_exceeded"


def create_once(
    connection: Connection, file_id: str, endpoint: Endpoint, metadata: Mapping[str, str], settle_seconds: float
) -> Batch:
    """Create the batch of a file without a folder; after a failure that says nothing, look before trying again.

    Raises:
        APIError: OpenAI refuses the batch, cannot be reached, or does not show its list; what `may_have_created`
            says of it counts.
    """
    return CREATING.call(_create_or_find, connection, file_id, endpoint, metadata, settle_seconds)


def _create_or_find(
    connection: Connection, file_id: str, endpoint: Endpoint, metadata: Mapping[str, str], settle_seconds: float
) -> Batch:
    begun = clock.now()
    try:
        return connection.create(file_id, endpoint, metadata)
    except (APIConnectionError, APIStatusError) as error:
        if not (may_pass(error) and may_have_created(error)):
            raise
        found = find_created(connection, metadata, begun, settle_seconds)
        if not found:
            raise
    return found[0]


def may_have_created(error: APIError) -> bool:
    """Whether there may be a batch although its creation failed.

    A lost answer or a server's error says nothing, and neither does a look that fails after it; a refusal says
    that nothing was created.
    """
    if not isinstance(error, APIStatusError) or error.request.method != "POST":
        return True
    return error.status_code >= 500 or error.status_code in (408, 409)


def lacks_room(error: APIError) -> bool:
    """Whether a creation was refused for want of room among the enqueued tokens, by its code or its words.

    Some of Azure's regions do so, and gateways leave codes out.
    """
    refused = isinstance(error, APIStatusError) and error.status_code in (400, 429)
    return refused and NO_ROOM in (error.code, BatchError.model_validate({"message": error.message}).code)


def refused_batch(error: APIError, endpoint: Endpoint, file_id: str) -> Batch:
    """What validation would have made of a batch that was refused at once; the server knows none of this id."""
    now = int(clock.now())
    why = BatchError(code=NO_ROOM, message=error.message)
    return Batch(
        id=f"{REFUSED}{uuid4().hex}",
        status=BatchStatus.FAILED,
        endpoint=endpoint,
        input_file_id=file_id,
        created_at=now,
        failed_at=now,
        errors=(why,),
    )
