"""What the tasks' runs are called in Prefect: by round, input file and step."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ...batch.files.batches import Batch
from ...batch.files.input_files import InputFile
from ...batch.files.pieces import in_words
from ...batch.jobs.job import Selection
from ...batch.urls import name_in


def named(step: str) -> Callable[..., str]:
    """A `task_run_name` that says the step, and of which input file, batch or part of the table."""
    return partial(_name, step)


def _name(step: str, parameters: Mapping[str, Any]) -> str:
    subject = next(filter(None, map(_subject, parameters.values())), "")
    return f"{subject} · {step}" if subject else step


def _subject(value: object) -> str:
    if isinstance(value, InputFile):
        return in_words(value)
    if isinstance(value, Batch):
        return in_words(value.input_file) if value.input_file and value.input_file.job_key else value.id
    if isinstance(value, Selection):
        return f"round {value.round} · part {value.number + 1}"
    return ""


def _wait(parameters: Mapping[str, Any]) -> str:
    waited_for = parameters.get("batches", parameters.get("batch"))
    if not isinstance(waited_for, list | tuple):
        subject = _subject(waited_for) or str(waited_for)
        return f"{subject} · wait"
    return f"wait for {len(waited_for)} batches" if len(waited_for) != 1 else _wait({"batch": waited_for[0]})


def _read(parameters: Mapping[str, Any]) -> str:
    return f"read {name_in(parameters['job'].source.name)}"


def _write(parameters: Mapping[str, Any]) -> str:
    return f"write {name_in(parameters['job'].destination)}"


def _check(parameters: Mapping[str, Any]) -> str:
    return f"look into {parameters['job'].table}"


def _load(parameters: Mapping[str, Any]) -> str:
    return f"load into {parameters['job'].table}"


named_wait: Callable[..., str] = _wait
"""What a sensor's run is called: by the input file whose batch it waits for, or by how many they are."""

named_read: Callable[..., str] = _read
"""What the run is called that reads a job's source."""

named_write: Callable[..., str] = _write
"""What the run is called that writes a job's results."""

named_check: Callable[..., str] = _check
"""What the run is called that looks into the table of a database."""

named_load: Callable[..., str] = _load
"""What the run is called that brings a job's results into a database."""
