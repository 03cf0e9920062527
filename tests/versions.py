"""The suite on each Python that we name, on the lowest versions of what we need, and on the newest.

    python tests/versions.py [PYTEST_ARGUMENT…]

Each run has an environment of its own below `.cache/versions/`. A Python that is not on this machine is named.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

SUITE = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "-m", "not external", "-rs")

KEPT_IN = (".pyenv/versions/{version}.*/bin/python", ".local/share/uv/python/cpython-{version}.*/bin/python")
"""Where interpreters lie that are not on the PATH, below one's home."""


@dataclass(frozen=True)
class Run:
    """The suite once.

    Attributes:
        name: What it is called.
        python: The interpreter.
        constraints: Which versions it takes; None: the newest.
    """

    name: str
    python: str
    constraints: str | None

    def passes(self, arguments: list[str]) -> bool:
        """Install what it needs, and run the suite."""
        folder = ROOT / ".cache" / "versions" / self.name.replace(" ", "-")
        python = str(folder / "bin" / "python")
        wanted = ["-c", self.constraints] if self.constraints else ["--upgrade", "--upgrade-strategy", "eager"]
        commands = [
            [self.python, "-m", "venv", str(folder)],
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted, "-e", ".[test]"],
            [python, "-m", "pytest", *SUITE, *arguments],
        ]
        print(f"\n== {self.name} ==", flush=True)
        return all(subprocess.run(command, cwd=ROOT).returncode == 0 for command in commands)


def named_versions() -> list[str]:
    """The Pythons that the classifiers name, the oldest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = [re.search(r":: Python :: (3\.\d+)$", classifier) for classifier in project["classifiers"]]
    return sorted((one[1] for one in found if one), key=lambda version: int(version.partition(".")[2]))


def find_python(version: str) -> str | None:
    """An interpreter of this version that is on this machine."""
    on_path = shutil.which(f"python{version}")
    kept = [str(path) for place in KEPT_IN for path in sorted(Path.home().glob(place.format(version=version)))]
    return next(filter(lambda python: _is(python, version), [*([on_path] if on_path else []), *kept]), None)


def _is(python: str, version: str) -> bool:
    """Whether it is; what stands on the PATH may be a name without a program."""
    said = subprocess.run([python, "--version"], capture_output=True, text=True).stdout
    return said.startswith(f"Python {version}.")


def runs(found: dict[str, str]) -> Iterator[Run]:
    """On each Python; on the lowest versions the oldest, on the newest the newest."""
    pythons = list(found.values())
    for version, python in found.items():
        yield Run(f"Python {version}", python, "constraints.txt")
    yield Run("lowest versions", pythons[0], "constraints-lowest.txt")
    yield Run("newest versions", pythons[-1], None)


def main() -> None:
    """Run them all, say which passed, and name the Pythons that are not here."""
    found = {version: python for version in named_versions() if (python := find_python(version))}
    passed = {run.name: run.passes(sys.argv[1:]) for run in runs(found)}
    print()
    for name, good in passed.items():
        print(f"{name}: {'passed' if good else 'FAILED'}")
    for version in named_versions():
        if version not in found:
            print(f"left out, it is not on this machine: Python {version}")
    sys.exit(0 if all(passed.values()) else 1)


if __name__ == "__main__":
    main()
