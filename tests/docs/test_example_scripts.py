"""Each script in `examples/` runs as it stands, and README says what it shows and where that is explained."""

import re
import runpy
from pathlib import Path

import pytest

from ..conftest import ROOT

SCRIPTS = sorted(path.name for path in (ROOT / "examples").glob("*.py"))


@pytest.mark.server
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_runs(name: str, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a reader's folder, on the local server; it prints what came of it."""
    runpy.run_path(str(workplace / "examples" / name), run_name="__main__")
    assert capsys.readouterr().out.strip()


def test_the_readme_names_each_script_once() -> None:
    """In one table, a row each, beside the page that explains it."""
    rows = [line for line in (ROOT / "README.md").read_text().splitlines() if "](examples/" in line]
    named = [re.findall(r"\]\(examples/(\w+\.py)\)", row) for row in rows]
    assert sorted(name for names in named for name in names) == SCRIPTS
    for row in rows:
        pages = re.findall(r"\]\((docs/[\w-]+\.md)(?:#[\w-]+)?\)", row)
        assert pages, row
        assert all((ROOT / page).exists() for page in pages), row
