"""The site is whole: built strictly, each link leads somewhere, nothing is asked of anyone else's server."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

import prefect_openai_batch
import pytest
from prefect_openai_batch.cli.app import COMMANDS

from ..conftest import ROOT

SITE = ROOT / "build" / "site"


class Page(HTMLParser):
    """A page's anchors, the pages and pictures that it leads to, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the element names."""
        named = {name: value for name, value in attrs if value}
        self.anchors |= {named[name] for name in ("id", "name") if name in named}
        self.links |= {named[name] for name in ("href", "src") if name in named}
        if tag in ("script", "link", "img") and named.get("rel") != "canonical":
            self.loaded |= {named[name] for name in ("href", "src") if name in named}


@pytest.fixture(scope="module")
def pages() -> dict[Path, Page]:
    """Each page of the site, as `make docs` builds it."""
    pytest.importorskip("zensical", reason="the extra `docs` is not installed")
    built = subprocess.run([sys.executable, "docs/make_site.py"], cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return {path: Page(path) for path in SITE.rglob("*.html") if path.name != "404.html"}


def test_every_link_leads_somewhere(pages: dict[Path, Page]) -> None:
    """To a page that is there, and to a place that is on it."""
    broken = [
        (str(path.relative_to(SITE)), link)
        for path, page in pages.items()
        for link in page.links
        if not leads_somewhere(path, urlsplit(link), pages)
    ]
    assert broken == []


def leads_somewhere(path: Path, link: SplitResult, pages: dict[Path, Page]) -> bool:
    """Whether it is another's, or a file of the site, and on a page the place that it names."""
    if link.scheme or link.netloc:
        return True
    target = (path.parent / unquote(link.path)).resolve() if link.path else path
    if not link.fragment or target not in pages:
        return target.exists()
    return unquote(link.fragment) in pages[target].anchors


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Page]) -> None:
    """No font, no script, no picture: it is read where there is no network too."""
    loaded = {address for page in pages.values() for address in page.loaded}
    assert {address for address in loaded if urlsplit(address).netloc} == set()


def test_the_reference_has_every_name_and_command(pages: dict[Path, Page]) -> None:
    """By its docstring, and by its own help."""
    reference = SITE / "docs" / "reference"
    anchors = pages[reference / "python.html"].anchors
    assert {
        name for name in prefect_openai_batch.__all__ if f"prefect_openai_batch.{name}" not in anchors
    } == set()
    commands = (reference / "commands.html").read_text()
    assert {name for name in COMMANDS if f"Usage: prefect-openai-batch {name} " not in commands} == set()
