"""A pytest plugin: the fixture `batch_api`, a Batch API server for one test."""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.request import getproxies

import pytest

if TYPE_CHECKING:
    from .server import BatchServer


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "batch_api(check_bill=True, **options): options of the server behind the fixture batch_api, which are "
        "ServerSettings' fields, `clock` and `answer`; check_bill=False allows items to be billed twice.",
    )


@pytest.fixture
def batch_api(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> "Iterator[BatchServer]":
    """A local Batch API server on a free port, named by OPENAI_BASE_URL and OPENAI_API_KEY.

    `batch_api.advance(seconds)` moves its clock, `batch_api.fail(...)` lets things go wrong, and
    `batch_api.bill()` says what it would have cost. After the test no item may have been billed more than once.
    """
    from .server import BatchServer

    marker = request.node.get_closest_marker("batch_api")
    options = dict(marker.kwargs) if marker else {}
    check_bill = options.pop("check_bill", True)
    with BatchServer(**options) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", server.settings.key or "local")
        known = getproxies().get("no")
        direct = known if known == "*" else ",".join(filter(None, (known, "127.0.0.1")))
        for name in ("NO_PROXY", "no_proxy"):  # a proxy that the environment names knows nothing of this server
            monkeypatch.setenv(name, direct)
        yield server
        if check_bill and (twice := server.bill()["billed_more_than_once"]):
            names = ", ".join(item["custom_id"] for item in twice[:5])
            pytest.fail(f"{len(twice)} items were billed more than once: {names}")
