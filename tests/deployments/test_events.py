"""The automation of docs/events.md on a real server: a failed batch is posted to a webhook."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from prefect_openai_batch import BatchFailed, ChatRequest, RunOptions, openai_batch
from prefect_openai_batch.emulator import BatchFault, BatchServer

from ..conftest import ROOT, wait_until

pytestmark = pytest.mark.server


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What is posted to the address that the documented automation is given."""
    heard: list[dict[str, Any]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # http.server's name
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        monkeypatch.setenv("BATCH_ALARM_URL", f"http://127.0.0.1:{server.server_port}/")
        yield heard
        server.shutdown()


@pytest.fixture
def automation(api: httpx.Client, posted: list[dict[str, Any]]) -> Iterator[None]:
    """The automation, made by the very lines of the docs; afterwards it is gone."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "events.md").read_text(), re.DOTALL)
    exec(code, {})  # it is our own text
    yield
    for one in api.post("/automations/filter", json={}).raise_for_status().json():
        if one["name"] == "post batches that failed or expired":
            api.delete(f"/automations/{one['id']}").raise_for_status()


@pytest.mark.usefixtures("automation")
def test_a_failed_batch_is_posted(
    posted: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the job's key and OpenAI's own words, by Prefect's server."""
    (tmp_path / "reviews.csv").write_text("review\nfine\n")
    refuses = BatchFault(kind="fail_validation", code="model_not_found", message='No model "x" here.')
    with BatchServer() as server:
        server.fail(refuses)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        with pytest.raises(BatchFailed):
            openai_batch(
                str(tmp_path / "reviews.csv"),
                ChatRequest(model="gpt-5-mini", prompt="{{ review }}"),
                job_key="alarming",
                storage=str(tmp_path / "jobs"),
                options=RunOptions(poll_seconds=0.2),
            )
    wait_until(lambda: bool(posted), lambda: "nothing was posted")
    assert re.fullmatch(r"batch_\w+ of the job alarming failed", posted[0]["text"])
    assert 'No model "x" here.' in posted[0]["why"]
