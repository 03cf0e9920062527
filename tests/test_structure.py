"""The house stays one in which things are found: small files, small folders, nothing named that is not there."""

import re
from pathlib import Path

import pytest
from prefect_openai_batch.batch.jobs.results import RESULT_COLUMNS
from prefect_openai_batch.batch.outcomes.answers import READERS
from prefect_openai_batch.batch.outcomes.outcome import Outcome
from prefect_openai_batch.batch.requests.endpoints import PROMPT_FIELD, Endpoint

from .conftest import ROOT

ROOMS = ("batch", "blocks", "cli", "deployments", "emulator", "flows", "tasks", "tests", "benchmarks")
FOLDERS = sorted({path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")})


def named(folder: Path) -> str:
    return str(folder.relative_to(ROOT))


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_a_folder_is_looked_over_at_a_glance(folder: Path) -> None:
    """At most fifteen modules in it, and none of more than three hundred lines."""
    modules = list(folder.glob("*.py"))
    assert len(modules) <= 15
    assert {path.name for path in modules if len(path.read_text().splitlines()) > 300} == set()


def test_contributing_says_where_what_is_there_is() -> None:
    """Every file and folder that it names stands where it says."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    places = set(re.findall(r"`([\w./-]+(?:\.\w+|/))`", text))
    assert len(places) > 15
    assert {place for place in places if not (ROOT / place).exists()} == set()


def test_every_endpoint_can_be_read_and_asked() -> None:
    """A new one has a reader of its answers, and a field for the prompt."""
    assert set(READERS) == set(PROMPT_FIELD) == set(Endpoint)


def test_every_field_of_an_outcome_is_a_column() -> None:
    """But for those that are kept on request, or never shown; and the page on results tells of each column."""
    assert set(RESULT_COLUMNS) == {"custom_id", "batch_id", *Outcome._fields} - {"response", "again", "fields"}
    table = (ROOT / "docs" / "results.md").read_text().partition("\n## ")[0]
    assert set(RESULT_COLUMNS) <= set(re.findall(r"`(\w+)`", table))
