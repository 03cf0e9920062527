"""Lines executed: read in the plan's order, answered, written down, and put to account."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import repeat
from pathlib import Path
from typing import BinaryIO

import orjson

from ..answers.answerers import Answerer, as_reply, by_rules
from ..answers.bodies.endpoints import shape
from ..answers.exchange import Answer, Asked, Usage
from ..answers.lines import account_line, answered_line, unexecuted_line
from ..errors import error_body
from ..faults.line_faults import spoil_body, spoil_line, spoil_reply
from ..faults.script import Faults, LineFault
from ..settings import Profile
from .plan import Plan
from .records import Progress

EXPIRED = ("batch_expired", "This request could not be executed before the completion window expired.")
CANCELLED = ("batch_cancelled", "This request was not executed because the batch was cancelled.")


@dataclass(frozen=True)
class Execution:
    """Some positions of a batch's plan to execute.

    Attributes:
        plan: the order of the batch's lines.
        start: the first position.
        stop: the position after the last.
        batch_id: the batch.
        batch_number: its place in the order of creation.
        endpoint: what every line asks.
        now: the time on the server's clock.
        paths: where output, errors and bill are written.
        profile: whose lines to write.
        block: how many lines are read, answered and written in one go; what 200 take stays in a core's cache.
    """

    plan: Plan
    start: int
    stop: int
    batch_id: str
    batch_number: int
    endpoint: str
    now: int
    paths: dict[str, Path]
    profile: Profile = "openai"
    block: int = 200

    def blocks(self) -> Iterator[tuple[list[bytes], list[Asked]]]:
        """The lines, as they are and as they are read, some at a time."""
        position = self.start
        for chunk in self.plan.chunks(self.start, self.stop):
            for first in range(0, len(chunk), self.block):
                lines = chunk[first : first + self.block]
                yield lines, self._read(lines, position)
                position += len(lines)

    def _read(self, lines: list[bytes], position: int) -> list[Asked]:
        """Some lines, of which each was found to be valid, and the first is at this position."""
        asked, batch, now = [], f"{self.batch_number & 0xFFFF:04x}", self.now
        for place, item in enumerate(orjson.loads(b"[%b]" % b",".join(lines)), position):
            body = item["body"]
            body_sha256 = sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
            digest = f"{batch}{place:08x}{body_sha256[:36]}"
            asked.append(Asked(item["custom_id"], body, body_sha256, digest, now))
        return asked


AnswerAll = Callable[[str, list[Asked]], list[Answer]]
"""Answers some requests to one endpoint, in their order."""


@dataclass
class Sheet:
    """The files that a batch's lines are written to, cut back first to what counts: the rest was torn off."""

    paths: dict[str, Path]
    sizes: dict[str, int]
    files: dict[str, BinaryIO] = field(default_factory=dict)

    def __enter__(self) -> "Sheet":
        for name, path in self.paths.items():
            path.touch()
            file = path.open("r+b")
            file.truncate(self.sizes.get(name, 0))
            file.seek(0, 2)
            self.files[name] = file
        return self

    def __exit__(self, *_: object) -> None:
        for name, file in self.files.items():
            self.sizes[name] = file.tell()
            file.close()

    def write(self, name: str, lines: list[str]) -> None:
        """Add lines to one of the files."""
        self.files[name].write("".join(lines).encode())


def execute(job: Execution, progress: Progress, answer_all: AnswerAll, faults: Faults | None = None) -> Progress:
    """Answer the lines from `start` to `stop` and write them down; returns how far the batch is then."""
    done = replace(progress, sizes=dict(progress.sizes), position=job.stop)
    with Sheet(job.paths, done.sizes) as sheet:
        for lines, asked in job.blocks():
            if faults is None:
                answers = answer_all(job.endpoint, asked)
                texts = list(map(answered_line, asked, answers, repeat(job.profile)))
            else:
                answers, texts = _with_faults(job, lines, asked, answer_all, faults)
            failed = [place for place, answer in enumerate(answers) if answer.status != 200]
            sheet.write("errors", [texts[place] for place in failed])
            for place in reversed(failed):
                del texts[place]
            sheet.write("output", texts)
            sheet.write("bill", list(map(account_line, asked, answers, repeat(job.batch_id))))
            _count(done, answers)
    return done


def close_unexecuted(job: Execution, progress: Progress, reason: tuple[str, str]) -> Progress:
    """Write an error line for every line that was not executed."""
    done = replace(progress, sizes=dict(progress.sizes))
    with Sheet(job.paths, done.sizes) as sheet:
        for _, asked in job.blocks():
            sheet.write("errors", [unexecuted_line(one, *reason) for one in asked])
    return done


def answer_by(answerer: Answerer) -> AnswerAll:
    """Answers one item after another."""

    def answer_all(endpoint: str, asked: list[Asked]) -> list[Answer]:
        return [_answer(endpoint, one, answerer) for one in asked]

    return answer_all


def _answer(endpoint: str, asked: Asked, answerer: Answerer) -> Answer:
    try:
        return shape(endpoint, asked, as_reply(answerer(asked.body)))
    except Exception as error:  # whatever an answer of one's own raises is that line's failure, not the server's
        message = f"The server had an error processing your request: {type(error).__name__}: {error}"
        return Answer(500, json.dumps(error_body(message, "server_error")), None)


def _count(done: Progress, answers: list[Answer]) -> None:
    succeeded = sum(answer.status == 200 for answer in answers)
    done.completed += succeeded
    done.failed += len(answers) - succeeded
    billed = [answer.usage for answer in answers if answer.usage is not None]
    inputs, outputs, cached, reasoning, _ = map(sum, zip(Usage(), *billed, strict=True))
    done.billed += len(billed)
    done.input_tokens += inputs
    done.output_tokens += outputs
    done.cached_tokens += cached
    done.reasoning_tokens += reasoning


def _with_faults(
    job: Execution, lines: list[bytes], asked: list[Asked], answer_all: AnswerAll, faults: Faults
) -> tuple[list[Answer], list[str]]:
    """Answers and lines of one chunk. An item that a fault answers is not asked elsewhere."""
    met = [faults.of_line(line, one.custom_id, job.batch_number) for line, one in zip(lines, asked, strict=True)]
    given = [_faulty_answer(job.endpoint, one, found) for one, found in zip(asked, met, strict=True)]
    left = iter(
        answer_all(job.endpoint, [one for one, answer in zip(asked, given, strict=True) if answer is None])
    )
    answers, texts = [], []
    for one, answer, found in zip(asked, given, met, strict=True):
        whole = next(left) if answer is None else answer
        for fault in found:
            whole = spoil_body(fault, whole)
        text = answered_line(one, whole, job.profile)
        for fault in found:
            text = spoil_line(fault, text, one)
        answers.append(whole)
        texts.append(text)
    return answers, texts


def _faulty_answer(endpoint: str, asked: Asked, found: list[LineFault]) -> Answer | None:
    reply = None
    for fault in found:
        reply = spoil_reply(fault, endpoint, reply or by_rules(asked.body)) or reply
    return None if reply is None else _answer(endpoint, asked, lambda _: reply)
