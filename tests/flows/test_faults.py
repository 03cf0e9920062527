"""Jobs under the server's faults: a slice of the matrix, always the same.

The whole matrix is `benchmarks/matrices/fault_matrix.py`, its table `benchmarks/matrices/fault_matrix.txt`.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from prefect_openai_batch import OpenAICredentials
from prefect_openai_batch.emulator import BatchFault, LineFault, RouteFault

from .faults.cases import Case, alone, combination, combined
from .faults.runs import run_case
from .faults.table import PATIENCE, PATIENCE_SECONDS, ROUTES, TABLE

ALONE, COMBINED = 10, 5
"""How many runs of the matrix the slice holds."""


def slice_of_matrix() -> Iterator[Case]:
    """Some faults alone, and some combinations."""
    dice = random.Random(0)
    yield from dice.sample(alone(), ALONE)
    for _ in range(COMBINED):
        yield combined(dice.randrange(1_000_000))


@pytest.fixture(scope="module")
def prefect(prefect_server: str) -> None:
    """A Prefect server that knows the credentials of those who do not wait long."""
    OpenAICredentials(api_key="test", timeout_seconds=PATIENCE_SECONDS).save(PATIENCE, overwrite=True)


@pytest.mark.server
@pytest.mark.parametrize(
    "case", [*slice_of_matrix()], ids=lambda case: case.name if case.alone else f"seed {case.seed}"
)
def test_a_job_ends_as_its_faults_require(prefect: None, tmp_path: Path, case: Case) -> None:
    """Every row once and in order, answered or with its reason; nothing billed twice, nothing left behind."""
    finding = run_case(case, tmp_path)
    assert not finding.problems, f"{case.name}: {finding}"


@pytest.mark.parametrize("kind", [LineFault, BatchFault, RouteFault])
def test_every_kind_of_fault_is_in_the_table(kind: type[LineFault | BatchFault | RouteFault]) -> None:
    """A new kind of fault needs a required end."""
    tabled = {fault.kind for entry in TABLE for fault in entry.faults if isinstance(fault, kind)}
    assert tabled == set(get_args(kind.model_fields["kind"].annotation))


def test_every_route_is_in_the_table() -> None:
    """Each call of a job meets faults before and after its effect."""
    tabled = {
        (fault.route, fault.when) for entry in TABLE for fault in entry.faults if isinstance(fault, RouteFault)
    }
    assert tabled >= {(route, when) for route in ROUTES.values() for when in ("before", "after")}


def test_a_combination_is_repeated_by_its_seed() -> None:
    """Two to five faults, the same for the same seed, others for another."""
    drawn = [combination(seed) for seed in range(50)]
    assert drawn == [combination(seed) for seed in range(50)]
    assert {len(entries) for entries in drawn} == {2, 3, 4, 5}
    assert len({tuple(entry.name for entry in entries) for entries in drawn}) > 40


def test_names_in_the_table_are_told_apart() -> None:
    """A run that failed is repeated by its name."""
    names = [entry.name for entry in TABLE]
    assert len(set(names)) == len(names)
