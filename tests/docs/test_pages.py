"""Each page holds from top to bottom: its Python and its command lines run as they stand there."""

import inspect
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fsspec import AbstractFileSystem

from ..conftest import ROOT
from . import shell
from .pages import PAGES, Block, blocks

LANGUAGES = {"python", "sh", "console", "csv", "yaml", "text", "json", "sql"}

SAID_HERE = {"08:00 Europe/Berlin": "2100-01-01T08:00Z"}
"""What a page says, and what is said in its place: at some hours there is no time left for a batch."""

AFTERWARDS = {
    "README.md": """
        assert labelled["sentiment"].notna().all()
        pd.testing.assert_frame_equal(labelled[reviews.columns], reviews)
        nightly()
    """,
    "docs/start.md": 'assert pd.read_csv("labelled.csv")["sentiment"].notna().tolist() == [True] * 3',
    "docs/trial.md": 'assert trial.answers["sentiment"].notna().sum() == 40',
    "docs/requests.md": "assert {len(vector) for vector in vectors} == {1536}",
    "docs/pipelines.md": """
        assert answers["outcome"].tolist() == ["succeeded"]
        assert report.complete
    """,
    "docs/databases-out.md": 'assert report.complete and report.destination == "WAREHOUSE: table labels"',
    "docs/deadline.md": """
        import pandas as pd
        assert pd.read_csv("by_eight.csv")["answer"].notna().all()
    """,
}
"""What holds once a page is read, where it is more than that nothing fails."""


@pytest.mark.server
@pytest.mark.parametrize("page", [page for page in PAGES if any(True for _ in blocks(page))])
def test_a_page_runs(page: str, workplace: Path, request: pytest.FixtureRequest) -> None:
    """From its first block to its last, each after the other, as its reader goes through it."""
    if any("s3://lake/articles" in block.text for block in blocks(page)):
        fill_lake(request.getfixturevalue("bucket"))
    namespace: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page):
        run(block, namespace, request)
    exec(inspect.cleandoc("\n" + AFTERWARDS.get(page, "")), namespace)


def fill_lake(store: AbstractFileSystem) -> None:
    """The table that pages ask about in an object store."""
    with store.open("lake/articles.parquet", "wb") as file:
        pd.DataFrame({"title": ["One", "Two"], "body": ["First.", "Second."]}).to_parquet(file)


def run(block: Block, namespace: dict[str, Any], request: pytest.FixtureRequest) -> None:
    """A file is written, Python executed, each command line run; what is not run is parsed all the same."""
    text = said_here(block.text)
    if block.title:
        Path(block.title).write_text(text)
    if block.language == "python":
        code = compile(text, block.place, "exec")
        if not block.why_not:
            execute(code, namespace, request)
    elif block.language in ("sh", "console"):
        for words in block.commands():
            (shell.check if block.why_not else shell.run)([said_here(word) for word in words])


def said_here(text: str) -> str:
    """A page's text, as it can be said at any hour."""
    for shown, said in SAID_HERE.items():
        text = text.replace(shown, said)
    return text


def execute(code: Any, namespace: dict[str, Any], request: pytest.FixtureRequest) -> None:
    """Run it, and the tests that it defines, with their fixtures."""
    before = {*namespace}
    exec(code, namespace)
    for name in {*namespace} - before:
        if name.startswith("test_"):
            test = namespace[name]
            test(**{wanted: request.getfixturevalue(wanted) for wanted in inspect.signature(test).parameters})


@pytest.mark.parametrize("page", PAGES)
def test_no_code_hides(page: str) -> None:
    """Each block says what it is, so that none is left out by mistake; so does each that is not run."""
    found = [*blocks(page)]
    assert {block.place for block in found if block.language not in LANGUAGES} == set()
    assert sum(block.why_not is not None for block in found) == (ROOT / page).read_text().count("<!-- not run")
