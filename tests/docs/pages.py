"""The pages: README and what lies in `docs/`, and the blocks of code that they show, in their order."""

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt

from ..conftest import ROOT

PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]

_TITLE = re.compile(r'title="([^"]+)"')
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->")


@dataclass(frozen=True)
class Block:
    """A block of code on a page.

    Attributes:
        place: The page, and the line that it begins on.
        language: What stands behind its fence; empty where nothing does.
        title: The file that the reader is to save it as.
        text: What stands in it.
        why_not: Why the suite does not run it, as a comment before it says; None: it does.
    """

    place: str
    language: str
    title: str | None
    text: str
    why_not: str | None

    def commands(self) -> Iterator[list[str]]:
        """The words of each command line; of a console those behind its prompt."""
        for line in self.text.replace("\\\n", " ").splitlines():
            shown = line.removeprefix("$ ") if self.language == "sh" or line.startswith("$ ") else ""
            if words := shlex.split(os.path.expandvars(shown), comments=True):
                yield words


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page; one that is only indented has no language."""
    note = ""
    for token in MarkdownIt().parse((ROOT / page).read_text()):
        if token.type in ("fence", "code_block"):
            title, why_not = _TITLE.search(token.info), _NOT_RUN.search(note)
            yield Block(
                f"{page}:{token.map[0] + 1 if token.map else 0}",
                token.info.partition(" ")[0],
                title[1] if title else None,
                token.content,
                why_not[1] if why_not else None,
            )
        note = token.content if token.type == "html_block" else ""
