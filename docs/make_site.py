"""Make the site of these pages in `build/site`, strictly: what leads nowhere is an error.

python docs/make_site.py

The pages are laid out for the generator as they stand in the repository, so that a link that works there works in
the site too. The reference is made on the way, of the docstrings and of the commands' own `--help`.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from prefect_openai_batch.cli.app import app

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "build" / "site-source"

PAGES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "docs/*.md",
    "docs/*.svg",
    "docs/*.css",
    "docs/pictures/*.png",
)
FILES = (
    "examples/*",
    "deployments/*.yaml",
    "deployments/work_pools/*.yaml",
    "benchmarks/*.md",
    "benchmarks/*.txt",
    "benchmarks/*/*.txt",
)

COMMAND = "prefect-openai-batch"
WIDTH = 88


def main() -> int:
    """Lay out the pages, write the reference, build; returns the generator's exit code."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    for pattern in (*PAGES, *FILES):
        for path in ROOT.glob(pattern):
            lay_out(path, SOURCE / path.relative_to(ROOT))
    reference = SOURCE / "docs" / "reference"
    reference.mkdir()
    (reference / "python.md").write_text("\n".join(python_reference()))
    (reference / "commands.md").write_text("\n".join(command_reference()))
    generator = Path(sys.executable).with_name("zensical")
    return subprocess.run([generator, "build", "--strict", "--clean", "-f", "mkdocs.yml"], cwd=ROOT).returncode


def lay_out(path: Path, target: Path) -> None:
    """A page as it is, with its links to tables of measurements; such a table as a page of its own."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".txt":
        target = target.with_suffix(".md")
        target.write_text(f"# {path.stem.replace('_', ' ').capitalize()}\n\n```text\n{path.read_text()}```\n")
    elif path.suffix == ".md":
        target.write_text(path.read_text().replace(".txt)", ".md)"))
    elif path.is_file():
        shutil.copy(path, target)


def python_reference() -> Iterator[str]:
    """Every public name by its docstring, in the groups that `__init__.py` has them in."""
    yield "# Python\n\nEvery name is imported from `prefect_openai_batch`.\n"
    exports = (ROOT / "__init__.py").read_text().partition("_EXPORTS = (\n")[2].partition("\n)\n")[0]
    for group, names in re.findall(r'^    (?:# (.+)|\(".+", "(.+)"\),)$', exports, re.MULTILINE):
        if group:
            yield f"\n## {group.capitalize()}\n"
        for name in names.split():
            yield f"::: prefect_openai_batch.{name}\n"


def command_reference() -> Iterator[str]:
    """What each command says of itself."""
    settings = {**app.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    yield from described(click.Context(app, info_name=COMMAND, **settings), "#")


def described(context: click.Context, level: str) -> Iterator[str]:
    """A command, and those below it."""
    title = context.command_path.removeprefix(f"{COMMAND} ").replace(COMMAND, "The command line")
    yield f"{level} {title}\n\n```text\n{context.get_help()}\n```\n"
    if isinstance(command := context.command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below
            yield from described(click.Context(below, info_name=name, parent=context), f"{level}#")


if __name__ == "__main__":
    sys.exit(main())
