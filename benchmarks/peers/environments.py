"""Environments of other libraries: nothing of ours is in them, and nothing of theirs in ours."""

import subprocess
import sys
from pathlib import Path

PLACE = Path.home() / ".cache" / "prefect-openai-batch" / "peers"

PEERS = {
    "openai-batch": ("openai-batch==0.3.4", "httpx"),  # which it imports, and does not name
    "batch-openai": ("batch-openai==0.4.0",),
    "common-ai": ("apache-airflow-providers-common-ai==1.0.0",),
    "curator": ("bespokelabs-curator==0.1.31",),
    "llm-batch-py": ("llm-batch-py==0.1.8",),
}
"""What pip installs for each, pandas and pyarrow beside it."""


def python_of(peer: str) -> str:
    """The Python of a peer's environment, which is made at the first call and kept.

    Raises:
        CalledProcessError: pip cannot install it here.
    """
    folder = PLACE / "-".join(requirement.replace("==", "-") for requirement in PEERS[peer])
    python, made = folder / "bin" / "python", folder / "made"
    if not made.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *PEERS[peer], "pandas", "pyarrow"], check=True)
        made.touch()
    return str(python)
