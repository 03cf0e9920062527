"""README's own Python runs as it stands there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import prefect_openai_batch
import pytest
from fsspec import AbstractFileSystem
from prefect.settings import PREFECT_HOME, temporary_settings
from prefect_openai_batch.emulator import BatchServer, Timing

from .conftest import ROOT

pytestmark = pytest.mark.server

README = (ROOT / "README.md").read_text()
FIRST, TRIAL, PIPELINE, BY_HAND, WISHES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def namespace(prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Where README's lines run: in this folder, with a home of their own and a server that answers at once."""
    monkeypatch.chdir(ROOT)
    with (
        BatchServer(timing=Timing(validating=0, running=0, finalizing=0)) as server,
        temporary_settings({PREFECT_HOME: tmp_path / "home"}),
    ):
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        yield {"__name__": "readme"}


def test_the_first_lines_label_the_reviews(namespace: dict[str, Any]) -> None:
    """The same rows and index, with a column for each field of the class."""
    exec(FIRST, namespace)
    pd.testing.assert_frame_equal(namespace["labelled"][namespace["reviews"].columns], namespace["reviews"])
    assert list(namespace["labelled"]["sentiment"].cat.categories) == ["positive", "negative", "mixed"]
    assert namespace["labelled"]["sentiment"].notna().all()


def test_a_few_rows_are_tried_first(namespace: dict[str, Any]) -> None:
    """Twenty of the reviews, by both models."""
    exec(FIRST.partition("labelled = ")[0], namespace)
    exec(TRIAL, namespace)
    assert namespace["trial"].answers["sentiment"].notna().sum() == 40


def test_the_flow_is_a_subflow_like_any_other(namespace: dict[str, Any], bucket: AbstractFileSystem) -> None:
    """Of a table in an object store it makes vectors beside it."""
    with bucket.open("lake/articles.parquet", "wb") as file:
        pd.DataFrame({"title": ["One", "Two"], "body": ["First.", "Second."]}).to_parquet(file)
    exec(PIPELINE, namespace)
    namespace["nightly"]()
    with bucket.open("lake/vectors.parquet") as file:
        assert pd.read_parquet(file)["answer"].notna().tolist() == [True, True]


def test_a_runs_wishes_are_options(
    namespace: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another time of day, for at some hours README's leaves none for a batch."""
    for name in ("reviews.csv", "label_reviews.yaml"):
        (tmp_path / name).write_bytes((ROOT / "examples" / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(WISHES.replace("08:00 Europe/Berlin", "2100-01-01T08:00Z"), namespace)
    assert pd.read_csv(tmp_path / "labelled.csv")["answer"].notna().all()


def test_each_step_is_a_task_in_anyones_hand(namespace: dict[str, Any]) -> None:
    """Submitted, looked at, waited for, fetched and cleaned up, without a flow."""
    namespace |= {name: getattr(prefect_openai_batch, name) for name in prefect_openai_batch.__all__}
    exec(BY_HAND.replace(", …]", "]"), namespace)
    assert namespace["answers"]["outcome"].tolist() == ["succeeded"]
