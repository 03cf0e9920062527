"""Nights over a table that grows; `benchmarks/matrices/nights.py` has ten on each kind of table and column."""

from pathlib import Path

import pytest

from .nights.arrivals import FAILING, KINDS, QUIET
from .nights.running import ten_nights

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]


def test_each_row_is_taken_once_and_none_is_lost(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failing night and a quiet one, and those after them; the server's bill says the same."""
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "NIGHTS_DATABASE", "NIGHTS_ANSWERS"):
        monkeypatch.setenv(name, "")  # so that they are as they were afterwards
    verdict = ten_nights(KINDS["times"], postgres_url, tmp_path, first_rows=40, nights=QUIET + 2)
    assert verdict.holds
    assert verdict.by_night == [42, 6, 6, 6, None, 12, 0, 6]
    assert verdict.by_night[FAILING] is None
