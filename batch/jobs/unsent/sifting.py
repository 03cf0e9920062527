"""Lines on their way into input files, less those that need not be sent; and the records of these."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ...answer_store.digests import Digests
from ...files.batches import Batch
from ...files.input_files import InputFile, Item, items_table, write_items
from ...files.kept_tables import keep_table
from ...files.lines import Lines
from ...files.unpaid import COPY, STORE
from ...outcomes.outcome_files import write_outcomes
from ...storage.scratch import scratch_folder
from ..job import Job, Selection
from ..submissions import note_fetched
from .copies import FIRSTS
from .kept_answers import KeptAnswers
from .repeats import Repeats, earlier_rows, keep_sent

if TYPE_CHECKING:
    from ...answer_store.store import AnswerStore


class Sifting:
    """What is taken out of the lines of a selection; only a first round's are sifted.

    Args:
        job: The job.
        selection: A selection of its first round.
        store: The job's answer store, where it has one.
    """

    def __init__(self, job: Job, selection: Selection, store: "AnswerStore | None") -> None:
        self.job = job
        self.selection = selection
        self._folder = job.round_folder(selection.round)
        self._scratch = scratch_folder()
        self._path = Path(self._scratch.name) / "output"
        self._output = self._path.open("wb")
        answers = job.answers
        self._digests = Digests(job.request.endpoint, answers.server if answers else "")
        self._kept = KeptAnswers(store, answers.opening, self._output) if store and answers else None
        self._repeats = Repeats(earlier_rows(self._folder, selection.number)) if job.deduplicate else None

    def __enter__(self) -> "Sifting":
        return self

    def __exit__(self, *_: object) -> None:
        self._output.close()
        self._scratch.cleanup()

    def sift(self, groups: Iterable[Lines]) -> Iterator[Lines]:
        """The lines that are to be sent."""
        for lines in groups:
            digests = self._digests.of_lines(lines.contents)
            left = self._kept.take(lines, digests) if self._kept else [*range(len(digests))]
            if self._repeats:
                left = self._repeats.take(lines, digests, left)
            if left:
                yield lines if len(left) == len(digests) else lines.chosen(left)

    def record(self) -> tuple[InputFile, ...]:
        """Write down the rows that are not sent, with their answers where these are known."""
        self._output.close()
        files = []
        if self._kept and self._kept.items:
            file = self._file(STORE, self._kept.items, self._kept.models, self._kept.asked.digest())
            self._write_outcomes(file)
            files.append(file)
        if self._repeats:
            keep_sent(self._folder, self.selection.number, self._repeats)
            if self._repeats.items:
                file = self._file(COPY, self._repeats.items, set(), self._repeats.asked.digest())
                firsts = np.array(self._repeats.firsts, dtype=np.int64)
                keep_table(file.files, FIRSTS, pa.table({"row": firsts}))
                files.append(file)
        return tuple(files)

    def _file(self, kind: str, items: list[Item], models: set[str], asked: bytes) -> InputFile:
        """Items as those of an input file that nobody sends; `asked` is a digest of what they would have sent."""
        name = f"{self.selection.name}-{kind}"
        folder = self._folder / name
        folder.make()
        rows, custom_ids = zip(*items, strict=True)
        write_items(items_table(rows, custom_ids), folder)
        return InputFile(
            folder=folder.url,
            job_key=self.job.key,
            round=self.selection.round,
            name=name,
            endpoint=self.job.request.endpoint,
            model=models.pop() if len(models) == 1 else "",
            items=len(items),
            bytes=0,
            sha256=sha256("\n".join(custom_ids).encode() + asked).hexdigest(),
            first_row=rows[0],
            last_row=rows[-1],
        )

    def _write_outcomes(self, file: InputFile) -> None:
        request, batch = self.job.request, Batch(id=STORE, status="completed", input_file=file)
        output = write_outcomes(
            batch,
            file.endpoint,
            file.read_items(),
            [self._path],
            file.files,
            keep_response=request.keep_response,
            answer=request.answer_type,
        )
        note_fetched(file.files, output.model_copy(update={"untold": 0, "unread": 0}))
