"""The one room through which every call to OpenAI goes; batches come out as our own.

Calls are tried as `tries` says. Those that are one try only are tried in the room that does something around each
try: `uploads`, `creation`, `downloads`.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from itertools import chain, takewhile
from pathlib import Path
from typing import IO, Any, TypeVar

from httpx2 import HTTPError, Response, Timeout
from openai import APIError, APIStatusError, NotFoundError, OpenAI
from openai.pagination import SyncCursorPage
from openai.types import FileObject
from pydantic import BaseModel

from ...batch.errors import DownloadBroken
from ...batch.files.batches import Batch, BatchError, read_batch, read_errors, read_number
from ...batch.files.input_files import InputFile
from ...batch.limits import KEPT_SECONDS
from ...batch.requests.endpoints import Endpoint
from ...batch.urls import without_secrets
from ...blocks import load_credentials
from ...blocks.http_client import hiding
from .account import Account
from .paces import one_at_a_time, take_turn
from .tries import ANSWERING, CHECKING, CREATING, READING, Tries, readable

T = TypeVar("T")

PAGE = 100
"""So many batches are on a page of the listing."""

NOT_ALLOWED = (403, 404, 405)
"""Statuses that say that a key may not do something, or that a server cannot."""

log = logging.getLogger(__name__)


class Connection:
    """What is asked of OpenAI, call by call.

    Args:
        client: Its retries are left aside.
        reading: How calls are tried that may be repeated as they stand.
        credentials: The name of the credentials block that the client is of, for errors to name.
        paced: Whether uploads and creations wait for their turn among all runs, which Prefect gives.

    Raises:
        APIError: a call did not succeed, however often it was tried; of all methods.
        BatchUnknown: the server does not know the batch; of those that take a batch's id.
    """

    def __init__(
        self, client: OpenAI, reading: Tries = READING, credentials: str | None = None, *, paced: bool = False
    ) -> None:
        self._client = client.with_options(max_retries=0, timeout=_at_most(reading.seconds, client))
        self._reading = reading
        self.account = Account.of(client, credentials)
        self._paced = paced
        self.hide = hiding(client)

    @property
    def base_url(self) -> str:
        """Where the calls go."""
        return str(self._client.base_url)

    @property
    def server(self) -> str:
        """The address that the calls go to, as an answer store knows it."""
        return without_secrets(self.base_url).rstrip("/")

    def take_turn(self) -> bool:
        """Wait until one more batch may be uploaded and created; False where somebody lets none go for now."""
        return not self._paced or take_turn(self.account)

    @contextmanager
    def one_at_a_time(self) -> Iterator[bool]:
        """Let only one run at a time look for room and take it; False where it had to wait too long."""
        with one_at_a_time(self.account) if self._paced else nullcontext(True) as got:
            yield got

    def check_models(self, model: str | None) -> None:
        """Ask for a model, or for the list of them; what is answered does not matter."""
        models = self._client.models
        if model is None:
            CHECKING.call(models.list)
        else:
            CHECKING.call(models.retrieve, model)

    def batch(self, batch_id: str, input_file: InputFile | None = None) -> Batch:
        """A batch as it stands now, with our record of what was sent."""
        with self.account.batch_known(batch_id):
            return read_batch(self._reading.call(self._retrieve, batch_id), input_file)

    def batch_errors(self, batch_id: str) -> list[BatchError]:
        """All that validation found; a `Batch` keeps only the first."""
        with self.account.batch_known(batch_id):
            return read_errors(self._reading.call(self._retrieve, batch_id))

    def _retrieve(self, batch_id: str) -> BaseModel:
        return readable(self._client.batches.retrieve, batch_id)

    def batch_pages(self, size: int = PAGE) -> Iterator[list[Batch]]:
        """The batches that are listed, the newest first, a page a call."""
        for page in self._pages(lambda: self._client.batches.list(limit=size)):
            yield [read_batch(batch) for batch in page]

    def batches_since(self, since: float) -> Iterator[Batch]:
        """The batches that are listed, the newest first, back to those created at `since` (Unix seconds)."""
        listed = chain.from_iterable(self.batch_pages())
        return takewhile(lambda batch: (batch.created_at or since) >= since, listed)

    def cancel(self, batch_id: str) -> Batch:
        """Cancel a batch and return it as it stands; one that has ended, which OpenAI answers with 409, stays."""
        with self.account.batch_known(batch_id):
            return self._reading.call(self._cancel, batch_id)

    def _cancel(self, batch_id: str) -> Batch:
        try:
            return read_batch(readable(self._client.batches.cancel, batch_id))
        except APIStatusError as error:
            if error.status_code != 409:
                raise
        return read_batch(self._retrieve(batch_id))

    def create(self, file_id: str, endpoint: Endpoint, metadata: Mapping[str, str]) -> Batch:
        """Create a batch; the only call that costs. One try.

        Raises:
            AnswerUnreadable: the answer names no batch, so that there may be one or none.
        """
        created = readable(
            self._client.batches.create,
            input_file_id=file_id,
            endpoint=endpoint.value,
            completion_window="24h",
            metadata=dict(metadata),
            output_expires_after={"anchor": "created_at", "seconds": KEPT_SECONDS},
            timeout=_at_most(CREATING.seconds, self._client),
        )
        return read_batch(created)

    def upload(self, name: str, content: IO[bytes]) -> FileObject:
        """Upload an open input file, streamed; its object, of which other servers send only the id. One try."""
        return readable(
            self._client.files.create,
            file=(name, content),
            purpose="batch",
            expires_after={"anchor": "created_at", "seconds": KEPT_SECONDS},
        )

    def file(self, file_id: str) -> FileObject:
        """A remote file's object as it stands now."""
        return self._reading.call(readable, self._client.files.retrieve, file_id)

    def download(self, file_id: str, target: Path) -> None:
        """Stream a remote file to a path. One try.

        Raises:
            DownloadBroken: the connection was lost, or the answer is shorter than its header says.
        """
        try:
            with (
                self._client.files.with_streaming_response.content(file_id) as response,
                target.open("wb") as file,
            ):
                for chunk in response.iter_bytes():
                    file.write(chunk)
        except HTTPError as error:  # while a body is streamed the SDK lets its HTTP library's errors through
            raise _broken(file_id, f"after {target.stat().st_size:,} bytes: {error}") from error
        expected = None if "content-encoding" in response.headers else response.headers.get("content-length")
        size = target.stat().st_size
        if expected is not None and int(expected) != size:
            raise _broken(file_id, f"after {size:,} of {int(expected):,} bytes")

    def file_bytes(self, file_id: str) -> int | None:
        """The size of a remote file in bytes; None where the server has none to tell, or does not tell it."""
        try:
            file = CHECKING.call(self._client.files.retrieve, file_id)
        except (APIError, ValueError):  # some servers know no single files, or answer what is no JSON
            return None
        return read_number(getattr(file, "bytes", None)) or None

    def first_line(self, file_id: str) -> str:
        """The first line of a remote file."""
        return self._reading.call(self._first_line, file_id)

    def _first_line(self, file_id: str) -> str:
        with self._client.files.with_streaming_response.content(file_id) as response:
            return next(response.iter_lines(), "")

    def has_file(self, file_id: str) -> bool:
        """Whether a remote file is still there."""
        try:
            self.file(file_id)
        except NotFoundError:
            return False
        return True

    def files_named(self, names: Collection[str]) -> list[str]:
        """The ids of the uploaded files that bear one of these names; none where files cannot be listed."""
        if not names:
            return []
        listed = chain.from_iterable(self._pages(lambda: self._client.files.list(purpose="batch")))
        try:
            return [file.id for file in listed if file.filename in names]
        except APIStatusError as error:
            if error.status_code not in NOT_ALLOWED:
                raise
            log.warning("Uploads that got no answer cannot be looked for: files cannot be listed here")
            return []

    def delete_file(self, file_id: str) -> bool:
        """Delete a remote file; one that is gone counts as deleted.

        Returns:
            Whether it is gone; not where this key may not delete, or this server cannot.
        """
        try:
            self._reading.call(self._client.files.delete, file_id)
        except NotFoundError:
            return True
        except APIStatusError as error:
            if error.status_code not in NOT_ALLOWED:
                raise
            log.warning("The file %s cannot be deleted here; it expires", file_id)
            return False
        return True

    def answer(self, url: str, body: dict[str, Any]) -> Response:
        """An item's answer by the synchronous API; `url` is the item's, and begins with `/v1`."""
        path = url.removeprefix("/v1")
        return ANSWERING.call(self._client.post, path, cast_to=Response, body=body)

    def _pages(self, first: Callable[[], SyncCursorPage[T]]) -> Iterator[list[T]]:
        page = self._reading.call(readable, first)
        while True:
            yield page.data or []
            if not page.has_next_page():
                return
            page = self._reading.call(readable, page.get_next_page)


def _broken(file_id: str, where: str) -> DownloadBroken:
    return DownloadBroken(f"The download of {file_id} broke off {where}.", file_id=file_id)


def _at_most(seconds: float | None, client: OpenAI) -> Timeout:
    """A client's time-outs, none of them longer."""
    known = client.timeout
    timeouts = (known if isinstance(known, Timeout) else Timeout(known)).as_dict()
    return Timeout(**{name: min(filter(None, (limit, seconds)), default=None) for name, limit in timeouts.items()})


@contextmanager
def connect(
    credentials: str | None = None, reading: Tries = READING, *, paced: bool = False
) -> Iterator[Connection]:
    """A connection with a block's credentials, or with those of the environment; closed at the end.

    Args:
        credentials: The name of a credentials block; None uses OpenAI's environment variables.
        reading: How calls are tried that may be repeated as they stand.
        paced: Whether uploads and creations wait for their turn among all runs.

    Raises:
        AccessError: there is no such block, or it lacks a key.
    """
    with load_credentials(credentials).get_client() as client:
        yield Connection(client, reading, credentials, paced=paced)
