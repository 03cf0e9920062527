"""The pytest plugin, in a pytest of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path


def documented_example() -> str:
    """The example in the documentation."""
    text = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text()
    blocks: list[str] = re.findall(r"```python[^\n]*\n(.*?)```", text, re.DOTALL)
    return next(block for block in blocks if "def test_" in block)


OPTIONS = """
import os
import pytest

@pytest.mark.batch_api(key="secret", speed=0)
def test_options(batch_api):
    assert batch_api.settings.key == os.environ["OPENAI_API_KEY"] == "secret"
    assert os.environ["OPENAI_BASE_URL"] == batch_api.base_url
    assert batch_api.clock.by_hand

def test_environment_is_restored():
    assert "OPENAI_BASE_URL" not in os.environ
"""

TWICE = """
import json
import openai
import pytest

def pay_twice(batch_api):
    with openai.OpenAI() as client:
        body = {"model": "gpt-3.5-turbo-instruct", "prompt": "a"}
        line = {"custom_id": "1", "method": "POST", "url": "/v1/completions", "body": body}
        file = client.files.create(file=("in.jsonl", json.dumps(line).encode()), purpose="batch")
        for _ in range(2):
            client.batches.create(input_file_id=file.id, endpoint="/v1/completions", completion_window="24h")
    batch_api.advance(60)

def test_twice(batch_api):
    pay_twice(batch_api)

@pytest.mark.batch_api(check_bill=False)
def test_twice_on_purpose(batch_api):
    pay_twice(batch_api)
"""


def run(folder: Path, **tests: str) -> subprocess.CompletedProcess[str]:
    """Run test files in a pytest of their own, which finds the plugin by its entry point."""
    for name, text in tests.items():
        (folder / f"test_{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:prefect"]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    alone |= {"HTTP_PROXY": "http://127.0.0.1:9"}  # which is away, and would know nothing of the server
    return subprocess.run(
        [*command, str(folder)], cwd=folder, env=alone, capture_output=True, text=True, check=False
    )


def test_the_fixture(tmp_path: Path) -> None:
    """The documented example and options pass; what was billed twice is an error, unless allowed."""
    done = run(tmp_path, example=documented_example(), options=OPTIONS, twice=TWICE)
    assert "5 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert "1 items were billed more than once: 1" in done.stdout
