"""No secret anywhere: jobs fail in each way, and all that they leave behind is searched."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.logging.handlers import APILogWorker
from prefect.settings import get_current_settings
from prefect_openai_batch import ChatRequest, RunOptions, openai_batch
from prefect_openai_batch.blocks import entra_id
from prefect_openai_batch.tasks.remote.tries import brief_pauses

from .failures import SECRETS, failures
from .left_behind import in_database, in_folder, spellings

REVIEW = ChatRequest(model="gpt-5-mini", prompt="Positive or negative? {{ review }}", keep_response=True)

TOKEN = "emulator-token-"
"""So begins every token that our server gives."""


def fail(name: str, folder: Path, **changed: Any) -> None:
    """Run a job that fails."""
    (folder / "rows.csv").write_text("review\nI like it.\n")
    key = name.replace(" ", "-")
    wanted: dict[str, Any] = {
        "request": REVIEW,
        "destination": str(folder / "tables" / f"{key}.parquet"),
        "credentials": "secrecy",
        **changed,
    }
    options = RunOptions(poll_seconds=0.1, settle_seconds=0.1, max_rounds=1, min_answered=0.5)
    try:
        openai_batch.with_options(flow_run_name=f"secrecy {name}")(
            str(folder / "rows.csv"), job_key=key, storage=str(folder / "jobs"), options=options, **wanted
        )
    except (Exception, KeyboardInterrupt):
        return
    pytest.fail(f"{name} did not fail")


def ends() -> Iterator[tuple[str, str]]:
    """How each run has ended, as the server knows it."""
    with get_client(sync_client=True) as client:
        named = FlowRunFilter(name=FlowRunFilterName(like_="secrecy "))
        for run in client.read_flow_runs(flow_run_filter=named):
            assert run.state is not None
            yield run.name.removeprefix("secrecy "), run.state.type.value


@pytest.mark.server
def test_no_secret_is_left_by_jobs_that_fail(
    prefect_server: str,
    prefect_environment: dict[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Not in logs, states, artifacts, results, parameters, events, blocks as stored, job folders and tables."""
    caplog.set_level(logging.DEBUG)
    for name in ("jobs", "tables"):
        (tmp_path / name).mkdir()
    made = failures(tmp_path)
    with brief_pauses():
        for name, failure in made.items():
            with failure as changed:
                fail(name, tmp_path, **changed)
    entra_id.remembered.cache_clear()
    APILogWorker.drain_all(timeout=10)
    wanted = dict.fromkeys(made, "FAILED") | {"crash": "CRASHED"}
    assert dict(ends()) == wanted
    left = [
        ("the log", caplog.text),
        ("the console", "".join(capfd.readouterr())),
        *in_database(Path(prefect_environment["PREFECT_HOME"]) / "prefect.db"),
        *in_folder(tmp_path / "jobs"),
        *in_folder(tmp_path / "tables"),
        *in_folder(get_current_settings().results.local_storage_path),
    ]
    assert any(name == "table log" for name, _ in left)
    unseen = {spelling for secret in SECRETS for spelling in spellings(secret)} | {TOKEN}
    found = {(place, spelling) for place, text in left for spelling in unseen if spelling in text}
    assert found == set()
