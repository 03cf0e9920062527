"""Input files: items cut at OpenAI's limits, one endpoint and one model each.

An input file's folder holds `input.jsonl`, the items as they are sent, and `items.parquet`, which row and
which custom_id each of them is: what came back is put in order by it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from decimal import Decimal
from hashlib import sha256
from itertools import accumulate

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from ..errors import ItemTooLarge, RequestError
from ..limits import Limits
from ..requests.endpoints import Endpoint
from ..storage.folders import Folder
from .kept_tables import keep_table, kept_table
from .lines import Lines
from .most_costs import CostBound
from .token_sizes import FileTokens, TokenSums, untold_tokens

INPUT = "input.jsonl"
ITEMS = "items.parquet"


ITEMS_SCHEMA = pa.schema([pa.field("row", pa.int64(), False), pa.field("custom_id", pa.string(), False)])


class InputFile(BaseModel):
    """A reference to one input file in its folder.

    `items`, `bytes` and `sha256` are of `input.jsonl`; `first_row` and `last_row` bound the 0-based numbers of
    its rows, which may lie between those of other input files. `job_key` is None for items made by hand.
    `contested` says that another start of the job may send the same items, and know nothing of this folder.
    `tokens` says about how many its items take.
    """

    model_config = ConfigDict(frozen=True)

    folder: str
    job_key: str | None = None
    contested: bool = False
    round: int = 1
    name: str
    endpoint: Endpoint
    model: str
    items: int
    bytes: int
    sha256: str
    first_row: int
    last_row: int
    tokens: FileTokens = FileTokens()

    @property
    def files(self) -> Folder:
        """The folder of this input file."""
        return Folder(self.folder)

    def read_items(self) -> pa.Table:
        """Row number and custom_id of each item, in the order of the rows."""
        return kept_table(self.files, ITEMS)


class InputFileWriter:
    """Cuts lines into input files under `folder`, named `{prefix}-0`, `{prefix}-1`, … as they are begun."""

    def __init__(
        self,
        folder: Folder,
        prefix: str,
        endpoint: Endpoint,
        *,
        job_key: str | None = None,
        round_number: int = 1,
        contested: bool = False,
        limits: Limits | None = None,
        cost_bound: CostBound | None = None,
    ) -> None:
        self.folder = folder
        self.prefix = prefix
        self.endpoint = endpoint
        self.job_key = job_key
        self.round_number = round_number
        self.contested = contested
        self.limits = limits or Limits()
        self.cost_bound = cost_bound
        self._begun = 0
        self._open: dict[str, _OpenFile] = {}
        self._done: list[tuple[int, InputFile]] = []

    def write(self, groups: Iterable[Lines]) -> list[InputFile]:
        """Write all lines, a model at a time where they have several.

        Where that fails, files that are whole stay: another process may have made and sent the same ones.

        Raises:
            ItemTooLarge: one line alone exceeds what an input file may hold.
            RequestError: the lines name more models than a selection may have.
        """
        try:
            for lines in groups:
                for run in lines.runs():
                    self._add(run)
            for open_file in list(self._open.values()):
                self._finish(open_file)
        finally:
            for open_file in self._open.values():
                open_file.discard()
        return [file for _, file in sorted(self._done, key=lambda numbered: numbered[0])]

    def _add(self, lines: Lines) -> None:
        """Lines of one model, as many into each file as it has room for."""
        while lines.rows:
            self._refuse_too_large(lines)
            open_file = self._open.get(lines.models[0]) or self._begin(lines)
            fitting = open_file.room_for(lines)
            if fitting:
                open_file.add(lines.part(0, fitting))
            if fitting < len(lines.rows):
                self._finish(open_file)
            lines = lines.part(fitting)

    def _begin(self, lines: Lines) -> "_OpenFile":
        row, model = lines.rows[0], lines.models[0]
        if len(self._open) >= self.limits.models:
            raise RequestError(
                f"Row {row + 1:,} names the model {model!r}, after {self.limits.models:,} others: is "
                "that the column of the models? If it is, split the table, for each model has batches of its own.",
                row=row,
                field="model",
            )
        folder = self.folder / f"{self.prefix}-{self._begun}"
        open_file = _OpenFile(self._begun, folder, model, self.limits, self.cost_bound)
        self._open[model] = open_file
        self._begun += 1
        return open_file

    def _refuse_too_large(self, lines: Lines) -> None:
        """Refuse lines of which the first fits into no file."""
        row, size, inputs = lines.rows[0], len(lines.contents[0]), lines.inputs[0]
        if size > self.limits.bytes:
            raise ItemTooLarge(
                f"Row {row + 1:,} makes an item of {size:,} bytes; an input file may hold {self.limits.bytes:,}. "
                "Shorten or split what that row sends.",
                row=row,
                bytes=size,
                limit=self.limits.bytes,
            )
        if inputs > self.limits.embedding_inputs:
            raise ItemTooLarge(
                f"Row {row + 1:,} holds {inputs:,} embedding inputs; a batch may hold "
                f"{self.limits.embedding_inputs:,}. Split that row.",
                row=row,
            )

    def _finish(self, open_file: "_OpenFile") -> None:
        open_file.finish()
        del self._open[open_file.model]
        self._done.append(
            (
                open_file.number,
                InputFile(
                    folder=open_file.folder.url,
                    job_key=self.job_key,
                    contested=self.contested,
                    round=self.round_number,
                    name=f"{self.prefix}-{open_file.number}",
                    endpoint=self.endpoint,
                    model=open_file.model,
                    items=len(open_file.rows),
                    bytes=open_file.bytes,
                    sha256=open_file.digest.hexdigest(),
                    first_row=open_file.rows[0],
                    last_row=open_file.rows[-1],
                    tokens=open_file.tokens.summed(),
                ),
            )
        )


class _OpenFile:
    """An input file that is being written."""

    def __init__(
        self, number: int, folder: Folder, model: str, limits: Limits, cost_bound: CostBound | None
    ) -> None:
        self.number = number
        self.folder = folder
        self.model = model
        self.limits = limits
        self.rows: list[int] = []
        self.custom_ids: list[str] = []
        self.bytes = 0
        self.inputs = 0
        self.enqueued = 0
        self.cost_bound = cost_bound
        self.usd = Decimal(0)
        self.tokens = TokenSums(model)
        self.digest = sha256()
        folder.make()
        self._writing = ExitStack()
        self._file = self._writing.enter_context(folder.create(INPUT))

    def room_for(self, lines: Lines) -> int:
        """How many of these lines, from the first on, have room; bounds of ours keep no single one out."""
        limits = self.limits
        room = min(
            limits.items - len(self.rows),
            _fitting(list(map(len, lines.contents)), limits.bytes - self.bytes),
            _fitting(lines.inputs, limits.embedding_inputs - self.inputs),
        )
        if limits.tokens is not None:
            room = min(room, _fitting(_enqueued(lines), limits.tokens - self.enqueued))
        if self.cost_bound is not None:
            room = min(room, self.cost_bound.room_for(lines, len(self.rows), self.usd))
        return room if self.rows else max(room, 1)

    def add(self, lines: Lines) -> None:
        content = b"".join(lines.contents)
        self._file.write(content)
        self.digest.update(content)
        self.rows += lines.rows
        self.custom_ids += lines.custom_ids
        self.bytes += len(content)
        self.inputs += sum(lines.inputs)
        self.enqueued += sum(_enqueued(lines)) if self.limits.tokens is not None else 0
        self.usd += sum(self.cost_bound.costs(lines)) if self.cost_bound else 0
        self.tokens.add(lines.input_tokens, lines.output_limits)

    def finish(self) -> None:
        self._writing.close()
        write_items(items_table(self.rows, self.custom_ids), self.folder)

    def discard(self) -> None:
        """Let what was written be as if it never was; what another process has written stays."""
        with suppress(_Discarded), self._writing:
            raise _Discarded


def _enqueued(lines: Lines) -> list[int]:
    """About how many tokens each of some lines enqueues."""
    told = [tokens for tokens in lines.input_tokens if tokens is not None]
    if len(told) == len(lines.rows):
        return told
    pairs = zip(lines.input_tokens, lines.contents, strict=True)
    return [untold_tokens(len(content)) if tokens is None else tokens for tokens, content in pairs]


def _fitting(sizes: Sequence[int], room: int) -> int:
    """How many of these sizes, from the first on, fit into so much room together."""
    if sum(sizes) <= room:
        return len(sizes)
    return bisect_right(list(accumulate(sizes)), room)


class _Discarded(Exception):
    """Tells a file that is being written that it is not to be there."""


def items_table(rows: Sequence[int], custom_ids: Sequence[str]) -> pa.Table:
    """Items as `InputFile.read_items` has them: the row number and custom_id of each."""
    return pa.table([np.array(rows, dtype=np.int64), pa.array(custom_ids, pa.string())], schema=ITEMS_SCHEMA)


def write_items(items: pa.Table, folder: Folder) -> None:
    """Keep the items of an input file in its folder."""
    keep_table(folder, ITEMS, items)


Item = tuple[int, str]
"""A row number and its custom_id."""


def items_of(input_file: InputFile) -> Iterator[Item]:
    """Row number and custom_id of each item, in the order of the rows."""
    for batch in input_file.read_items().to_batches(max_chunksize=5_000):
        yield from zip(batch["row"].to_pylist(), batch["custom_id"].to_pylist(), strict=True)
