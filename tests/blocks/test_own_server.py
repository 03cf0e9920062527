"""Prefect's own server: one for a home, found again, and gone when nobody asks it."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_HOME,
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE,
    get_current_settings,
    temporary_settings,
)
from prefect_openai_batch.batch.errors import OpenAIBatchError
from prefect_openai_batch.blocks.servers.kept_server import Asked
from prefect_openai_batch.blocks.servers.own_server import (
    IDLE_VARIABLE,
    LOG,
    STARTING,
    _record,
    await_server,
    find_server,
    needs_own_server,
    own_server,
    start_server,
)

LONG_SECONDS = 60


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new home of Prefect's, where no server is named."""
    monkeypatch.setenv(IDLE_VARIABLE, "2")
    with temporary_settings(
        {PREFECT_HOME: tmp_path, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: True}, restore_defaults={PREFECT_API_URL}
    ):
        yield tmp_path


@pytest.mark.server
def test_a_home_has_one_server_that_goes_when_nobody_asks(home: Path) -> None:
    """The second block asks the first one's; it knows what was kept; then it ends by itself. Its start is told."""
    urls, told = [], list[str]()
    for _ in range(2):
        with own_server(tell=told.append):
            urls.append(get_current_settings().api.url)
            assert httpx.post(f"{urls[-1]}/flow_runs/filter", json={}).json() == []
    assert urls[0] == urls[1]
    assert told == [STARTING]
    (record,) = home.glob("openai-batch-server-*.json")
    psutil.Process(json.loads(record.read_text())["pid"]).wait(LONG_SECONDS)
    assert not record.exists()
    assert find_server() is None


@pytest.mark.server
def test_a_throwaway_ends_with_its_block(home: Path) -> None:
    """It made its tables without migrations, and a flow's first call finds them."""
    with own_server(throwaway=True):
        url = get_current_settings().api.url
        assert httpx.post(f"{url}/flows/", json={"name": "any"}).is_success
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")
    assert not list(home.glob("openai-batch-server-*.json"))


@pytest.mark.usefixtures("home")
def test_where_a_server_is_named_none_is_started() -> None:
    """The block asks the one that is named."""
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}), own_server():
        assert not needs_own_server()
        assert get_current_settings().api.url == "http://127.0.0.1:9/api"


def test_one_that_does_not_start_says_where_its_words_are(home: Path) -> None:
    """With the way out."""
    process = start_server()
    process.kill()
    process.wait()
    with pytest.raises(OpenAIBatchError, match=LOG):
        await_server(process)
    assert (home / LOG).exists()


def test_who_is_connected_keeps_it() -> None:
    """Idle time counts from the last answer, and not while one is under way."""
    seen = []

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        await asyncio.sleep(0.05)
        seen.append(asked.idle_seconds())

    asked = Asked(app, "")
    asyncio.run(asked({"type": "http"}, None, None))
    assert seen == [0.0]
    assert 0 < asked.idle_seconds() < LONG_SECONDS


@pytest.mark.server
def test_two_that_begin_at_once_have_one_server(home: Path) -> None:
    """A new home's database is made once, and neither loses its server to the other."""
    urls: list[str | None] = []

    def begin() -> None:
        with own_server():
            urls.append(get_current_settings().api.url)

    with ThreadPoolExecutor() as both:
        for done in [both.submit(copy_context().run, begin) for _ in range(2)]:
            done.result()
    assert urls[0] == urls[1] is not None
    assert len([*home.glob("openai-batch-server-*.json")]) == 1


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "told",
    ["", '{"half', "[1]", '{"url": 7}', '{"url": "http://127.0.0.1:9/api"}'],
    ids=["empty", "half", "list", "number", "gone"],
)
def test_a_record_that_tells_of_no_server_is_none(told: str) -> None:
    """Whatever stands in it."""
    _record().write_text(told)
    assert find_server() is None


@pytest.mark.server
def test_another_homes_server_is_not_taken_for_ones_own(prefect_server: str, home: Path) -> None:
    """Ports are used again: a server that answers is asked whose it is."""
    with temporary_settings({PREFECT_HOME: home}, restore_defaults={PREFECT_API_URL}):
        _record().write_text(json.dumps({"url": prefect_server, "pid": 1}))
        assert find_server() is None


@pytest.mark.usefixtures("home")
def test_a_home_that_cannot_be_is_named(tmp_path: Path) -> None:
    """With the ways out."""
    (tmp_path / "file").touch()
    named = pytest.raises(OpenAIBatchError, match="PREFECT_HOME")
    with temporary_settings({PREFECT_HOME: tmp_path / "file" / "home"}), named, own_server():
        pass
