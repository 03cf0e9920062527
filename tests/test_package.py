"""What the package promises as a package."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path

import prefect_openai_batch
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from prefect.utilities.importtools import import_object
from prefect_openai_batch.batch import errors

ROOT = Path(__file__).parents[1]
FACE = (ROOT / "__init__.py").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("name", prefect_openai_batch.__all__)
def test_every_public_name_is_there_and_explained(name: str) -> None:
    """`from prefect_openai_batch import …` gives what the face promises, with a docstring."""
    assert getattr(prefect_openai_batch, name).__doc__ or name == "Request"


def test_the_type_checker_sees_what_is_exported() -> None:
    """The imports that only it reads name what the lazy table does, from where it does, and nothing else."""
    imports = [node for node in ast.walk(ast.parse(FACE)) if isinstance(node, ast.ImportFrom) and node.level]
    seen = {(node.module, one.name, one.asname) for node in imports for one in node.names if one.asname}
    assert seen == {(home, name, name) for name, home in prefect_openai_batch._HOME.items()}


def test_the_public_names_are_those_of_the_face() -> None:
    """`__all__` and `dir` agree, and no name stands twice."""
    assert sorted(prefect_openai_batch.__all__) == dir(prefect_openai_batch)
    assert sum(len(names.split()) for _, names in prefect_openai_batch._EXPORTS) == len(prefect_openai_batch._HOME)


def test_every_public_name_is_used_before_the_type_checker() -> None:
    """`make check` checks the uses; nothing runs them."""
    uses = ast.walk(ast.parse((ROOT / "tests" / "typing" / "public_names.py").read_text()))
    used = {node.id for node in uses if isinstance(node, ast.Name)}
    assert set(prefect_openai_batch.__all__) <= used


def test_every_exception_is_public() -> None:
    """Whoever catches one imports it from the package."""
    raised = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == errors.__name__
    }
    assert raised <= set(prefect_openai_batch.__all__)


def test_importing_the_package_imports_nothing_heavy() -> None:
    """Prefect imports the package whenever it looks for blocks."""
    code = "import sys, prefect_openai_batch; print({'prefect', 'pandas', 'openai', 'pyarrow'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_the_package_list_is_the_folders() -> None:
    """The list is by hand; a folder with code that it leaves out would not be shipped."""
    left_out = {"tests", "benchmarks", "examples", "docs", "build"}
    folders = {path.parent.relative_to(ROOT) for path in ROOT.rglob("__init__.py")}
    code = {folder for folder in folders if not folder.parts or folder.parts[0] not in left_out}
    names = {".".join(["prefect_openai_batch", *folder.parts]) for folder in code if not _hidden(folder)}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == names


def _hidden(folder: Path) -> bool:
    return any(part.startswith(".") for part in folder.parts)


def test_no_module_bears_the_name_of_an_export() -> None:
    """Else the import would yield the module in the function's place."""
    modules = {path.stem for path in ROOT.glob("*/*.py")}
    assert not modules & set(prefect_openai_batch.__all__)


def test_prefect_finds_the_blocks() -> None:
    """By the entry point that Prefect loads, and by registering the package."""
    (entry,) = entry_points(group="prefect.collections", name="prefect_openai_batch")
    blocks = {name for name in dir(entry.load()) if name.endswith("Credentials")}
    assert {"OpenAICredentials", "AzureOpenAICredentials"} <= blocks


def test_every_entrypoint_of_the_deployments_loads() -> None:
    """They are modules: a file would break the package's relative imports."""
    content = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())
    for deployment in content["deployments"]:
        named = {"nightly": "openai-batch", "on-demand": "openai-batch"}
        wanted = named.get(deployment["name"], f"openai-batch-{deployment['name']}")
        assert import_object(deployment["entrypoint"]).name == wanted


def test_no_schedule_is_on_until_it_is_asked_for() -> None:
    """It would pay for the samples, every night."""
    content = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())
    schedules = [schedule for deployment in content["deployments"] for schedule in deployment.get("schedules", [])]
    assert [schedule["active"] for schedule in schedules] == [False, False]


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-lowest.txt"])
def test_the_constraints_name_no_address(name: str) -> None:
    """Versions are pinned, wherever they come from."""
    lines = (ROOT / name).read_text().splitlines()
    assert all("==" in line and "/" not in line for line in lines)


NEEDED = {canonicalize_name(one.name): one for one in map(Requirement, PROJECT["project"]["dependencies"])}


def test_the_lowest_versions_that_we_take_are_those_that_are_tested() -> None:
    """What pyproject.toml takes at least is what `make versions` runs."""
    pins = map(Requirement, (ROOT / "constraints-lowest.txt").read_text().splitlines())
    tested = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}
    lowest = {
        name: [one.version for one in need.specifier if one.operator == ">="] for name, need in NEEDED.items()
    }
    assert {name: [Version(tested[name])] for name in lowest} == {
        name: list(map(Version, versions)) for name, versions in lowest.items()
    }


def test_what_is_imported_is_required() -> None:
    """Nothing is left to what another package happens to bring; pytest and extras are for those who have them."""
    shipped = [path for folder in PROJECT["tool"]["setuptools"]["packages"] for path in _modules(folder)]
    nodes = [node for path in shipped for node in ast.walk(ast.parse(path.read_text()))]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    brought = packages_distributions()
    roots = (
        {name.partition(".")[0] for name in imported}
        - sys.stdlib_module_names
        - {"prefect_openai_batch", "pytest", "quicktok", "azure", "sqlalchemy", "prefect_sqlalchemy", "psycopg"}
    )
    assert {name for name in roots if not {canonicalize_name(one) for one in brought[name]} & set(NEEDED)} == set()


def _modules(package: str) -> list[Path]:
    return list(ROOT.joinpath(*package.split(".")[1:]).glob("*.py"))
