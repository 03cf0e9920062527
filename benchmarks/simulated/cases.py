"""What is simulated, and the input files that building would make of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.files.token_sizes import FileTokens
from prefect_openai_batch.batch.limits import FILES_IN_A_BOUND, MAX_BYTES, MAX_ITEMS
from prefect_openai_batch.batch.requests.endpoints import Endpoint

MODEL = "gpt-6-astra"

ROW_TOKENS, ROW_BYTES, ROW_OUTPUT_BYTES = 200, 1_000, 1_500


@dataclass(frozen=True)
class Case:
    """What is simulated: rows, the account's limit and name, the hours that a batch takes, the batches at once."""

    rows: int
    tier: str
    limit: int
    hours: float
    in_flight: int = 20
    bounded: bool = True

    @property
    def bound(self) -> int | None:
        """What the run is told of the limit."""
        return self.limit if self.bounded else None

    def rows_a_file(self) -> int:
        """How many rows an input file holds, as building cuts them."""
        fit = min(MAX_ITEMS, MAX_BYTES // ROW_BYTES)
        return fit if self.bound is None else max(1, min(fit, self.bound // FILES_IN_A_BOUND // ROW_TOKENS))


def input_files(case: Case) -> Iterator[InputFile]:
    """What building makes of the rows."""
    size = case.rows_a_file()
    for number, first in enumerate(range(0, case.rows, size)):
        yield input_file(f"{number:07d}", min(size, case.rows - first))


def input_file(name: str, rows: int) -> InputFile:
    """An input file of so many rows."""
    return InputFile(
        folder=name,
        job_key="job",
        name=name,
        endpoint=Endpoint.CHAT_COMPLETIONS,
        model=MODEL,
        items=rows,
        bytes=rows * ROW_BYTES,
        sha256=name,
        first_row=0,
        last_row=rows - 1,
        tokens=FileTokens(input=rows * ROW_TOKENS, largest_input=ROW_TOKENS, by="encoding"),
    )
