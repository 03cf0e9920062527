"""Jobs under the server's faults: a slice of the matrix, always the same.

The whole matrix is `benchmarks/matrices/fault_matrix.py`, its table `benchmarks/matrices/fault_matrix.txt`.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from prefect_openai_batch import AzureOpenAICredentials, OpenAICredentials
from prefect_openai_batch.emulator import BatchFault, LineFault, RouteFault
from prefect_openai_batch.emulator.settings import Profile

from .faults.cases import Case, alone, combination, combined
from .faults.runs import AZURE, run_case
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
    """A Prefect server that knows the credentials of those who do not wait long, and of those who ask Azure."""
    OpenAICredentials(api_key="test", timeout_seconds=PATIENCE_SECONDS).save(PATIENCE, overwrite=True)
    AzureOpenAICredentials().save(AZURE, overwrite=True)


@pytest.mark.server
@pytest.mark.parametrize(
    "case", [*slice_of_matrix()], ids=lambda case: case.name if case.alone else f"seed {case.seed}"
)
def test_a_job_ends_as_its_faults_require(prefect: None, tmp_path: Path, case: Case) -> None:
    """Every row once and in order, answered or with its reason; nothing billed twice, nothing left behind."""
    finding = run_case(case, tmp_path)
    assert not finding.problems, f"{case.name}: {finding}"


OUTAGES = (
    "upload: 503 for longer than it is tried",
    "create: 429 for longer than it is tried",
    "upload: cut always",
)
"""What is waited out, and what is given up in the end."""


@pytest.mark.server
@pytest.mark.parametrize("name", OUTAGES)
def test_an_outage_is_waited_out_for_a_while(prefect: None, tmp_path: Path, name: str) -> None:
    """Longer than one call is tried; where it does not end, the run fails with the error."""
    (entry,) = (entry for entry in TABLE if entry.name == name)
    finding = run_case(Case((entry,), seed=1, alone=True), tmp_path)
    assert not finding.problems, f"{name}: {finding}"


DIALECTS: list[tuple[Profile, tuple[str, ...]]] = [
    ("azure", ("batch no room", "line content filter")),
    ("azure", ("batch cancelled by somebody",)),
    ("azure", ("create: refused for want of room",)),
    ("foreign", ("batch no room", "line error 429")),
    ("foreign", ("batch half expired",)),
]
"""What is told in other words by other servers."""


@pytest.mark.server
@pytest.mark.parametrize(
    ("profile", "names"), DIALECTS, ids=[f"{profile} {' and '.join(names)}" for profile, names in DIALECTS]
)
def test_a_job_ends_so_at_other_servers_too(
    prefect: None, tmp_path: Path, profile: Profile, names: tuple[str, ...]
) -> None:
    """Azure's, by its own block and client, and those with habits of their own."""
    entries = tuple(entry for entry in TABLE if entry.name in names)
    finding = run_case(Case(entries, seed=1, alone=len(entries) == 1), tmp_path, profile)
    assert len(entries) == len(names)
    assert not finding.problems, f"{names}: {finding}"


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
