"""A database's URL where its name, or a file, belongs: refused, and its password kept nowhere by Prefect."""

from pathlib import Path
from typing import Any

import pytest
from prefect import Flow
from prefect_openai_batch import (
    ChatRequest,
    Refused,
    collect_job,
    openai_batch,
    openai_batch_trial,
    resume_job,
)
from prefect_openai_batch.batch.tables.destinations import check_destination
from prefect_openai_batch.flows.own_parameters import without_password

URL = "postgresql+psycopg://me:unmistakable@db.example/lake"

ASKED = ChatRequest(model="gpt-5-mini", prompt="{{ review }}")

INTO: dict[str, Any] = {"database": URL, "table": "answers"}

FROM: dict[str, Any] = {"database": URL, "table": "reviews"}

CALLS: dict[str, tuple[Any, dict[str, Any]]] = {
    "a source's name": (openai_batch, {"source": FROM, "request": ASKED}),
    "a source": (openai_batch, {"source": URL, "request": ASKED}),
    "a destination": (openai_batch, {"source": "a.csv", "request": ASKED, "destination": URL}),
    "a destination's name": (openai_batch, {"source": "a.csv", "request": ASKED, "destination": INTO}),
    "a store": (openai_batch, {"source": "a.csv", "request": ASKED, "options": {"answers": URL}}),
    "a trial's store": (openai_batch_trial, {"source": "a.csv", "request": ASKED, "answers": URL}),
    "resume": (resume_job, {"job_key": "job", "destination": INTO}),
    "resume's store": (resume_job, {"job_key": "job", "options": {"answers": URL}}),
    "collect": (collect_job, {"job_key": "job", "destination": INTO}),
}


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("name", CALLS)
def test_it_is_refused_and_quoted_nowhere(
    name: str,
    tmp_path: Path,
    prefect_environment: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    begin, parameters = CALLS[name]
    storage = {} if begin is openai_batch_trial else {"storage": str(tmp_path / "jobs")}
    with pytest.raises(Exception) as refused:  # noqa: PT011  # Prefect's own where a parameter does not fit
        begin(**parameters, **storage)
    said = capfd.readouterr()
    for text in (str(refused.value), caplog.text, said.out, said.err):
        assert "unmistakable" not in text
    for file in Path(prefect_environment["PREFECT_HOME"]).glob("prefect.db*"):
        assert b"unmistakable" not in file.read_bytes()


@pytest.mark.parametrize(
    "flow", [openai_batch, openai_batch_trial, resume_job, collect_job], ids=lambda one: one.name
)
def test_every_flow_that_takes_a_database_keeps_its_parameters_so(flow: Flow[..., Any]) -> None:
    assert type(flow).__name__ == "_OurFlow"


def test_other_urls_stay_as_they_are() -> None:
    """A file's URL opens its place, and a request is its author's."""
    kept = {"path": "https://me:pw@lake.example/a.csv", "limit": 3}
    assert without_password("source", kept) == kept
    assert without_password("request", {"database": URL}) == {"database": URL}
    assert without_password("options", {"answers": "postgresql://db.example/store"}) == {
        "answers": "postgresql://db.example/store"
    }


def test_a_database_in_place_of_a_file_is_told_the_way_out() -> None:
    with pytest.raises(Refused, match="--to-sql NAME"):
        check_destination(URL)
