"""Batches by hand, and the emulator, from the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import openai
import pytest
from prefect_openai_batch import OpenAICredentials
from prefect_openai_batch.emulator import BatchServer

from .support import Shell

pytestmark = pytest.mark.server


def test_batches_are_listed_shown_and_cancelled(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """By id, and a job's by its key."""
    with BatchServer(speed=0) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        client = openai.OpenAI(base_url=server.base_url, api_key="test")
        line = {
            "custom_id": "a",
            "method": "POST",
            "url": "/v1/responses",
            "body": {"model": "gpt-5", "input": "x"},
        }
        with client:
            file = client.files.create(file=("x.jsonl", json.dumps(line).encode()), purpose="batch")
            batch = client.batches.create(
                input_file_id=file.id,
                endpoint="/v1/responses",
                completion_window="24h",
                metadata={"job_key": "mine"},
            )
        listed = shell.call("list")
        header, first = listed.stdout.splitlines()
        assert header.split()[:3] == ["batch", "status", "done"]
        assert first.split()[:2] == [batch.id, "validating"]
        assert listed.stdout.split()[-1] == "mine"
        shown = shell.call("show", batch.id)
        assert "/v1/responses" in shown.stdout
        as_json = shell.call("show", batch.id, "--json")
        assert json.loads(as_json.stdout)["id"] == batch.id
        cancelled = shell.call("cancel", batch.id)
        assert cancelled.stdout.split()[:2] == [batch.id, "cancelling"]


@pytest.mark.unhurried
def test_a_credentials_block_is_used_by_its_name(
    shell: Shell, batch_server: BatchServer, reviews: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By each command; without it there is no key."""
    name = f"team-{uuid4().hex[:8]}"
    OpenAICredentials(api_key="test", base_url=batch_server.base_url).save(name)
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(variable)
    assert shell.run(reviews.name).returncode == 1
    detached = shell.run(reviews.name, "--credentials", name, "--detach")
    assert detached.returncode == 0, detached.stderr
    key = detached.stdout.strip()
    resumed = shell.call("resume", key, "--storage", "jobs", "--poll", "0.2", "--credentials", name)
    assert resumed.returncode == 0, resumed.stderr
    listed = shell.call("list", "--credentials", name, "--json")
    batch = json.loads(listed.stdout)["id"]
    assert shell.call("show", batch, "--credentials", name).returncode == 0
    assert shell.call("cancel", batch, "--credentials", name).returncode == 0


def test_the_emulator_serves_until_it_is_stopped(environment: dict[str, str], tmp_path: Path) -> None:
    """It prints its base URL on one line when it is ready."""
    command = [sys.executable, "-m", "prefect_openai_batch.cli", "emulator", "--port", "0", "--data", "server"]
    with subprocess.Popen(command, env=os.environ, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        with openai.OpenAI(base_url=base_url, api_key="any") as client:
            assert client.models.retrieve("gpt-5-mini").id == "gpt-5-mini"
        process.terminate()
        assert process.wait() in (0, -15)


@pytest.mark.parametrize("command", ["show", "cancel", "resume", "forget"])
def test_a_job_that_is_not_there_is_told_alike(shell: Shell, command: str) -> None:
    """By whichever command: nothing is done, and the message says where to look."""
    done = shell.call(command, "no-such-job", "--storage", "jobs")
    assert (done.returncode, done.stdout) == (2, "")
    [said] = done.errors
    assert "'no-such-job'" in said
    assert (
        f"{Path('jobs').absolute()}: `prefect-openai-batch jobs` lists those of a storage, and --storage" in said
    )
