"""A trial's report on terminals and in Markdown."""

import re

from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.trials.markdown import as_markdown
from prefect_openai_batch.batch.trials.report_blocks import Grid, brief, share
from prefect_openai_batch.batch.trials.terminal import as_text
from rich.cells import cell_len

TEXTS = st.text(max_size=80)
CELLS = st.tuples(st.just("1,234"), TEXTS, TEXTS, TEXTS)
GRIDS = st.builds(
    lambda rows: Grid(("row", "asked", "mood", "why"), tuple(rows), frozenset({0}), asked=1),
    st.lists(CELLS.map(lambda row: tuple(map(brief, row))), max_size=5),
)


@given(GRIDS, st.sampled_from([80, 110]))
def test_no_line_is_wider_than_the_terminal(grid: Grid, width: int) -> None:
    """Whatever the rows and the answers hold."""
    assert all(cell_len(line) <= width for line in as_text([grid, "A sentence. " * 20], width).splitlines())


@given(GRIDS)
def test_each_row_is_a_line_of_markdown_with_a_cell_a_column(grid: Grid) -> None:
    """And nothing in it is taken for Markdown, HTML or a formula."""
    lines = as_markdown([grid]).splitlines()
    assert len(lines) == 2 + len(grid.rows)
    bare = [re.sub(r"\\.", "", line) for line in lines]
    assert {line.count("|") for line in bare} == {5}
    assert not any(set("`*_<>$[]") & set(line) for line in bare)


@given(TEXTS)
def test_a_terminal_is_told_nothing_but_text(said: str) -> None:
    """An answer may hold what would move its cursor."""
    assert re.search(r"[\x00-\x1f\x7f-\x9f]", brief(f"\x1b[2J{said}\nmore")) is None


def test_a_share_of_nothing_is_none() -> None:
    """As where no row says what is expected."""
    assert (share(3, 4), share(0, 0)) == ("3 of 4 (75%)", "0 of 0")
