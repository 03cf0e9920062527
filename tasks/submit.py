"""Submit a batch, once."""

from collections.abc import Iterable

from prefect import task

from ..batch.errors import RequestError
from ..batch.files.batches import Batch
from ..batch.files.identity import new_identity
from ..batch.files.input_files import InputFile
from ..batch.files.items_by_hand import write_items
from ..batch.flight.enqueued import Enqueued
from ..batch.jobs.options import SETTLE_SECONDS
from ..batch.requests.endpoints import Endpoint
from ..batch.requests.items import BatchItem, endpoint_in
from ..batch.temporary_folders import temporary_folder
from .options import KEPT_AS_JSON
from .remote.claims import find_or_create, find_or_create_in_room
from .remote.connection import Connection, connect
from .remote.creation import create_once
from .remote.listing import enqueued
from .remote.tries import LISTING, Tries
from .shown.run_names import named


@task(name="submit-batch", task_run_name=named("submit"), **KEPT_AS_JSON)
def submit_batch(
    items: InputFile | Iterable[BatchItem] | None = None,
    *,
    input_file_id: str | None = None,
    endpoint: Endpoint | None = None,
    metadata: dict[str, str] | None = None,
    credentials: str | None = None,
    settle_seconds: float = SETTLE_SECONDS,
) -> Batch:
    """Upload items and create their batch, or create one for a file that is uploaded already.

    An input file of a job has one batch, however often this runs. By hand every call is a new batch.

    Args:
        items: Items made by hand, all of one endpoint and one model; or an input file that was built.
        input_file_id: An uploaded file of purpose `batch`, in place of items.
        endpoint: The endpoint of that file's items; None reads it from the file's first line.
        metadata: Up to 12 further pairs of text to attach to a batch made by hand; `submission` is ours.
        credentials: The name of a credentials block; None uses OpenAI's environment variables.
        settle_seconds: How long to look for a batch whose creation got no answer, before creating it again.

    Raises:
        RequestError: neither items nor a file are given, or both, or they do not fit in one batch; or the metadata
            holds a `submission`.

    Example:
        ```python
        from prefect_openai_batch import ChatRequest, submit_batch

        questions = {"colour": "Name a colour.", "product": "What is seven times six?"}
        items = [ChatRequest(model="gpt-5-mini", prompt=text).item(name) for name, text in questions.items()]
        batch = submit_batch(items)
        ```
    """
    if (items is None) == (input_file_id is None):
        raise RequestError("Give either items or the input_file_id of a file that is uploaded already.")
    identity = new_identity()
    if metadata and metadata.keys() & identity.keys():
        raise RequestError("The metadata may hold no 'submission': by that the batch is found again.")
    with connect(credentials, paced=True) as connection:
        if isinstance(items, InputFile):
            return find_or_create(connection, items, settle_seconds)
        by_hand = {**(metadata or {}), **identity}
        if items is not None:
            file = write_items(items, temporary_folder())
            return find_or_create(connection, file, settle_seconds, by_hand)
        assert input_file_id is not None, "one of the two is given"
        path = endpoint or _endpoint_of(connection, input_file_id)
        while not connection.take_turn():
            pass  # it waits itself
        return create_once(connection, input_file_id, path, by_hand, settle_seconds)


@task(name="submit-batch", task_run_name=named("submit"), **KEPT_AS_JSON)
def submit_in_room(
    file: InputFile,
    *,
    max_enqueued_tokens: int | None = None,
    credentials: str | None = None,
    settle_seconds: float = SETTLE_SECONDS,
) -> Batch | None:
    """Submit an input file of a job where its model has room for it; None where it has to wait.

    Args:
        file: An input file that was built.
        max_enqueued_tokens: The most tokens of a model in open batches; None: OpenAI alone judges.
        credentials: The name of a credentials block; None uses OpenAI's environment variables.
        settle_seconds: How long to look for a batch whose creation got no answer, before creating it again.
    """
    with connect(credentials, paced=True) as connection:
        return find_or_create_in_room(connection, file, settle_seconds, max_enqueued_tokens)


def look_for_room(credentials: str | None = None, tries: Tries = LISTING) -> Enqueued:
    """The tokens in all open batches of the project, by one listing; no task, for it may come often."""
    with connect(credentials, tries) as connection:
        return enqueued(connection)


def _endpoint_of(connection: Connection, input_file_id: str) -> Endpoint:
    """The endpoint that an uploaded file's first item names."""
    endpoint = endpoint_in(connection.first_line(input_file_id))
    if endpoint is None:
        raise RequestError(
            f"The first line of {input_file_id} names no endpoint that can be batched: give `endpoint`."
        )
    return endpoint
