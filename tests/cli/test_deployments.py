"""The deployments as a file of one's own."""

from pathlib import Path

import pytest
from prefect_openai_batch.cli.app import run

from ..conftest import ROOT


def test_the_file_is_written_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is shipped; one that is there stays as it is."""
    monkeypatch.chdir(tmp_path)
    assert run(["deployments", "write"]) == 0
    file = tmp_path / "prefect.yaml"
    assert file.read_bytes() == (ROOT / "deployments" / "prefect.yaml").read_bytes()
    file.write_text("mine")
    assert run(["deployments", "write"]) == 2
    assert file.read_text() == "mine"
