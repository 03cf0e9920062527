"""A trial's report on terminals and in Markdown."""

import re
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.money.estimates import estimate_of
from prefect_openai_batch.batch.reports.grids import Grid, brief
from prefect_openai_batch.batch.reports.markdown import as_markdown
from prefect_openai_batch.batch.trials.scores import Score
from prefect_openai_batch.batch.trials.shown.answer_blocks import shared_header, shared_text
from prefect_openai_batch.batch.trials.shown.report_blocks import counts, left_out, price_blocks, share
from prefect_openai_batch.batch.trials.shown.terminal import WORD, as_text, narrowed
from prefect_openai_batch.batch.trials.trial_report import ModelTrial, TrialReport
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


WORDS = st.text("abcdefghij", min_size=1, max_size=WORD)
NARROW = st.builds(
    lambda names, rows: Grid(("row", "asked", *names), tuple(("1", "a text", *row) for row in rows), asked=1),
    st.tuples(WORDS, WORDS, WORDS),
    st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=4),
)


@given(NARROW, st.sampled_from([50, 80]))
def test_no_word_is_broken_on_a_narrow_terminal(grid: Grid, width: int) -> None:
    """A block a model stands there instead, each behind its rows."""
    said = as_text([grid], width)
    words = [*grid.headers[2:], *(word for row in grid.rows for word in row[2:])]
    assert all(cell_len(line) <= width for line in said.splitlines())
    assert {*words} <= {*said.split()}


def test_there_is_one_block_where_there_is_room() -> None:
    """And three of three models where there is not, each with the rows' own columns."""
    grid = Grid(("row", "asked", *["gpt-5-mini-2025-08-07"] * 3), (("1", "Fine.", "a", "b", "c"),), asked=1)
    assert [one.headers for one in narrowed(grid, 110)] == [grid.headers]
    assert [one.rows for one in narrowed(grid, 50)] == [((("1", "Fine.", said)),) for said in "abc"]


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


def test_rows_that_are_left_out_are_told_with_those_that_got_a_value() -> None:
    """In the singular where there is one."""
    one = Score(field="ok", column="ok", compared=3, right=3, left_out=1, filled=0, wrong=())
    assert left_out(one) == "; 1 row has no ok"
    assert left_out(one.model_copy(update={"left_out": 3, "filled": 2})) == (
        "; 3 rows have no ok, of which 2 got a value"
    )


def test_values_that_share_a_column_keep_their_places() -> None:
    """A null is a dash, an empty text is not, and the header names them."""
    assert shared_text([None, "", 3]) == '— · "" · 3'
    assert shared_header("gpt-5", ["mood", "why"], alone=False) == "gpt-5: mood · why"
    assert shared_header("gpt-5", ["mood", "why"], alone=True) == "mood · why"
    assert shared_header("gpt-5", ["answer"], alone=False) == "gpt-5"


TOLD = ModelTrial(
    model="gpt-5",
    asked=3,
    answered=1,
    invalid=1,
    refused=0,
    failed=0,
    cut_off=0,
    filtered=1,
    input_tokens=None,
    output_tokens=None,
    trial_usd=None,
    whole=estimate_of("gpt-5", 1_000, 100_000, 150_000, "trial"),
    margin_usd=Decimal("0.1234"),
    again_usd=Decimal("0.54"),
    untried_models=(),
    scores=(),
)
REPORT = TrialReport(rows=1_000, batches=1, bytes=10, sampled=3, first=True, seed=0, models=(TOLD,), agreements=())


def test_the_price_stands_with_its_margin_and_what_may_come_on_top() -> None:
    """Invalid answers are asked again."""
    _, grid, notes = price_blocks(REPORT)
    assert isinstance(grid, Grid)
    assert ("in batches", "$0.81 ± 0.12") in grid.rows
    assert "33% of the answers were invalid" in str(notes)
    assert "for up to $0.54 more" in str(notes)


def test_filtered_answers_have_a_line_where_there_are_any() -> None:
    """Others need not read of them."""
    none = REPORT.model_copy(update={"models": (TOLD.model_copy(update={"filtered": 0}),)})
    assert ("filtered", "1 of 3 (33%)") in counts(REPORT).rows
    assert "filtered" not in [row[0] for row in counts(none).rows]
