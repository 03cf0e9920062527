"""From a fresh server to the report, in a real browser (`make external`: Chromium); `make pictures` keeps it."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fsspec import AbstractFileSystem
from playwright.sync_api import Page
from prefect_openai_batch import OpenAICredentials
from prefect_openai_batch.blocks.references import reference_to
from prefect_openai_batch.cli.demo import answer_review
from prefect_openai_batch.emulator import BatchServer, LineFault, Timing

from ...conftest import BIN, ROOT, free_port, running, serving_prefect, wait_until
from ..conftest import Patient
from ..support import deployment, wait_for_state
from .custom_run_form import Field, Form, open_browser
from .pictures import open_artifact, open_run, photograph, reads

TABLE, RESULT = "s3://lake/reviews.csv", "s3://lake/labelled.csv"

QUESTION = "How is this review of a {{ product }} meant? {{ review }}"

NAME = "reviews.csv · gpt-5-mini · 240 rows"

FAULTS = (
    LineFault(kind="error", status=400, code="context_length_exceeded", pattern="Dutch oven"),
    LineFault(kind="refusal", pattern="wool socks"),
)


@dataclass(frozen=True)
class Stage:
    """A server with our deployments, and a worker."""

    api: httpx.Client
    ui: str
    form: str
    log: Path

    def start(self, name: str, **parameters: Any) -> str:
        """Start a run of a deployment as its form does."""
        wanted = {"parameters": parameters, "state": {"type": "SCHEDULED"}, "enforce_parameter_schema": True}
        answer = self.api.post(f"/deployments/{deployment(self.api, name)['id']}/create_flow_run", json=wanted)
        return str(answer.raise_for_status().json()["id"])

    def started(self) -> str:
        """The run that the form has started."""
        wanted = {"flows": {"name": {"any_": ["openai-batch-form"]}}}
        (run,) = self.api.post("/flow_runs/filter", json=wanted).raise_for_status().json()
        return str(run["id"])

    def logged(self, run_id: str) -> str:
        """What a run has logged."""
        wanted = {"logs": {"flow_run_id": {"any_": [run_id]}}, "limit": 200}
        lines = self.api.post("/logs/filter", json=wanted).raise_for_status().json()
        return "\n".join(line["message"] for line in lines)


@pytest.fixture
def stage(prefect_environment: dict[str, str], bucket: AbstractFileSystem, tmp_path: Path) -> Iterator[Stage]:
    """A server that nobody has used, what one command puts there, and a worker; the table lies in a bucket."""
    bucket.pipe("lake/reviews.csv", (ROOT / "examples" / "reviews.csv").read_bytes())
    stores = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    url, log = f"http://127.0.0.1:{free_port()}/api", tmp_path / "worker.log"
    quick = {"PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_WORKER_PREFETCH_SECONDS": "1"}
    own = {"PREFECT_HOME": str(tmp_path / "home"), "PREFECT_API_URL": url}
    environment = {**prefect_environment, **stores, **quick, **own}
    worker = [str(BIN / "prefect"), "worker", "start", "--pool", "openai-batch", "--name", "worker-1"]
    with (
        serving_prefect(environment, tmp_path / "server.log"),
        httpx.Client(base_url=url, timeout=None, transport=Patient()) as api,
    ):
        form = deploy(environment)
        with running(worker, environment, log):
            yield Stage(api, form.partition("/deployments/")[0], form, log)


def deploy(environment: dict[str, str]) -> str:
    """Deploy by the one command; the address of the form that it prints."""
    command = [str(BIN / "prefect-openai-batch"), "deploy", "--storage", "s3://lake/jobs"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(word for word in done.stdout.split() if word.endswith("/run"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """The folder for the pictures: `make pictures` names the documentation's."""
    return Path(os.environ.get("OPENAI_BATCH_PICTURES", tmp_path))


@pytest.fixture
def slow_server(tmp_path: Path) -> Iterator[BatchServer]:
    """It takes as long as OpenAI, by a clock that the test moves."""
    with BatchServer(data=tmp_path / "slow", answer=answer_review, speed=0, timing=Timing.real()) as server:
        yield server


@pytest.fixture
def faulty_server(tmp_path: Path) -> Iterator[BatchServer]:
    """It cannot answer some of the rows."""
    with BatchServer(data=tmp_path / "faulty", answer=answer_review) as server:
        server.fail(*FAULTS)
        yield server


@pytest.mark.external
@pytest.mark.server
def test_a_person_goes_from_the_form_to_the_report(
    stage: Stage, slow_server: BatchServer, faulty_server: BatchServer, pictures: Path
) -> None:
    """Every page on the way says what is going on, and what to do where rows or the run have failed."""
    account = OpenAICredentials(api_key="test", base_url=faulty_server.base_url)
    account.save("other-team")
    other = reference_to(account)
    with open_browser() as page:
        page.goto(stage.form, wait_until="networkidle")
        leave_empty(page)
        add_account(page, slow_server, pictures)
        page.reload(wait_until="networkidle")
        fill_in(Form(page.locator("body"), page), pictures)
        run_id = stage.started()
        watch(page, stage, run_id, slow_server, pictures)
        see_partial(page, stage, pictures)
        see_failed(page, stage, other, pictures)
        slow_server.advance(300)
        wait_for_state(stage.api, run_id, "Completed", worker=stage.log)
        see_completed(page, stage, run_id, pictures)


def leave_empty(page: Page) -> None:
    """What has to be filled in says so at its field."""
    form = Form(page.locator("body"), page)
    form.field("What to ask about each row").write("")
    form.click("Submit")
    for title in ("Account", "Table", "What to ask about each row"):
        form.field(title).says("is a required property")


def add_account(page: Page, server: BatchServer, pictures: Path) -> None:
    """An account is made where it is asked for; its key is not read by who looks over the shoulder."""
    Form(page.locator("body"), page).field("Account").click("Add")
    dialog = Field(page.locator("[role=dialog]"))
    dialog.shown.locator("input[name=blockName]").fill("reviews-team")
    dialog.field("API key").shown.locator("input[type=password]").fill("sk-of-the-journey")
    dialog.shown.screenshot(path=pictures / "account.png")
    dialog.field("Base URL").write(server.base_url)
    dialog.insist("Create", lambda patience: dialog.shown.wait_for(state="hidden", timeout=patience))
    Field(page.locator("body")).field("Account").says("reviews-team")


def fill_in(form: Form, pictures: Path) -> None:
    """A table, a question, and a column of three words."""
    form.field("Account").choose("reviews-team")
    form.field("Table").write(TABLE)
    form.field("What to ask about each row").write(QUESTION)
    form.field("Where the result goes").write(RESULT)
    columns = form.field("Columns of the answer")
    columns.click("Add item")
    columns.field("Column name").write("sentiment")
    columns.field("Kind of answer").choose("choice")
    columns.field("Choices").write("positive, negative, mixed")
    photograph(form.page, pictures / "form.png")
    form.submit()


def watch(page: Page, stage: Stage, run_id: str, server: BatchServer, pictures: Path) -> None:
    """The run bears its table's name, and its log and artifact say how far it is."""
    wait_until(lambda: "240 items sent" in stage.logged(run_id), stage.log.read_text)
    server.advance(61 + 130 / 2)
    wait_until(lambda: "120 of 240 items done" in stage.logged(run_id), stage.log.read_text, pause=1)
    open_run(page, stage.ui, run_id)
    reads(page, NAME, "Read 240 rows of reviews.csv", "Waiting: 120 of 240 items done (50 %)")
    photograph(page, pictures / "waiting.png", 1300)
    open_run(page, stage.ui, run_id, "Artifacts")
    reads(page, "openai-batch-reviews-csv-", "Items done: 120 of 240 (50 %)", "Expected end: about")
    photograph(page, pictures / "progress.png")


def see_partial(page: Page, stage: Stage, pictures: Path) -> None:
    """A run some of whose rows have no answer says which, why, and what helps."""
    run_id = stage.start(
        "on-demand",
        source=TABLE,
        request={"kind": "chat", "model": "gpt-5-mini", "prompt": QUESTION},
        credentials="other-team",
        options={"poll_seconds": 0.5},
    )
    wait_for_state(stage.api, run_id, "Partial", worker=stage.log)
    open_run(page, stage.ui, run_id, "Details")
    reads(
        page,
        "Partial",
        "of 240 rows answered. Missing: ",
        "context_length_exceeded",
        "What helps: Shorten the prompt",
    )
    photograph(page, pictures / "partial.png", 1130)
    open_artifact(page, stage.ui, run_id, "unanswered")
    reads(page, "Rows without an answer", "context_length_exceeded", "refused")
    photograph(page, pictures / "unanswered.png", 780)


def see_failed(page: Page, stage: Stage, account: dict[str, Any] | None, pictures: Path) -> None:
    """A run that is refused says which of the form's fields is to be corrected."""
    given = {"table": TABLE, "question": QUESTION, "model": "gpt-5-minni"}
    run_id = stage.start("form", account=account, **given)
    wait_for_state(stage.api, run_id, "Failed", worker=stage.log)
    open_run(page, stage.ui, run_id, "Details")
    reads(page, "Failed", "Model: ", "gpt-5-minni")
    assert "Traceback" not in stage.logged(run_id)
    photograph(page, pictures / "failed.png", 1130)


def see_completed(page: Page, stage: Stage, run_id: str, pictures: Path) -> None:
    """The run says what it wrote and what was paid; its report shows how the answers are spread."""
    wait_until(lambda: "Finished in state" in stage.logged(run_id))  # a run's page that has ended asks no more
    open_run(page, stage.ui, run_id)
    reads(page, NAME, f"Wrote {RESULT}: 240 rows, 240 with an answer", "Paid: $")
    open_artifact(page, stage.ui, run_id, "report")
    reads(page, "240 of 240 rows", "First rows", "Cost and tokens")
    photograph(page, pictures / "report.png", 1450)
