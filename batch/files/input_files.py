"""Input files: items cut at OpenAI's limits, one endpoint and one model each.

An input file's folder holds `input.jsonl`, the items as they are sent, and `items.parquet`, which row and
which custom_id each of them is: what came back is put in order by it.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from ..errors import ItemTooLarge, RequestError
from ..limits import Limits
from ..requests.endpoints import Endpoint
from ..storage import Folder
from .lines import Line
from .token_sizes import FileTokens, TokenSums

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
        with self.files.open(ITEMS) as file:
            return pq.read_table(file)


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
    ) -> None:
        self.folder = folder
        self.prefix = prefix
        self.endpoint = endpoint
        self.job_key = job_key
        self.round_number = round_number
        self.contested = contested
        self.limits = limits or Limits()
        self._begun = 0
        self._open: dict[str, _OpenFile] = {}
        self._done: list[tuple[int, InputFile]] = []

    def write(self, lines: Iterable[Line]) -> list[InputFile]:
        """Write all lines, a model at a time where they have several; none of the files stays if one fails.

        Raises:
            ItemTooLarge: one line alone exceeds what an input file may hold.
            RequestError: the lines name more models than a selection may have.
        """
        with ExitStack() as unfinished:
            unfinished.callback(self._discard)
            for line in lines:
                self._file_for(line).add(line)
            for open_file in list(self._open.values()):
                self._finish(open_file)
            unfinished.pop_all()
        return [file for _, file in sorted(self._done, key=lambda numbered: numbered[0])]

    def _file_for(self, line: Line) -> "_OpenFile":
        self._refuse_too_large(line)
        open_file = self._open.get(line.model)
        if open_file is not None and not open_file.has_room(line, self.limits):
            self._finish(open_file)
            open_file = None
        return open_file or self._begin(line)

    def _begin(self, line: Line) -> "_OpenFile":
        if len(self._open) >= self.limits.models:
            raise RequestError(
                f"Row {line.row + 1:,} names the model {line.model!r}, after {self.limits.models:,} others: is "
                "that the column of the models? If it is, split the table, for each model has batches of its own.",
                row=line.row,
                field="model",
            )
        open_file = _OpenFile(self._begun, self.folder / f"{self.prefix}-{self._begun}", line.model)
        self._open[line.model] = open_file
        self._begun += 1
        return open_file

    def _refuse_too_large(self, line: Line) -> None:
        size, limit = len(line.content), self.limits.bytes
        if size > limit:
            raise ItemTooLarge(
                f"Row {line.row + 1:,} makes an item of {size:,} bytes; an input file may hold {limit:,}. "
                "Shorten or split what that row sends.",
                row=line.row,
                bytes=size,
                limit=limit,
            )
        if line.inputs > self.limits.embedding_inputs:
            raise ItemTooLarge(
                f"Row {line.row + 1:,} holds {line.inputs:,} embedding inputs; a batch may hold "
                f"{self.limits.embedding_inputs:,}. Split that row.",
                row=line.row,
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

    def _discard(self) -> None:
        for open_file in self._open.values():
            open_file.discard()
        for _, file in self._done:
            file.files.remove()


class _OpenFile:
    """An input file that is being written."""

    def __init__(self, number: int, folder: Folder, model: str) -> None:
        self.number = number
        self.folder = folder
        self.model = model
        self.rows: list[int] = []
        self.custom_ids: list[str] = []
        self.bytes = 0
        self.inputs = 0
        self.enqueued = 0
        self.tokens = TokenSums(model)
        self.digest = sha256()
        folder.make()
        self._writing = ExitStack()
        self._file = self._writing.enter_context(folder.create(INPUT))

    def has_room(self, line: Line, limits: Limits) -> bool:
        return (
            len(self.rows) < limits.items
            and self.bytes + len(line.content) <= limits.bytes
            and self.inputs + line.inputs <= limits.embedding_inputs
            and (limits.tokens is None or self.enqueued + (line.tokens.input or 0) <= limits.tokens)
        )

    def add(self, line: Line) -> None:
        self._file.write(line.content)
        self.digest.update(line.content)
        self.rows.append(line.row)
        self.custom_ids.append(line.custom_id)
        self.bytes += len(line.content)
        self.inputs += line.inputs
        self.enqueued += line.tokens.input or 0
        self.tokens.add(line.tokens)

    def finish(self) -> None:
        self._writing.close()
        items = pa.table([np.array(self.rows, dtype=np.int64), self.custom_ids], schema=ITEMS_SCHEMA)
        with self.folder.create(ITEMS) as file:
            pq.write_table(items, file)

    def discard(self) -> None:
        with suppress(_Discarded), self._writing:
            raise _Discarded
        self.folder.remove()


class _Discarded(Exception):
    """Tells a file that is being written that it is not to be there."""


Item = tuple[int, str]
"""A row number and its custom_id."""


def items_of(input_file: InputFile) -> Iterator[Item]:
    """Row number and custom_id of each item, in the order of the rows."""
    for batch in input_file.read_items().to_batches(max_chunksize=5_000):
        yield from zip(batch["row"].to_pylist(), batch["custom_id"].to_pylist(), strict=True)
