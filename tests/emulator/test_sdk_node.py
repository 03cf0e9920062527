"""OpenAI's Node SDK through the whole cycle."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from .support import Api

Start = Callable[..., Api]

NPM = Path(sys.executable).with_name("npm")
VERSION = "openai@6"


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """A folder where the SDK is installed: kept between runs, for the network is slow."""
    folder = Path(os.environ.get("NODE_SDK_CACHE") or Path(tempfile.gettempdir()) / f"node-sdk-{os.getuid()}")
    if not (folder / "node_modules" / "openai" / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        command = [str(NPM), "install", "--no-audit", "--no-fund", "--loglevel=error", VERSION]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
    return folder


def test_the_whole_cycle(start_server: Start, node_modules: Path) -> None:
    """Upload, create, wait, read, list, cancel, delete; and a 404."""
    api = start_server(speed=1, timing={"validating": 0.05, "running": 0.05, "finalizing": 0.05})
    script = node_modules / f"cycle-{os.getpid()}.mjs"
    shutil.copyfile(Path(__file__).with_name("cycle.mjs"), script)
    try:
        done = subprocess.run(
            [str(NPM.with_name("node")), script.name],
            cwd=node_modules,
            env={**os.environ, "BASE_URL": api.server.base_url},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        script.unlink()
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen.pop("bytes") > 300
    assert seen == {
        "model": "gpt-4o-mini",
        "created": "validating",
        "counts": {"total": 3, "completed": 3, "failed": 0},
        "metadata": {"job": "node"},
        "answers": {"item-0": "1", "item-1": "2", "item-2": "3"},
        "listed": 1,
        "cancelling": "cancelling",
        "deleted": True,
        "missing": 404,
    }
