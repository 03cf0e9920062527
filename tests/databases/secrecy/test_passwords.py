"""A database's password is left nowhere by jobs that fail in each way, whoever names the database."""

import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.logging.handlers import APILogWorker
from prefect.settings import get_current_settings
from prefect_openai_batch import ChatRequest, OpenAIBatchError, RunOptions, openai_batch
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.tasks.remote.tries import brief_pauses
from prefect_sqlalchemy import SqlAlchemyConnector
from sqlalchemy import URL, create_engine

from ...flows.secrecy.left_behind import in_database, in_folder, spellings
from .failures import DIES, SECRETS, asking_for_a_password, failures, make_tables

REVIEW = ChatRequest(model="gpt-5-mini", prompt="Positive or negative? {{ review }}")
QUICK = RunOptions(poll_seconds=0.1, settle_seconds=0.1, max_rounds=1)

KILLING = f"""
CREATE FUNCTION killing() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
  IF current_query() ILIKE '%%answers%%' THEN PERFORM {DIES}; END IF; END $$;
CREATE EVENT TRIGGER killing ON ddl_command_end EXECUTE FUNCTION killing()
"""


@pytest.fixture
def locked(postgres_url: str) -> Iterator[URL]:
    """A database of the test's own, whose server asks for the password, with tables in it."""
    with asking_for_a_password(postgres_url) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            make_tables(connection)
        engine.dispose()
        yield url


@pytest.fixture
def armed(locked: URL, monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Once it is set, the connection that loads results is ended; the one that looks first is not."""
    event = Event()

    def answer(_: dict[str, Any]) -> str:
        if event.is_set():
            run_sql(locked, KILLING)
        return "Positive."

    with BatchServer(answer=answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        yield event


@pytest.mark.server
@pytest.mark.parametrize("named_by", ["variable", "block"])
def test_no_password_is_left(
    named_by: str,
    locked: URL,
    prefect_server: str,
    prefect_environment: dict[str, str],
    armed: Event,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Not in the database, logs, states, artifacts, results, parameters, records, the console, nor in errors."""
    caplog.set_level(logging.DEBUG)
    (tmp_path / "rows.csv").write_text("id,review\n1,I like it.\n")
    (tmp_path / "jobs").mkdir()
    name, said = f"lake-{named_by}", []
    made = failures(locked, name)
    if named_by == "block":  # what holds the URL is seen where it is opened with
        made = {what: failure for what, failure in made.items() if "password" in what or "killed" in what}
    for what, (url, parameters) in made.items():
        named = url.render_as_string(hide_password=False)
        if named_by == "variable":
            monkeypatch.setenv(name, named)
        else:
            SqlAlchemyConnector(connection_info=named).save(name, overwrite=True)
        armed.set() if what == "killed while it writes" else armed.clear()
        with brief_pauses(), pytest.raises(OpenAIBatchError) as failed:
            fail(f"{named_by} {what}", tmp_path, **parameters)
        said.append((f"the error of {what}", f"{failed.value!r} {failed.value.__cause__!r}"))
    assert "are there, but they cannot be brought into" in said[-1][1], "it was paid, and killed afterwards"
    APILogWorker.drain_all(timeout=10)
    assert dict(ends(named_by)) == dict.fromkeys(made, "FAILED")
    left = [
        *said,
        ("the log", caplog.text),
        ("the console", "".join(capfd.readouterr())),
        *in_database(Path(prefect_environment["PREFECT_HOME"]) / "prefect.db"),
        *in_folder(tmp_path / "jobs"),
        *in_folder(get_current_settings().results.local_storage_path),
    ]
    assert any(place == "table log" and "lake-" in text for place, text in left), "what is searched is there"
    unseen = {spelling for secret in SECRETS for spelling in spellings(secret)}
    assert {(place, spelling) for place, text in left for spelling in unseen if spelling in text} == set()


def fail(name: str, folder: Path, **changed: Any) -> None:
    """Run a job that fails."""
    key = name.replace(" ", "-")
    wanted: dict[str, Any] = {
        "source": str(folder / "rows.csv"),
        "request": REVIEW,
        "destination": str(folder / f"{key}.parquet"),
        **changed,
    }
    openai_batch.with_options(flow_run_name=f"locked {name}")(
        job_key=key, storage=str(folder / "jobs"), options=QUICK, **wanted
    )


def run_sql(url: URL, statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(statements)
    engine.dispose()


def ends(named_by: str) -> Iterator[tuple[str, str]]:
    """How each run has ended, as the server knows it."""
    with get_client(sync_client=True) as client:
        named = FlowRunFilter(name=FlowRunFilterName(like_=f"locked {named_by} "))
        for run in client.read_flow_runs(flow_run_filter=named):
            assert run.state is not None
            yield run.name.removeprefix(f"locked {named_by} "), run.state.type.value
