"""The report of a job: made of its folder, true to its rows, and safe to look at."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefect_openai_batch.batch.outcomes.outcome import Outcome, OutcomeKind
from prefect_openai_batch.batch.reports.blocks import Figure, Figures, Heading, ReportBlock, Shares
from prefect_openai_batch.batch.reports.charts import svg_of
from prefect_openai_batch.batch.reports.found.findings import MOST_UNANSWERED, find
from prefect_openai_batch.batch.reports.grids import Grid
from prefect_openai_batch.batch.reports.html import as_document
from prefect_openai_batch.batch.reports.markdown import as_markdown
from prefect_openai_batch.batch.reports.report_page import MARKDOWN_BYTES, ReportPage, report_page
from prefect_openai_batch.batch.requests.chat_request import ChatRequest
from prefect_openai_batch.batch.requests.embedding_request import EmbeddingRequest
from prefect_openai_batch.batch.requests.request import Request

from .jobs import ANSWERED, REFUSED, REQUEST, done_job

MakePage = Callable[..., ReportPage]


@pytest.fixture
def page_of(tmp_path: Path) -> MakePage:
    """The report of a job whose rows have these outcomes in turns."""

    def make(
        outcomes: list[Outcome], rows: int, request: Request = REQUEST, *, at_openai: bool = True
    ) -> ReportPage:
        return report_page(*done_job(tmp_path, outcomes, rows, request), at_openai=at_openai)

    return make


class Page(HTMLParser):
    """What a browser would fetch or run of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "srcset", "data", "action")]
        assert not any(name.startswith("on") for name, _ in attrs)


def test_a_page_needs_nothing_else_and_runs_nothing(page_of: MakePage) -> None:
    """Rows and answers are somebody's text: none of it becomes a tag, a link or an image."""
    page = Page(page_of([ANSWERED, REFUSED], 12).as_html())
    assert {"h1", "table", "img"} <= set(page.tags)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.addresses)


@pytest.mark.parametrize("at_openai", [True, False], ids=["openai", "another server"])
def test_batches_link_to_openai_only_where_it_has_them(page_of: MakePage, at_openai: bool) -> None:
    """Another server's batches have no page there."""
    page = page_of([ANSWERED], 2, at_openai=at_openai)
    link = "https://platform.openai.com/batches/batch_00000-0"
    assert (link in page.as_html(), f"]({link})" in page.as_markdown()) == (at_openai, at_openai)


TEXTS = st.none() | st.text(max_size=9)
OUTCOME = st.tuples(st.sampled_from(OutcomeKind), TEXTS, st.sampled_from([None, "stop", "length"]), TEXTS)
OUTCOMES = st.lists(OUTCOME.map(lambda fields: Outcome(*fields)), min_size=1, max_size=30)


def test_findings_count_each_row_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Answers and rows without one sum to the rows, and agree with the job's own report, whatever came back."""

    @settings(max_examples=25)
    @given(OUTCOMES)
    def holds(outcomes: list[Outcome]) -> None:
        job, report = done_job(tmp_path_factory.mktemp("job"), outcomes, len(outcomes))
        found = find(job)
        assert found.rows == report.rows == report.answered + sum(report.reasons.values())
        assert found.without_answer == len(found.unanswered) == report.rows - report.answered
        assert [one.lengths and one.lengths.count for one in found.answers] == [report.answered]
        assert report_page(job, report).as_markdown()

    holds()


def test_typed_answers_are_spread_by_their_fields(page_of: MakePage) -> None:
    """Choices with their counts, those that nobody gave too; numbers and lengths of texts."""
    answer = {"mood": "happy | angry", "score": "integer", "sure": "number", "liked": "yes or no", "why": "text"}
    fields = {"mood": "happy", "score": 4, "sure": 0.5, "liked": True, "why": "as it is"}
    told = ANSWERED._replace(answer="{}", fields=fields)
    page = page_of([told], 6, ChatRequest(model="m", prompt="{{ text }}", answer=answer))
    mood, score, sure, liked, why = page.findings.answers
    assert (mood.words, liked.words) == ({"happy": 6, "angry": 0}, {"true": 6, "false": 0})
    assert [one.count for one in (score.numbers, sure.numbers, why.lengths) if one is not None] == [6, 6, 6]


def test_choices_are_charted_in_their_order(page_of: MakePage) -> None:
    """Of stars the first is 1, however few they are."""
    told = [ANSWERED._replace(answer="{}", fields={"stars": stars}) for stars in ("3", "3", "1")]
    page = page_of(told, 3, ChatRequest(model="m", prompt="{{ text }}", answer={"stars": "1 | 2 | 3"}))
    (chart,) = (block for block in page.blocks if isinstance(block, Shares))
    assert (chart.words, chart.counts) == (("1", "2", "3"), (1, 0, 2))


def test_vectors_have_a_report_too(page_of: MakePage) -> None:
    """Without their numbers, of which nobody reads a thousand."""
    request = EmbeddingRequest(model="text-embedding-3-small", input="{{ text }}")
    page = page_of([ANSWERED._replace(answer=np.array([0.5, 0.25], dtype=np.float32))], 4, request)
    assert page.findings.without_answer == 0
    assert "2 numbers" in page.as_html()


def test_a_job_of_no_rows_has_a_report(page_of: MakePage) -> None:
    """It says so."""
    assert "0 of 0 rows" in page_of([ANSWERED], 0).as_html()


def test_many_rows_without_an_answer_are_listed_in_part(page_of: MakePage) -> None:
    """At most so many as Prefect shows at once; the last line tells of the others."""
    page = page_of([REFUSED], MOST_UNANSWERED + 7)
    rows = page.unanswered_rows()
    assert len(rows) == MOST_UNANSWERED
    assert rows[0]["why"] == "refused"
    assert str(rows[-1]["why"]).startswith("… and 8 more")


LONG = st.text(min_size=200, max_size=300)


@settings(max_examples=25)
@given(st.lists(LONG, min_size=1, max_size=20))
def test_the_artifact_is_bounded(texts: list[str]) -> None:
    """Whatever the rows hold: charts go first, then what stands last."""
    chart = Shares("words", "", tuple(text[:60] for text in texts[:12]), tuple(range(1, 1 + len(texts[:12]))))
    blocks: list[ReportBlock] = [
        Heading("First"),
        chart,
        *[Grid((text, text), ((text, text),) * 20) for text in texts],
    ]
    said = as_markdown(blocks, limit=MARKDOWN_BYTES)
    assert len(said.encode()) <= MARKDOWN_BYTES
    assert said.startswith("## First")


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_text_stays_a_text(text: str, other: str) -> None:
    """In HTML and in a chart: a parser reads it back as it was, within no other tag."""
    from xml.etree import ElementTree

    blocks: list[ReportBlock] = [
        Figures((Figure("name", text, other),)),
        Grid((text,), ((other,),)),
        Heading(text),
    ]
    assert "script" not in Page(as_document(text, other, blocks)).tags
    tree = ElementTree.fromstring(svg_of(Shares(text, "", (f"1.234 {text}",), (1,))))
    assert not tree.findall(".//{*}script")
    assert any(node.text and node.text.startswith("1.234") for node in tree.iter())
