"""Which answers of a batch are kept: those that succeeded, are whole, and keep to their schema.

A refusal, an empty answer, and one that was cut at its length or by a content filter are asked again by the next
job.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ..files.input_files import INPUT, InputFile, items_of
from ..files.output_files import custom_id_of, parse_line
from ..outcomes.costs import READ, row_costs, sent_model
from ..outcomes.outcome import OutcomeKind, response_of
from ..outcomes.outcome_files import FetchedOutput, open_outcomes
from .answers import Answers, KeptAnswer
from .digests import Digests
from .keepers import introduce
from .store import AnswerStore

CUT = pa.array(["length", "content_filter"])
"""How an answer ended that is not whole."""

COLUMNS = [*READ, "custom_id", "answer", "finish_reason"]


def keep_output(
    store: AnswerStore, answers: Answers, file: InputFile, output: FetchedOutput, paths: Sequence[Path]
) -> int:
    """Keep the answers that came for an input file; returns how many were new.

    Memory takes a few hundred bytes an item, and some bodies at once.

    Args:
        store: The job's store, open.
        answers: What the job sees in it, and the server that was asked.
        file: What was sent; its `input.jsonl` is there still.
        output: What became of its items.
        paths: What came, as lines of output files.
    """
    wanted = _valid(file, output, answers)
    if wanted and answers.keeper is not None:
        introduce(store, answers.keeper)
    found = ((custom_id, body) for custom_id, body in _bodies(paths) if custom_id in wanted)
    return store.keep((wanted[custom_id]._replace(body=body) for custom_id, body in found), answers.opening)


def _valid(file: InputFile, output: FetchedOutput, answers: Answers) -> dict[str, KeptAnswer]:
    """The answers that are kept, by custom_id, without their bodies."""
    digests, wanted = _digests(file, answers.server), {}
    keeper = answers.keeper_of(file.job_key or "").name
    for table in _outcomes(output):
        costs = row_costs(table, sent_model(output), answers.prices).to_pylist()
        names = ("custom_id", "model", "input_tokens", "output_tokens")
        told = zip(_is_whole(table).to_pylist(), costs, *(table[name].to_pylist() for name in names), strict=True)
        for whole, cost, custom_id, model, input_tokens, output_tokens in told:
            if whole and custom_id in digests:
                wanted[custom_id] = KeptAnswer(
                    digest=digests[custom_id],
                    body=b"",
                    endpoint=file.endpoint.value,
                    model=model or file.model,
                    keeper=keeper,
                    custom_id=custom_id,
                    input_tokens=input_tokens,
                    output_tokens=output_tokens,
                    cost_usd=None if cost is None else str(cost),
                )
    return wanted


def _digests(file: InputFile, server: str) -> dict[str, bytes]:
    known = Digests(file.endpoint, server)
    with file.files.open(INPUT) as lines:
        sent = zip(items_of(file), lines, strict=True)
        return {custom_id: known.of_lines([line])[0] for (_, custom_id), line in sent}


def _outcomes(output: FetchedOutput) -> Iterator[pa.Table]:
    with open_outcomes(output, COLUMNS) as kept:
        for batch in kept.batches(None):
            yield pa.Table.from_batches([batch])


def _is_whole(outcomes: pa.Table) -> pa.ChunkedArray:
    """Which answers succeeded, are there, and were not cut."""
    succeeded = pc.equal(outcomes["outcome"], OutcomeKind.SUCCEEDED.value)
    said = pc.and_(pc.is_valid(outcomes["answer"]), pc.is_null(outcomes["error_code"]))
    return pc.and_(pc.and_(succeeded, said), pc.invert(pc.is_in(outcomes["finish_reason"], CUT)))


class _Response(msgspec.Struct):
    status_code: Literal[200]
    body: msgspec.Raw


class _Line(msgspec.Struct):
    custom_id: str
    response: _Response


class _Told(NamedTuple):
    custom_id: str
    body: bytes


_decode = msgspec.json.Decoder(_Line).decode


def _bodies(paths: Iterable[Path]) -> Iterator[_Told]:
    """The bodies of responses with status 200, as they came; of several for one item the first."""
    seen: set[str] = set()
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                told = _told(line)
                if told is not None and told.custom_id not in seen:
                    seen.add(told.custom_id)
                    yield told


def _told(line: bytes) -> _Told | None:
    try:
        line.decode()
        usual = _decode(line)
        body = bytes(usual.response.body)
        if body.startswith(b"{"):
            return _Told(usual.custom_id, body)
    except (ValueError, RecursionError):
        pass
    return _told_otherwise(line)


def _told_otherwise(line: bytes) -> _Told | None:
    """The same of a line in another dialect, its body as the object that it holds."""
    custom_id = custom_id_of(line)
    try:
        parsed = parse_line(line)
    except (ValueError, RecursionError):
        return None
    response = response_of(parsed) if isinstance(parsed, dict) else None
    if custom_id is None or response is None or response[0] != 200 or not isinstance(response[1], dict):
        return None
    try:
        return _Told(custom_id, orjson.dumps(response[1]))
    except TypeError:  # nested deeper than it is written
        return None
