"""Lines executed: read in a shuffled order, answered, and written as OpenAI writes them."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from .bodies import Answer, Asked, shape
from .errors import error_body
from .records import Progress
from .replies import Answerer, as_reply
from .validation import CHUNK

Item = dict[str, Any]

EXPIRED = ("batch_expired", "This request could not be executed before the completion window expired.")
CANCELLED = ("batch_cancelled", "This request was not executed because the batch was cancelled.")


@dataclass(frozen=True)
class Plan:
    """The order in which a file's lines are executed: chunks in any order, and lines in any order within each.

    It is made of the seed and the file alone, so that a restart goes on where it stopped.
    """

    path: Path
    offsets: list[int]
    total: int
    seed: str

    def lines(self, start: int, stop: int) -> Iterator[bytes]:
        """The lines from one position of the order to another."""
        position = 0
        for chunk in self._chunk_order():
            count = min(CHUNK, self.total - chunk * CHUNK)
            low, high = max(start - position, 0), min(stop - position, count)
            if low < high:
                yield from self._of_chunk(chunk, count, low, high)
            position += count
            if position >= stop:
                return

    def _chunk_order(self) -> list[int]:
        return _shuffled(len(self.offsets) - 1, self.seed)

    def _of_chunk(self, chunk: int, count: int, low: int, high: int) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(self.offsets[chunk])
            lines = file.read(self.offsets[chunk + 1] - self.offsets[chunk]).split(b"\n")
        for index in _shuffled(count, f"{self.seed} {chunk}")[low:high]:
            yield lines[index]


def _shuffled(count: int, seed: str) -> list[int]:
    """Any order but the natural one, which a client must not come to rely on."""
    order = list(range(count))
    random.Random(seed).shuffle(order)  # noqa: S311  # an order, not a secret
    return order[::-1] if count > 1 and order == sorted(order) else order


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

    def write(self, name: str, text: str) -> None:
        """Add text to one of the files."""
        self.files[name].write(text.encode())


@dataclass(frozen=True)
class Execution:
    """Some positions of a batch's order to execute."""

    plan: Plan
    start: int
    stop: int
    batch_id: str
    endpoint: str
    now: int
    paths: dict[str, Path]


def execute(job: Execution, progress: Progress, answerer: Answerer) -> Progress:
    """Answer the lines from `start` to `stop` and write them down; returns how far the batch is then."""
    done = replace(progress, sizes=dict(progress.sizes))
    with Sheet(job.paths, done.sizes) as sheet:
        for line in job.plan.lines(job.start, job.stop):
            item = orjson.loads(line)
            body_sha256 = sha256(orjson.dumps(item["body"], option=orjson.OPT_SORT_KEYS)).hexdigest()
            digest = blake2b(f"{job.batch_id} {item['custom_id']}".encode(), digest_size=24).hexdigest()
            answer = _answer(job, item, digest, answerer)
            sheet.write("output" if answer.status == 200 else "errors", line_text(item, answer, digest, job.now))
            sheet.write("bill", _bill_line(job, item, answer, body_sha256))
            _count(done, answer)
    done.position = job.stop
    return done


def close_unexecuted(job: Execution, progress: Progress, reason: tuple[str, str]) -> Progress:
    """Write an error line for every line that was not executed."""
    done = replace(progress, sizes=dict(progress.sizes))
    code, message = reason
    with Sheet(job.paths, done.sizes) as sheet:
        for line in job.plan.lines(job.start, job.stop):
            custom_id = orjson.loads(line)["custom_id"]
            digest = blake2b(f"{job.batch_id} {custom_id}".encode(), digest_size=24).hexdigest()
            sheet.write("errors", unexecuted_text(custom_id, code, message, digest, job.now))
    return done


_quoted: Callable[[str], str] = json.encoder.encode_basestring_ascii


def line_text(item: Item, answer: Answer, digest: str, now: int) -> str:
    """A line of the output or the error file, written as Python writes JSON, which is how OpenAI writes it."""
    return (
        f'{{"id": "batch_req_{now:08x}{digest[:24]}", "custom_id": {_quoted(item["custom_id"])}, "response": '
        f'{{"status_code": {answer.status}, "request_id": "{_uuid(digest)}", "body": {answer.body}}}, '
        f'"error": null}}\n'
    )


def unexecuted_text(custom_id: str, code: str, message: str, digest: str, now: int) -> str:
    """A line of the error file for a request that never ran."""
    return (
        f'{{"id": "batch_req_{now:08x}{digest[:24]}", "custom_id": {_quoted(custom_id)}, "response": null, '
        f'"error": {{"code": {_quoted(code)}, "message": {_quoted(message)}}}}}\n'
    )


def _uuid(digest: str) -> str:
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def _answer(job: Execution, item: Item, digest: str, answerer: Answerer) -> Answer:
    try:
        reply = as_reply(answerer(item["body"]))
        return shape(job.endpoint, Asked(item["body"], digest, job.now), reply)
    except Exception as error:  # whatever an answer of one's own raises is that line's failure, not the server's
        message = f"The server had an error processing your request: {type(error).__name__}: {error}"
        return Answer(500, json.dumps(error_body(message, "server_error")), None)


def _bill_line(job: Execution, item: Item, answer: Answer, body_sha256: str) -> str:
    usage = answer.usage
    return (
        f'{{"custom_id": {_quoted(item["custom_id"])}, "body_sha256": "{body_sha256}", '
        f'"batch_id": "{job.batch_id}", "status_code": {answer.status}, '
        f'"billed": {"true" if usage else "false"}, "input_tokens": {usage.input if usage else 0}, '
        f'"output_tokens": {usage.output if usage else 0}}}\n'
    )


def _count(done: Progress, answer: Answer) -> None:
    if answer.status == 200:
        done.completed += 1
    else:
        done.failed += 1
    if answer.usage:
        done.billed += 1
        done.input_tokens += answer.usage.input
        done.output_tokens += answer.usage.output
        done.cached_tokens += answer.usage.cached
        done.reasoning_tokens += answer.usage.reasoning
