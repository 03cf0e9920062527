"""In a notebook an event loop runs already; what is called there is done when the call returns."""

import ast
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pandas as pd
import prefect_openai_batch
import pytest
from jupyter_client.manager import start_new_kernel
from prefect.settings import PREFECT_HOME, temporary_settings
from prefect_openai_batch import OpenAICredentials, fetch_output, run_dataframe, submit_batch, wait_for_batch
from prefect_openai_batch.emulator import BatchServer, Timing

from ...conftest import ROOT
from ..conftest import REVIEW

CELL = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0]

Execute = Callable[[str], None]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """One that answers at once; the environment names it."""
    with BatchServer(timing=Timing(validating=0, running=0, finalizing=0)) as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        yield running


@pytest.fixture
def execute(
    server: BatchServer, prefect_server: str, prefect_environment: dict[str, str], tmp_path: Path
) -> Iterator[Execute]:
    """Runs a cell in a kernel of Jupyter's, whose folder holds nothing but the examples."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    own = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "test", "PREFECT_LOGGING_LEVEL": "ERROR"}
    manager, client = start_new_kernel(cwd=str(tmp_path), env={**prefect_environment, **own})

    def run_cell(cell: str) -> None:
        answer = client.execute_interactive(cell, timeout=None)
        assert answer["content"]["status"] == "ok", answer["content"]

    try:
        yield run_cell
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.server
def test_a_cell_runs_as_often_as_one_likes(execute: Execute, server: BatchServer, tmp_path: Path) -> None:
    """README's pays once and gives the same again; another frame is another job; nothing lies in its folder."""
    execute(CELL)
    execute(f"first = labelled\n{CELL}\npd.testing.assert_frame_equal(labelled, first)")
    execute('request = ChatRequest(model="gpt-5-mini", prompt=prompt, answer=Label)')
    execute("assert len(run_dataframe(reviews.head(3), request)) == 3")
    assert server.bill()["billed"] == 243
    assert [path.name for path in tmp_path.iterdir()] == ["examples"]


@pytest.mark.server
async def test_flows_are_done_when_they_return(prefect_server: str, server: BatchServer, tmp_path: Path) -> None:
    """Called in a coroutine, with a credentials block, and without a storage."""
    await OpenAICredentials(api_key="test", base_url=server.base_url).asave("looped", overwrite=True)
    with temporary_settings({PREFECT_HOME: tmp_path}):
        answered = run_dataframe(pd.DataFrame({"review": ["Good."]}), REVIEW, credentials="looped")
    assert answered["outcome"].tolist() == ["succeeded"]
    assert len(list(tmp_path.glob("openai-batch/frame-*/report.json"))) == 1


@pytest.mark.server
async def test_tasks_are_done_when_they_return(prefect_server: str, server: BatchServer) -> None:
    """Called by hand in a coroutine, each after the other."""
    batch = wait_for_batch(submit_batch([REVIEW.item("item-1", {"review": "Good."})]))
    assert fetch_output(batch).frame()["outcome"].tolist() == ["succeeded"]


def test_no_call_becomes_a_coroutine() -> None:
    """What Prefect dispatches by the event loop, known by its `aio`, is called through `at_once` alone."""
    rooms = ("blocks", "tasks", "flows", "deployments")
    assert [call for room in rooms for path in (ROOT / room).rglob("*.py") for call in dispatched(path)] == []


def dispatched(path: Path) -> list[str]:
    """The calls in a module that Prefect may answer with a coroutine."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    module = vars(import_module(f"{prefect_openai_batch.__name__}.{name}"))
    called = {
        ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
    }
    known = [call for call in called if re.fullmatch(r"[\w.]+", call) and call.partition(".")[0] in module]
    return [f"{name}: {call}" for call in known if hasattr(eval(call, module), "aio")]
