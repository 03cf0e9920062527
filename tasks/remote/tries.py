"""How often and how long each kind of call to OpenAI is tried; nothing else tries.

kind         tries  pauses between, in seconds  all of them  what is tried again
reading          8  0.5, 1, 4, 15, 60, 60, 60        200.5  what may pass: lost connections, 408, 409, 429, 5xx
looking          1                                       0  nothing: a sensor's next look is the next try
checking         3  0.5, 1                             1.5  what may pass, where somebody waits; a file's size
listing          8  0.5, 1, 4, 15, 60, 60, 60        200.5  as reading, where a whole flight waits for the answer
finding          5  0.5, 1, 2, 4                     7.5  a batch that is not known: the next look may find it
uploading        8  0.5, 1, 2, 4, 8, 16, 32           63.5  what may pass: an upload costs nothing
processing       9  0.5, 1, 2, 4, 8, 15, 30, 60      120.5  an upload that Azure still works on
creating         8  0.5, 1, 2, 4, 8, 16, 32           63.5  what may pass, after a look for what may be created
downloading      8  0.5, 1, 4, 15, 60, 60, 60        200.5  what may pass, broken downloads among it
rereading        4  1, 15, 60                           76  nothing that fails: files that tell of too few items
answering        7  0.5, 1, 2, 4, 8, 8                23.5  what may pass
connecting       4  1, 5, 15                            21  a database that cannot be reached: rows are read anew

Reading is whatever changes nothing the second time: to retrieve, list, delete and cancel. The time of the calls
themselves comes to the pauses; so do, before a creation is tried again, up to `settle_seconds` of looking for
what the last one may have created. A pause is as long as the server asks for in Retry-After, though never longer
than `LONGEST_PAUSE_SECONDS`. A call lasts as long as its credentials let it, but for some that are given up after
half a minute or a whole one: looking, for a silent server would hold up other accounts' jobs, checking and
listing, for it would keep people waiting, or a job from its deadline, and creating, so that what may have come of
it is looked for while its claim has not settled. The SDK's own retries are off, and of the tasks only the sensors
are retried by Prefect.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from math import inf, isfinite
from threading import Event
from typing import ParamSpec, TypeVar

from httpx import HTTPStatusError, NetworkError, RemoteProtocolError, TimeoutException
from httpx2 import Request
from openai import APIConnectionError, APIError, APIStatusError, BadRequestError
from openai.pagination import SyncCursorPage
from prefect.exceptions import TerminationSignal
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from ...batch import clock
from ...batch.errors import BatchUnknown, DatabaseUnreachable, DownloadBroken
from ...batch.outcomes.outcome import is_transient
from ...batch.progress import noted_wait
from ...batch.storage.locations import is_away

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

LONGEST_PAUSE_SECONDS = 60.0
"""No pause is longer, whatever a server asks for."""


class FilePending(Exception):
    """An uploaded file is not ready for a batch yet."""


class AnswerUnreadable(APIConnectionError):
    """A call was answered with what is no object of OpenAI's: a proxy's page, or half of one.

    It says nothing of what was done, as a lost answer does not.
    """

    def __init__(self, call: Callable[..., object]) -> None:
        method = "POST" if getattr(call, "__name__", "") in ("create", "cancel") else "GET"
        super().__init__(message="The answer cannot be read.", request=Request(method, "https://unreadable"))


def readable(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What a call answers.

    Raises:
        AnswerUnreadable: it is no object of OpenAI's.
    """
    try:
        answer = call(*args, **kwargs)
    except (ValueError, AttributeError) as error:  # what the SDK makes of it
        raise AnswerUnreadable(call) from error
    if isinstance(answer, SyncCursorPage):
        is_told = "data" in answer.model_fields_set  # null too: some servers send it for an empty list
    else:
        is_told = getattr(answer, "id", None) is not None
    if not is_told:
        raise AnswerUnreadable(call)
    return answer


_shortened_to = inf

_ended: ContextVar[Event | None] = ContextVar("ended", default=None)
"""Set when that is ended which the pauses of this context belong to."""


def pause(seconds: float, asked: str = "OpenAI") -> None:
    """Wait; every pause between two calls goes through here.

    Raises:
        KeyboardInterrupt: what the pause belongs to was ended meanwhile, in another thread.
    """
    seconds, ended = min(seconds, _shortened_to), _ended.get()
    with noted_wait(f"{asked}, which is asked again within {seconds:.0f} s"):
        if ended is None:
            time.sleep(seconds)
        elif ended.wait(seconds):
            raise KeyboardInterrupt


def pause_for_storage(seconds: float) -> None:
    """A pause before a job's storage is asked again that was away."""
    pause(seconds, asked="the job's storage")


@contextmanager
def pauses_end_with_it() -> Iterator[None]:
    """Let Ctrl-C or SIGTERM in the block end the pauses of its other threads too, whose ends are waited for.

    Those threads are meant that run in copies of the block's context, as Prefect's do.
    """
    ended = Event()
    before = _ended.set(ended)
    try:
        yield
    except (KeyboardInterrupt, TerminationSignal):
        ended.set()
        raise
    finally:
        _ended.reset(before)


@contextmanager
def brief_pauses(seconds: float = 0.0) -> Iterator[None]:
    """For tests: in this whole process no pause is longer than so many seconds."""
    global _shortened_to  # not a context variable: calls are made in many threads
    before, _shortened_to = _shortened_to, seconds
    try:
        yield
    finally:
        _shortened_to = before


def may_pass(error: object) -> bool:
    """Whether the same call may succeed another time: lost connections, broken downloads, 408, 409, 429, 5xx.

    So may one that has found Prefect's server away, which keeps the credentials block, or the job's storage.
    """
    if isinstance(error, APIStatusError):
        return is_transient(error.status_code) and error.code != "insufficient_quota"
    if isinstance(error, HTTPStatusError):
        return is_transient(error.response.status_code)
    lost = NetworkError | TimeoutException | RemoteProtocolError
    return isinstance(error, APIConnectionError | DownloadBroken | lost) or is_away(error)


def _may_create_again(error: object) -> bool:
    """Whether a creation may be tried again; never because a look for what it may have created has failed."""
    is_creation = isinstance(error, APIError) and error.request.method == "POST"
    return is_creation and (may_pass(error) or file_not_found(error))


def file_not_found(error: object) -> bool:
    """Whether OpenAI finds no such file: one that is gone, or for a moment one that was just uploaded."""
    return isinstance(error, BadRequestError) and "Cannot find file" in error.message


def asked_pause(error: object) -> float | None:
    """The seconds that a server asks for in Retry-After, as a number or a date; None where it asks for none."""
    if not isinstance(error, APIStatusError):
        return None
    text = error.response.headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        seconds = _seconds_until(text)
    return seconds if isfinite(seconds) and seconds > 0 else None


def _seconds_until(date: str) -> float:
    """The seconds to an HTTP date; 0 where it is none."""
    try:
        return parsedate_to_datetime(date).timestamp() - clock.now()
    except (ValueError, OverflowError):
        return 0.0


@dataclass(frozen=True)
class Tries:
    """How a kind of call is tried: the pauses between two tries, in seconds, and after what there is another.

    `awaited` is what one waits for meanwhile, `asked` who is asked, in words. No call lasts longer than `seconds`;
    None leaves that to the credentials.
    """

    pauses: tuple[float, ...] = ()
    again: Callable[[BaseException], bool] = may_pass
    awaited: str = "OpenAI's answer"
    asked: str = "OpenAI"
    seconds: float | None = None

    @property
    def most(self) -> int:
        """How often the call is made at most."""
        return len(self.pauses) + 1

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The function's result; where no try succeeds, what the last one raised."""
        retrying = Retrying(
            stop=stop_after_attempt(self.most),
            wait=self._seconds_after,
            retry=retry_if_exception(self.again),
            before_sleep=self._say_so,
            sleep=partial(pause, asked=self.asked),
            reraise=True,
        )
        with noted_wait(self.awaited):
            return retrying(function, *args, **kwargs)

    def _seconds_after(self, state: RetryCallState) -> float:
        """How long to wait after a failed try."""
        if state.outcome is None or state.attempt_number >= self.most:
            return 0.0
        asked = asked_pause(state.outcome.exception())
        return min(asked or self.pauses[state.attempt_number - 1], LONGEST_PAUSE_SECONDS)

    def _say_so(self, state: RetryCallState) -> None:
        """Who waits is told for what; an error's text may hold what nobody else may read."""
        error = state.outcome.exception() if state.outcome else None
        log.warning("%s: %s, tried again in %.1f s", _capital(self.asked), kind_of(error), state.upcoming_sleep)


def kind_of(error: BaseException | None) -> str:
    """What kind of error it is, with its status: no more of it is told, for its text may quote what is secret."""
    return f"{type(error).__name__} {getattr(error, 'status_code', '')}".strip()


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


READING = Tries((0.5, 1, 4, 15, 60, 60, 60))
LOOKING = Tries(seconds=60)
LISTING = Tries(READING.pauses, seconds=60)
FINDING = Tries((0.5, 1, 2, 4), lambda error: isinstance(error, BatchUnknown))
CHECKING = Tries((0.5, 1), seconds=30)
UPLOADING = Tries((0.5, 1, 2, 4, 8, 16, 32), awaited="an upload to OpenAI")
PROCESSING = Tries((0.5, 1, 2, 4, 8, 15, 30, 60), lambda error: isinstance(error, FilePending), "an upload")
CREATING = Tries((0.5, 1, 2, 4, 8, 16, 32), _may_create_again, awaited="OpenAI to take a batch", seconds=60)
DOWNLOADING = Tries((0.5, 1, 4, 15, 60, 60, 60), awaited="a download from OpenAI")
REREADING = Tries((1, 15, 60))
ANSWERING = Tries((0.5, 1, 2, 4, 8, 8))
CONNECTING = Tries((1, 5, 15), lambda error: isinstance(error, DatabaseUnreachable), "a database", "the database")
