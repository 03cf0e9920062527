"""What is tried: the whole table built, and for each model the items of the sample, which it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import RequestError, SourceError
from ..files.input_files import INPUT, InputFile, items_of
from ..jobs.building import build_selection
from ..jobs.job import Job
from ..jobs.rounds import plan_round, plan_rows
from ..jobs.rows import keep_rows
from ..progress import report
from ..requests.raw_request import RawRequest
from ..requests.request import Request
from ..requests.request_files import parse_request
from ..requests.templates import is_template
from ..tables.parts import RowNumbers, read_schema
from ..tables.sql.sql_reading import Connect
from .expectations import Expected, check_expected
from .samples import sample_models, sample_rows

NAMED = 3
"""So many models of one table are named; of more it is said how many they are."""


@dataclass(frozen=True)
class Candidate:
    """A model that is tried: the job that asks it, and the input files of the sample.

    `model` is None where the request names the model, or each row its own.
    """

    model: str | None
    job: Job
    files: tuple[InputFile, ...]

    @property
    def own_model(self) -> str | None:
        """The one model that all rows are asked of; None where the table or the request names it."""
        return None if self.model is None or is_template(self.model) else self.model


@dataclass(frozen=True)
class Prepared:
    """A trial that may begin.

    Attributes:
        rows: How many rows the table has.
        files: The input files of the whole table.
        sample: The numbers of the rows to try.
        sizes: The bytes of their items, in the sample's order.
        first: Whether they are the first of the table.
        seed: What chose them, where they are not.
        candidates: What is tried on them.
    """

    rows: int
    files: tuple[InputFile, ...]
    sample: RowNumbers
    sizes: tuple[int, ...]
    first: bool
    seed: int
    candidates: tuple[Candidate, ...]

    def name_of(self, candidate: Candidate) -> str:
        """What a candidate is called: its model, or those that the table's rows name."""
        if candidate.model is not None and (candidate.own_model or len(self.candidates) > 1):
            return candidate.model
        models = list(dict.fromkeys(file.model for file in self.files))
        return ", ".join(models) if len(models) <= NAMED else f"{len(models)} models"


def prepare(
    job: Job,
    models: Sequence[str],
    wanted: int,
    expected: Expected,
    *,
    seed: int = 0,
    first: bool = False,
    connect: Connect | None = None,
) -> Prepared:
    """Read and build the whole table of a job, choose the rows to try, and build what each model is asked.

    Args:
        job: A job, just opened, whose request asks the first of the models.
        models: The models to try; none: the request's own.
        wanted: How many rows are tried.
        expected: Which columns hold the true answers.
        seed: Chooses among them.
        first: Whether the first rows are tried instead.
        connect: Makes an engine for a database by its name, where the table is in one.

    Raises:
        Refused: the table cannot be read or has no rows, a row makes no item, or there is no such
            column, or no such field of the answers; the message names it.
    """
    rows = keep_rows(job, connect).rows
    if not rows:
        raise SourceError(f"{job.source.name} has no rows to try.", path=job.source.name)
    check_expected(expected, job.request, read_schema(job.files))
    files = _build_whole(job.model_copy(update={"request": _whole_request(job, models)}), rows)
    sample = _sample(files, rows, wanted, seed=seed, first=first)
    named: Sequence[str | None] = models or (None,)
    candidates = tuple(_candidate(job, model, number, sample) for number, model in enumerate(named, 2))
    sizes = _line_bytes(candidates[0].files)
    in_order = tuple(sizes[row] for row in sample.tolist())
    return Prepared(rows, files, sample, in_order, first, seed, candidates)


def with_model(request: Request, model: str) -> Request:
    """The same request, asking another model.

    Raises:
        RequestError, AnswerSchemaError: that model cannot be asked so.
    """
    content = request.model_dump(mode="json")
    if not isinstance(request, RawRequest):
        return parse_request({**content, "model": model})
    place = "parameters" if request.body is None or "model" in request.parameters else "body"
    return parse_request({**content, place: {**content[place], "model": model}})


def _whole_request(job: Job, models: Sequence[str]) -> Request:
    """The request that the whole table is built with: where a row may name its model, the one that lets it."""
    templates = [model for model in models if is_template(model)]
    if len(templates) > 1:
        raise RequestError(
            f"Try one column of models at a time: {templates[0]!r} or {templates[1]!r}.", field="model"
        )
    return with_model(job.request, templates[0]) if templates else job.request


def _sample(files: Sequence[InputFile], rows: int, wanted: int, *, seed: int, first: bool) -> RowNumbers:
    """The rows to try, some of each of the table's models."""
    parts: dict[str, list[RowNumbers]] = {file.model: [] for file in files}
    if first or wanted >= rows or len(parts) == 1:
        return sample_rows(rows, wanted, seed=seed, first=first)
    for file in files:
        parts[file.model].append(file.read_items()["row"].to_numpy())
    return sample_models(
        {model: np.sort(np.concatenate(some)) for model, some in parts.items()}, wanted, seed=seed
    )


def _build_whole(job: Job, rows: int) -> tuple[InputFile, ...]:
    report("build", total=rows, done=0)
    files: list[InputFile] = []
    for selection in plan_round(job):
        files += build_selection(job, selection)
        report("build", advance=selection.rows)
    return tuple(files)


def _candidate(job: Job, model: str | None, number: int, sample: RowNumbers) -> Candidate:
    """A model's candidate, whose items are those of a round of the job's with this number."""
    asks = job if model is None else job.model_copy(update={"request": with_model(job.request, model)})
    files = [file for one in plan_rows(asks, number, sample) for file in build_selection(asks, one)]
    others = {file.model for file in files} - {model}
    if model is not None and not is_template(model) and others:
        raise RequestError(
            f"The model {model!r} cannot be tried: the request's function names {others.pop()!r} itself.",
            field="model",
        )
    return Candidate(model, asks, tuple(files))


def _line_bytes(files: Sequence[InputFile]) -> dict[int, int]:
    """The bytes of each item, by its row's number."""
    sizes: dict[int, int] = {}
    for file in files:
        with file.files.open(INPUT) as lines:
            sizes |= {row: len(line) for (row, _), line in zip(items_of(file), lines, strict=True)}
    return sizes
