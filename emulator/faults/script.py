"""Faults by script: what goes wrong, where, and how often; repeatable from a seed."""

import math
import random
import re
import threading
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Literal, TypeVar

from pydantic import Field, field_validator

from ..settings import Frozen


class LineFault(Frozen):
    """Something goes wrong with lines of a batch.

    Kinds: `error` (the line gets `status` and an error body), `refusal`, `length` and `content_filter` (the answer
    ends so), `invalid_answer` (not the JSON that was asked for), `two_messages` (a first message that is cut off,
    the whole one after it), `missing` (executed and billed, but in no file), `doubled` (written twice), `foreign`
    (somebody else's line stands beside it), `status_zero`, `timeout`
    (the call to the model timed out), `separators` (raw U+2028, U+2029 and U+0085 in the
    answer).
    """

    kind: Literal[
        "error",
        "refusal",
        "length",
        "content_filter",
        "invalid_answer",
        "two_messages",
        "missing",
        "doubled",
        "foreign",
        "status_zero",
        "timeout",
        "separators",
    ]
    pattern: str = Field("", description="Regular expression over the line; empty fits every line.")
    share: float = Field(1.0, ge=0, le=1, description="Share of the fitting lines that it befalls.")
    times: int | None = Field(
        None, ge=1, description="How often an item meets it, over all batches; then it passes."
    )
    status: int = Field(500, ge=400, le=599, description="HTTP status of the line, for `error`.")
    code: str | None = Field(None, description="Code of the error; OpenAI's for the status if absent.")
    message: str | None = Field(None, description="Text of the error or the refusal; OpenAI's if absent.")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from error
        return pattern


class BatchFault(Frozen):
    """Something goes wrong with a whole batch.

    Kinds: `no_file_ids` (completed, but its file ids come `seconds` later), `stale_counts` (the counts stay behind
    until `seconds` after the end), `empty_ids` (`""` where OpenAI sends null), `slow_finalizing` (finalizing lasts
    `seconds`), `hang_finalizing` (it lasts until `seconds` past the window), `half_expired` (only `share` of the
    lines run before the window closes), `all_failed` (every line ends with `status`), `fail_validation` (fails
    with `code` and `message`), `cancelled` (somebody else cancels it when `share` of its lines have run).
    """

    kind: Literal[
        "no_file_ids",
        "stale_counts",
        "empty_ids",
        "hang_finalizing",
        "slow_finalizing",
        "half_expired",
        "all_failed",
        "fail_validation",
        "cancelled",
    ]
    batches: tuple[int, ...] | None = Field(
        None, description="Which batches, counted from 1 as created; all if absent."
    )
    share: float = Field(
        0.5, ge=0, le=1, description="Share of the lines that run, for half_expired and cancelled."
    )
    seconds: float = Field(2.0, ge=0, description="How long it lasts, on the server's clock.")
    status: int = Field(500, ge=400, le=599, description="HTTP status of the lines, for all_failed.")
    code: str = Field("token_limit_exceeded", description="Code of the error, for fail_validation.")
    message: str | None = Field(None, description="Text of the error, for fail_validation.")


class RouteFault(Frozen):
    """Something goes wrong with an HTTP call.

    Kinds: `cut` (the connection is closed without an answer), `hang` (the answer comes `seconds` late, true time),
    `http_error` (`status`, with `retry_after` where given), `html` (a proxy's page with `status`), `not_found`
    (404 as the route words it), `cannot_find_file` (400 as seen right after an upload), `cut_stream` (the download
    breaks off after `share` of its bytes), `short_body` (it ends there as if that were all: chunked, or with that
    length in its header), `no_bytes` (a file's size is null), `lag` (a list leaves out what is younger than
    `seconds`).
    """

    kind: Literal[
        "cut",
        "hang",
        "http_error",
        "html",
        "not_found",
        "cannot_find_file",
        "cut_stream",
        "short_body",
        "no_bytes",
        "lag",
    ]
    route: str = Field("* *", description="Method and path, with * for any text, such as `GET */files/*/content`.")
    calls: tuple[int, ...] | None = Field(None, description="Which fitting calls, counted from 1; all if absent.")
    share: float = Field(
        1.0, ge=0, le=1, description="Share of the calls; of the bytes, for cut_stream and short_body."
    )
    times: int | None = Field(None, ge=1, description="How often it happens at most.")
    chunked: bool = Field(True, description="Whether the answer bears no length, for short_body.")
    whole_lines: bool = Field(
        False, description="Whether it ends with the last line that is whole, for short_body."
    )
    when: Literal["before", "after"] = Field(
        "before", description="Whether the call has no effect, or has its effect."
    )
    seconds: float = Field(1.0, ge=0, description="How long, for hang (true time) and lag (the server's clock).")
    status: int = Field(500, ge=200, le=599, description="HTTP status, for http_error and html.")
    retry_after: float | None = Field(None, ge=0, description="Seconds in the header Retry-After, for http_error.")
    code: str | None = Field(None, description="Code of the error; OpenAI's for the status if absent.")
    message: str | None = Field(None, description="Text of the error; OpenAI's for the status if absent.")


Kind = TypeVar("Kind", LineFault, BatchFault, RouteFault)
Fault = Annotated[LineFault | BatchFault | RouteFault, Field(discriminator="kind")]


class Script(Frozen):
    """What goes wrong: the body of `PUT /emulator/faults`, and of a file of faults."""

    seed: int = Field(0, description="Decides which calls and lines a share means; the same seed, the same ones.")
    faults: tuple[Fault, ...] = ()


class Faults:
    """A script at work: it counts, so that `calls` and `times` hold."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._counts: Counter[tuple[int, str]] = Counter()
        self._lock = threading.Lock()

    def load(self, script: Script) -> None:
        """Take another script, and count from the beginning."""
        with self._lock:
            self.script = script
            self._counts.clear()

    def of_call(self, method: str, path: str) -> list[RouteFault]:
        """The faults of this call, which counts as made."""
        return [fault for index, fault in self._all(RouteFault) if self._meets_call(index, fault, method, path)]

    def of_batch(self, number: int) -> dict[str, BatchFault]:
        """The faults of the batch with this number, by kind."""
        return {
            fault.kind: fault
            for _, fault in self._all(BatchFault)
            if fault.batches is None or number in fault.batches
        }

    @property
    def leave_lines_alone(self) -> bool:
        """Whether no fault befalls lines."""
        faults = self.script.faults
        return not any(isinstance(fault, LineFault) or fault.kind == "all_failed" for fault in faults)

    def of_line(self, line: bytes, custom_id: str, batch_number: int) -> list[LineFault]:
        """The faults of this line, which counts as executed."""
        text = line.decode("utf-8", "replace")
        doomed = self.of_batch(batch_number).get("all_failed")
        if doomed is not None:
            return [LineFault(kind="error", status=doomed.status)]
        return [
            fault
            for index, fault in self._all(LineFault)
            if re.search(fault.pattern, text)
            and self._falls(fault.share, index, f"{batch_number} {custom_id}")
            and self._count(index, custom_id) <= (fault.times or math.inf)
        ]

    def _all(self, kind: type[Kind]) -> Iterator[tuple[int, Kind]]:
        return ((index, fault) for index, fault in enumerate(self.script.faults) if isinstance(fault, kind))

    def _meets_call(self, index: int, fault: RouteFault, method: str, path: str) -> bool:
        if not fnmatchcase(f"{method} {path}", fault.route):
            return False
        number = self._count(index, "call")
        if fault.calls is not None and number not in fault.calls:
            return False
        share = 1.0 if fault.kind in ("cut_stream", "short_body") else fault.share
        return self._falls(share, index, str(number)) and self._count(index, "met") <= (fault.times or math.inf)

    def _count(self, index: int, what: str) -> int:
        with self._lock:
            self._counts[index, what] += 1
            return self._counts[index, what]

    def _falls(self, share: float, index: int, what: str) -> bool:
        return random.Random(f"{self.script.seed} {index} {what}").random() < share  # noqa: S311  # repeatable
