"""The flow on processes, Dask and Ray, one of whose processes is killed; a slice of its matrix."""

import re
import subprocess
import sys
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from distributed.client import FutureCancelledError
from prefect.exceptions import CrashedRun
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect_dask.task_runners import DaskTaskRunner
from prefect_openai_batch.batch.errors import StorageNotShared
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.flows.engines.handed import is_lost
from ray.exceptions import TaskCancelledError, WorkerCrashedError

from ...conftest import ROOT


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (BrokenProcessPool("abruptly"), True),
        (FutureCancelledError("build-items", "the scheduler is gone"), True),
        (WorkerCrashedError(), True),
        (CrashedRun("it got SIGTERM"), True),
        (StorageNotShared("the folder is not here", folder="jobs"), False),
        (OSError("no space left"), False),
        (CancelledError(), False),
        (TaskCancelledError(), False),
    ],
    ids=["processes", "dask", "ray", "a crashed task", "ours", "a task's own", "cancelled", "cancelled on ray"],
)
def test_what_the_engine_has_lost_is_told_from_what_failed(error: Exception, lost: bool) -> None:
    """Only a task whose process is gone is run again."""
    assert is_lost(error) is lost


def test_the_documented_module_is_a_deployments_entrypoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three lines of one's own name the engine; the flow stays ours."""
    section = (ROOT / "docs" / "engines.md").read_text().partition("## In a deployment")[2]
    module = re.search(r'```python title="our_flows.py"\n(.*?)```', section, re.DOTALL)
    assert module
    (tmp_path / "our_flows.py").write_text(module[1])
    monkeypatch.syspath_prepend(tmp_path)
    flow: Flow[..., Any] = load_flow_from_entrypoint("our_flows.on_dask")
    assert flow.name == "openai-batch"
    assert isinstance(flow.task_runner, DaskTaskRunner)
    assert flow.task_runner.address == "tcp://scheduler:8786"


WATCHED = """
import sys
from collections import Counter

from prefect.task_runners import ProcessPoolTaskRunner
from prefect_openai_batch import ChatRequest, RunOptions, openai_batch
from prefect_openai_batch.batch.progress import observed_by

if __name__ == "__main__":
    told = Counter()
    reviews, storage = sys.argv[1:]
    request = ChatRequest(model="gpt-5-mini", prompt="{{ review }}")
    in_another = openai_batch.with_options(task_runner=ProcessPoolTaskRunner(max_workers=1))
    with observed_by(lambda news: told.update({news.step: news.advance})):
        in_another(reviews, request, storage=storage, options=RunOptions(poll_seconds=0.1))
    print(told["build"], told["upload"], told["fetch"])
"""


@pytest.mark.server
def test_other_processes_tell_how_far_they_are(
    batch_server: BatchServer,
    prefect_server: str,
    prefect_environment: dict[str, str],
    reviews: Path,
    tmp_path: Path,
) -> None:
    """Whoever watches the flow sees each row built, uploaded and fetched once."""
    (tmp_path / "watched.py").write_text(WATCHED)
    own = {"OPENAI_BASE_URL": batch_server.base_url, "OPENAI_API_KEY": "test"}
    command = [sys.executable, "watched.py", str(reviews), str(tmp_path / "jobs")]
    done = subprocess.run(command, cwd=tmp_path, env=prefect_environment | own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "30 30 30"


@pytest.mark.server
def test_a_killed_process_costs_nothing(prefect_server: str, prefect_environment: dict[str, str]) -> None:
    """While an output is fetched: no row is lost, none is paid twice, nothing stands still."""
    slice_ = ["--engines", "processes", "dask", "ray", "--kills", "fetch", "--repeat", "0", "--rows", "30"]
    command = [sys.executable, "-m", "benchmarks.matrices.engines", *slice_, "--api", prefect_server]
    done = subprocess.run(command, cwd=ROOT, env=prefect_environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.server
def test_a_lost_worker_costs_nothing(prefect_environment: dict[str, str]) -> None:
    """Of two that share no disk, with files in an object store and Prefect's server on PostgreSQL."""
    slice_ = ["--engines", "two workers", "--kills", "fetch", "--repeat", "0", "--rows", "30"]
    command = [sys.executable, "-m", "benchmarks.matrices.engines", *slice_, "--at-once"]
    done = subprocess.run(command, cwd=ROOT, env=prefect_environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
