"""A table whose rows name their models."""

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from prefect_openai_batch import try_rows
from prefect_openai_batch.emulator import BatchServer, Reply

from .test_try_rows import NAMES, price_of_the_whole

pytestmark = pytest.mark.usefixtures("no_prefect_server")

BY_ROW = NAMES.model_copy(update={"model": "{{ asks }}"})


def wordy(body: dict[str, Any]) -> Reply:
    return Reply("Much to say. " * (200 if body["model"] == "gpt-5" else 1))


@pytest.fixture
def mixed(frame: pd.DataFrame) -> pd.DataFrame:
    """One row in ten asks the dear model."""
    return frame.assign(asks=["gpt-5", *["gpt-5-nano"] * 9] * 4)


def test_each_model_is_priced_by_its_own_rows(mixed: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dear one that writes much is among those tried, and the estimate comes near the bill."""
    with BatchServer(answer=wordy) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        few = try_rows(mixed, BY_ROW, rows=5).report.models[0]
        before = Decimal(server.bill()["usd"])
        try_rows(mixed, BY_ROW, rows=40)
        paid = Decimal(server.bill()["usd"]) - before
    assert few.untried_models == ()
    assert price_of_the_whole(few) * 2 == pytest.approx(paid, rel=Decimal("0.05"))


def test_a_model_that_was_not_tried_is_named(batch_server: BatchServer, mixed: pd.DataFrame) -> None:
    """Beside the estimate."""
    trial = try_rows(mixed, BY_ROW, rows=1)
    assert trial.report.models[0].untried_models == ("gpt-5",)
    assert "No row that was tried tells of gpt-5:" in " ".join(str(trial).split())


def test_a_column_of_models_stands_beside_a_model(batch_server: BatchServer, mixed: pd.DataFrame) -> None:
    """Whichever is named first, each has its price."""
    models = try_rows(mixed, NAMES, rows=4, models=["gpt-5", "{{ asks }}"]).report.models
    assert [model.model for model in models] == ["gpt-5", "{{ asks }}"]
    dear, own = map(price_of_the_whole, models)
    assert dear > own
