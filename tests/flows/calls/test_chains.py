"""Chains of jobs, as the examples have them: whatever ends one, it goes on, and each job is paid once."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect.settings import PREFECT_HOME, temporary_settings
from prefect_openai_batch.emulator import BatchServer

from ...conftest import ROOT

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]

WORDS = ("love", "awful", "hammer", "broken", "great", "late")


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[None]:
    """The job folders lie in a home of the test's own."""
    with temporary_settings({PREFECT_HOME: tmp_path / "home"}):
        yield


def example(name: str) -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "examples" / name))


def blocked(path: Path) -> Path:
    """Nothing can be written to a path where a folder stands."""
    path.mkdir()
    return path


def test_a_chain_that_fails_between_its_jobs_goes_on(tmp_path: Path, batch_server: BatchServer) -> None:
    """The first job is done and paid; started again the chain asks about each complaint once."""
    reviews = tmp_path / "reviews.csv"
    rows = [{"review_id": f"R-{n}", "product": "lamp", "review": f"It is {WORDS[n % 6]} {n}."} for n in range(30)]
    pd.DataFrame(rows).to_csv(reviews, index=False)
    complaints, between = example("chain_two_jobs.py")["complaints"], blocked(tmp_path / "negative.parquet")
    with pytest.raises(OSError, match="directory"):
        complaints(str(reviews), str(tmp_path), key="chain")
    assert len(batch_server.billed_items()) == 30
    between.rmdir()
    for _ in range(2):
        table = pd.read_parquet(complaints(str(reviews), str(tmp_path), key="chain"))
        assert table["review_id"].tolist() == [f"R-{n}" for n in range(30) if n % 6 in (1, 3, 5)]
        assert table["wants"].notna().all()
        assert len(batch_server.billed_items()) == 30 + 15


def test_long_texts_come_back_in_their_order(tmp_path: Path, batch_server: BatchServer) -> None:
    """One summary for each, of all its parts in order; each part and each text is paid once."""
    namespace = example("summarise_long_texts.py")
    texts = pd.DataFrame({"product": ["z", "a", "m"], "text": [f"Text {n} is long. " * 60 * n for n in (1, 3, 2)]})
    texts.to_parquet(tmp_path / "texts.parquet")
    parts = sum(len(namespace["wrap"](text, namespace["PART"])) for text in texts["text"])
    between = blocked(tmp_path / "notes.parquet")
    with pytest.raises(OSError, match="directory"):
        namespace["summarise"](str(tmp_path / "texts.parquet"), str(tmp_path), key="texts")
    assert len(batch_server.billed_items()) == parts > 10
    between.rmdir()
    table = namespace["summarise"](str(tmp_path / "texts.parquet"), str(tmp_path), key="texts")
    assert pd.read_parquet(table)["product"].tolist() == ["z", "a", "m"]
    assert pd.read_parquet(table)["answer"].notna().all()
    noted = pd.read_parquet(tmp_path / "parts-noted.parquet")
    notes = pd.read_parquet(tmp_path / "notes.parquet").set_index("product")["notes"]
    assert notes["a"].splitlines() == noted.loc[noted["product"] == "a", "answer"].tolist()
    assert len(batch_server.billed_items()) == parts + 3
