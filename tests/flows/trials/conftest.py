"""A table to try, where no server of Prefect's is there."""

from collections.abc import Iterator

import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings


@pytest.fixture
def no_prefect_server() -> Iterator[None]:
    """Whoever calls Prefect's server finds nobody."""
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        yield


@pytest.fixture
def frame() -> pd.DataFrame:
    """Reviews, whose true moods are known but for one."""
    moods = ["happy", " Angry ", None, "angry"] * 10
    texts = [f"Review {number}: {mood or 'no'}." for number, mood in enumerate(moods)]
    return pd.DataFrame({"review": texts, "label": moods}, index=[f"r{number}" for number in range(40)])
