"""The page of symptoms quotes what is really said."""

import ast
import re
from collections.abc import Iterator

from ..conftest import ROOT

ROOMS = ("batch", "blocks", "cli", "deployments", "flows", "tasks")
QUOTED = re.compile(r"`([^`]+)`")


def literals() -> Iterator[str]:
    """Each text in our code, pieces that stand one after the other joined, with a bar where a value comes in."""
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "|" for part in node.values)


def test_each_symptom_is_said_by_the_code() -> None:
    """Word for word, but for the values in it, which the page leaves out."""
    ours = (ROOT / "docs" / "troubles.md").read_text().partition("## In Prefect")[0]
    seen = [line.split(" | ")[0] for line in ours.splitlines() if line.startswith("| ")]
    quoted = [words for cell in seen for words in QUOTED.findall(cell) if " " in words]
    pieces = [piece.strip(" '$") for words in quoted for piece in words.split("…")]
    said = "\n".join(literals())
    assert len(pieces) > 40
    assert [piece for piece in pieces if piece not in said] == []
