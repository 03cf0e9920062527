"""What is shipped works where nothing but it is installed, and needs no network but loopback."""

import os
import subprocess
import sys
import venv
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

OURS = ("prefect-openai-batch", "prefect_openai_batch")

LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS
os.execv(sys.argv[1], sys.argv[1:])
"""


def environment(home: Path) -> dict[str, str]:
    """A person's environment, with nothing of this project's, no server's address, and a proxy, which is away."""
    ours = ("PREFECT", "OPENAI", "COV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "HOME": str(home), "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command line in an environment of its own that holds the wheel, with the versions that run here.

    The wheel is built from the sdist.
    """
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)], check=True, capture_output=True
    )
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    versions = folder / "versions.txt"
    versions.write_text("".join(f"{one.name}=={one.version}\n" for one in distributions() if one.name not in OURS))
    pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", "-c", str(versions)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    return folder / "venv" / "bin" / "prefect-openai-batch"


@pytest.fixture(scope="module")
def no_network() -> list[str]:
    """What a program is started with to be in a network namespace that has nothing but loopback."""
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode:
        return []
    return ["unshare", "-rn", sys.executable, "-c", LOOPBACK_UP]


@pytest.fixture(scope="module")
def printed(installed: Path, no_network: list[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the demo of the wheel prints, run somewhere else: there, the folder is called HERE."""
    folder = tmp_path_factory.mktemp("elsewhere")
    command = [*no_network, str(installed), "demo"]
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "openai-batch-demo.csv").read_text().count("\n") > 240
    return done.stdout.replace(str(folder), "HERE")


def test_the_wheel_runs_the_demo_from_elsewhere(printed: str) -> None:
    """It prints joined answers, counts, time, and where the results lie."""
    assert "240 of 240 rows answered (240 succeeded)" in printed
    assert "remote files left: 0" in printed
    assert "R-0001" in printed
    assert "results: HERE/openai-batch-demo.csv" in printed
    assert "all in all:" in printed


def test_the_wheel_ships_what_it_needs_and_no_tests(installed: Path) -> None:
    """Typed, with its examples and deployments, and without its tests."""
    (package,) = installed.parents[1].glob("lib/python*/site-packages/prefect_openai_batch")
    shipped = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    assert {
        "py.typed",
        "examples/reviews.csv",
        "examples/labels.csv",
        "examples/label_reviews.yaml",
        "examples/typed_answers.py",
        "deployments/prefect.yaml",
        "deployments/work_pools/docker.yaml",
        "batch/reports/page.html.jinja",
    } <= shipped
    assert not [name for name in shipped if name.startswith(("tests", "benchmarks"))]


def test_the_demo_needs_no_network_but_loopback(printed: str, no_network: list[str]) -> None:
    """It ran in a network namespace that has nothing else."""
    if not no_network:
        pytest.skip("this kernel allows no network namespace of one's own")
