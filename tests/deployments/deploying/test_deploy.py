"""One command deploys everything to an unused server, and takes nothing back that hands have changed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_openai_batch import OpenAICredentials
from prefect_openai_batch.blocks.loading import load_credentials
from prefect_openai_batch.blocks.references import name_at, reference_to
from prefect_openai_batch.cli.deploying.deploy_command import deploy_command
from prefect_openai_batch.deployments.automations import PREFIX
from prefect_openai_batch.emulator import BatchServer

from ...cli.support import Done, Shell
from ...conftest import BIN, ROOT, running, wait_until
from ..support import deployment

pytestmark = pytest.mark.server

STORAGE = "/variables/name/openai_batch_storage"
ENTRYPOINT = "prefect_openai_batch.flows.job.openai_batch"


@pytest.fixture(scope="module")
def names() -> list[str]:
    """The deployments that the shipped file names."""
    content = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())
    return [one["name"] for one in content["deployments"]]


@pytest.fixture
def deployed(fresh_shell: Shell) -> Done:
    """All of ours are there: the first time they are created."""
    done = fresh_shell.call("deploy")
    assert done.returncode == 0, done.stderr
    return done


class Mine:
    """A file of one's own with one deployment, and what becomes of that on the server."""

    def __init__(self, api: httpx.Client, shell: Shell, file: Path, name: str) -> None:
        """`name` is the deployment's and its work pool's."""
        self.api, self.shell, self.file, self.name = api, shell, file, name

    def deploy(self, *options: str, code: int = 0, **said: Any) -> str:
        """Deploy the file, saying so much of the deployment; what is printed."""
        one = {"name": self.name, "entrypoint": ENTRYPOINT, "work_pool": {"name": self.name}, **said}
        self.file.write_text(yaml.safe_dump({"deployments": [one]}))
        done = self.shell.call("deploy", "--file", str(self.file), *options)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def read(self) -> dict[str, Any]:
        return deployment(self.api, self.name)

    def patch(self, path: str = "", **changes: Any) -> None:
        """Change the deployment as the UI does."""
        self.api.patch(f"/deployments/{self.read()['id']}{path}", json=changes).raise_for_status()

    def schedule(self, slug: str | None) -> dict[str, Any]:
        found: dict[str, Any] = next(one for one in self.read()["schedules"] if one["slug"] == slug)
        return found


@pytest.fixture
def mine(
    fresh_api: httpx.Client, fresh_shell: Shell, deployed: Done, tmp_path: Path, request: pytest.FixtureRequest
) -> Mine:
    """One's own deployment, named as the test."""
    return Mine(fresh_api, fresh_shell, tmp_path / "prefect.yaml", request.function.__name__.replace("_", "-"))


def test_everything_is_there_and_a_second_time_changes_nothing(
    fresh_api: httpx.Client, fresh_shell: Shell, deployed: Done, names: list[str]
) -> None:
    """Not even when a deployment was last changed, on which its scheduled runs depend."""
    form = deployment(fresh_api, "form")["id"]
    assert f"/deployments/deployment/{form}/run" in deployed.stdout
    assert "prefect worker start --pool openai-batch" in deployed.stdout
    before = everything(fresh_api)
    assert {one["name"] for one in before["deployments"]} >= set(names)
    assert len([one for one in before["automations"] if one["name"].startswith(PREFIX)]) == 8
    again = fresh_shell.call("deploy")
    assert {line.split()[0] for line in rows(again.stdout)} == {"there"}
    assert everything(fresh_api) == before
    checked = fresh_shell.call("deploy", "--check")
    assert (checked.returncode, checked.stdout.splitlines()[-1]) == (0, "nothing to do")


def test_a_work_queue_that_is_named_comes_first_and_stays_where_hands_have_moved_it(mine: Mine) -> None:
    """So that the looks of `wake` do not wait behind the jobs that they have woken."""
    mine.deploy(work_pool={"name": mine.name, "work_queue_name": "looks"})
    queue = f"/work_pools/{mine.name}/queues/looks"
    assert mine.api.get(queue).json()["priority"] == 1
    assert mine.read()["work_queue_name"] == "looks"
    mine.api.patch(queue, json={"priority": 2}).raise_for_status()
    mine.deploy(work_pool={"name": mine.name, "work_queue_name": "looks"})
    assert mine.api.get(queue).json()["priority"] == 2


def test_what_hands_have_changed_stays(mine: Mine) -> None:
    """Parameters, a paused schedule, another one, a paused deployment, the pool's limit; and all else arrives."""
    night = {"slug": "night", "cron": "0 2 * * *"}
    given = {"source": "s3://a.csv", "request": "s3://a.yaml"}
    mine.deploy(parameters=given, schedules=[night], description="old")
    mine.patch(parameters={**given, "source": "s3://hand.csv"}, paused=True)
    mine.patch(f"/schedules/{mine.schedule('night')['id']}", active=False)
    theirs = {"schedule": {"interval": 3600}, "active": True}
    mine.api.post(f"/deployments/{mine.read()['id']}/schedules", json=[theirs]).raise_for_status()
    mine.api.patch(f"/work_pools/{mine.name}", json={"concurrency_limit": 3}).raise_for_status()
    new = {**given, "request": "s3://b.yaml"}
    said = mine.deploy(parameters=new, schedules=[{**night, "cron": "0 3 * * *"}], description="new")
    there = mine.read()
    assert there["parameters"] == {"source": "s3://hand.csv", "request": "s3://b.yaml"}
    assert (there["paused"], there["description"]) == (True, "new")
    assert (mine.schedule("night")["active"], mine.schedule("night")["schedule"]["cron"]) == (False, "0 3 * * *")
    assert mine.schedule(None)["schedule"]["interval"] == 3600
    assert mine.api.get(f"/work_pools/{mine.name}").json()["concurrency_limit"] == 3
    assert "kept: parameters.source, schedules.night.active" in said


def test_a_schedule_that_the_file_replaces_goes(mine: Mine) -> None:
    """Another slug is another schedule."""
    mine.deploy(schedules=[{"slug": "night", "cron": "0 2 * * *", "active": False}])
    mine.deploy(schedules=[{"slug": "hourly", "interval": 3600, "active": False}])
    assert [one["slug"] for one in mine.read()["schedules"]] == ["hourly"]


def test_an_automation_that_is_paused_stays_paused(
    fresh_api: httpx.Client, fresh_shell: Shell, deployed: Done
) -> None:
    """One that is deleted is there again, for they are found by name; and what `--lost-after` chose is heeded."""
    fresh_shell.call("automations", "install", "--lost-after", "600")
    assert fresh_shell.call("deploy", "--check").returncode == 0
    paused, deleted = everything(fresh_api)["automations"][:2]
    fresh_api.patch(f"/automations/{paused['id']}", json={"enabled": False}).raise_for_status()
    fresh_api.delete(f"/automations/{deleted['id']}").raise_for_status()
    assert fresh_shell.call("deploy", "--check").returncode == 1
    said = [" ".join(line.split()) for line in rows(fresh_shell.call("deploy").stdout) if "switched off" in line]
    assert said == [f"there automation {paused['name']} switched off"]
    there = {one["name"]: one["enabled"] for one in everything(fresh_api)["automations"]}
    assert (there[paused["name"]], there[deleted["name"]]) == (False, True)
    fresh_api.patch(f"/automations/{paused['id']}", json={"enabled": True}).raise_for_status()


def test_the_form_has_the_one_account_until_somebody_picks_another(
    fresh_api: httpx.Client, fresh_shell: Shell, deployed: Done
) -> None:
    """It is picked as soon as it is there; a second one is nobody's but a person's to pick, and then it stays."""

    def account() -> str:
        fresh_shell.call("deploy")
        assert "nothing to do" in fresh_shell.call("deploy", "--check").stdout
        return name_at(deployment(fresh_api, "form")["parameters"]["account"])

    OpenAICredentials(api_key="test").save("first", overwrite=True)
    assert account() == "openai-batch-credentials/first"
    OpenAICredentials(api_key="test").save("second", overwrite=True)
    assert account() == "openai-batch-credentials/first"
    picked = {"account": reference_to(load_credentials("second"))}
    form = f"/deployments/{deployment(fresh_api, 'form')['id']}"
    fresh_api.patch(form, json={"parameters": picked}).raise_for_status()
    assert account() == "openai-batch-credentials/second"
    for name in ("first", "second"):
        OpenAICredentials.delete(name)


def test_a_check_changes_nothing(mine: Mine) -> None:
    """It names what is missing and what differs, and its exit code says that there is something to do."""
    before = everything(mine.api)
    said = mine.deploy("--check", code=1)
    assert [line.split()[:3] for line in rows(said) if "missing" in line] == [
        ["missing", "work", "pool"],
        ["missing", "deployment", f"openai-batch/{mine.name}"],
    ]
    assert everything(mine.api) == before


def test_a_pool_and_a_storage_that_were_named_once_are_remembered(mine: Mine) -> None:
    """A pool that is there is used as it is; the storage is everybody's; hands may change both."""
    mine.api.post("/work_pools/", json={"name": "theirs", "type": "docker"}).raise_for_status()
    mine.deploy("--pool", "theirs", "--storage", "/data/jobs")
    mine.deploy(description="new")
    assert mine.read()["work_pool_name"] == "theirs"
    assert mine.api.get(STORAGE).json()["value"] == "/data/jobs"
    mine.api.patch(STORAGE, json={"value": "/data/other"}).raise_for_status()
    assert "kept" in mine.deploy("--pool", "theirs", "--storage", "/data/jobs")
    assert mine.api.get(STORAGE).json()["value"] == "/data/other"


@pytest.mark.parametrize("by_hand", ["", "/data/other"], ids=["as deployed", "by hand"])
def test_a_storage_is_taken_back(mine: Mine, by_hand: str) -> None:
    """By an empty one; what somebody has put in its place stays, and is told of as kept."""
    mine.deploy("--storage", "/data/jobs")
    mine.api.patch(STORAGE, json={"value": by_hand or "/data/jobs"}).raise_for_status()
    assert ("kept" if by_hand else "removed") in mine.deploy("--storage", "")
    assert mine.api.get(STORAGE).is_success == bool(by_hand)
    assert "openai_batch_storage" not in mine.deploy()
    mine.api.delete(STORAGE)


def test_no_schedule_is_switched_on_whose_runs_would_fail(fresh_shell: Shell, deployed: Done) -> None:
    """The shipped `nightly` names no table: what to do stands in the error, and nothing is changed."""
    refused = fresh_shell.call("deploy", "--schedule", "0 2 * * *")
    assert refused.returncode == 2
    assert "there is no source and no request" in refused.stderr


def test_a_scheduled_run_happens_by_itself_and_completes(
    mine: Mine, fresh_environment: dict[str, str], batch_server: BatchServer, tmp_path: Path
) -> None:
    """Prefect's scheduler makes it, a worker takes it, and its table is there; nobody has started it."""
    environment = {"OPENAI_BASE_URL": batch_server.base_url, "OPENAI_API_KEY": "test"}
    mine.deploy(
        "--limit",
        "1",
        work_pool={"name": mine.name, "job_variables": {"env": environment}},
        schedules=[{"slug": "often", "interval": 10}],
        parameters={
            "source": str(ROOT / "examples" / "reviews.csv"),
            "request": str(ROOT / "examples" / "label_reviews.yaml"),
            "destination": str(tmp_path / "labelled-{scheduled:%H%M%S}.parquet"),
            "job_key": "often-{scheduled:%H%M%S}",
            "storage": str(tmp_path / "jobs"),
            "options": {"poll_seconds": 0.5},
        },
    )
    wanted = {
        "deployments": {"id": {"any_": [mine.read()["id"]]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}},
    }
    ended: list[dict[str, Any]] = []

    def has_ended() -> bool:
        ended.extend(mine.api.post("/flow_runs/filter", json=wanted).raise_for_status().json())
        return bool(ended)

    log = tmp_path / "worker.log"
    soon = {**fresh_environment, "PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_WORKER_PREFETCH_SECONDS": "1"}
    with running([str(BIN / "prefect"), "worker", "start", "--pool", mine.name], soon, log):
        wait_until(has_ended, log.read_text, pause=0.5)
    assert (ended[0]["state_type"], ended[0]["auto_scheduled"]) == ("COMPLETED", True)
    assert len(pd.read_parquet(next(tmp_path.glob("labelled-*.parquet")))) == 240


def test_the_environment_of_runs_is_quoted_nowhere(mine: Mine) -> None:
    """A key may stand in it, also where Prefect's server does not take it and says why."""
    broken = {"name": mine.name, "job_variables": {"env": {"KEY": ["sk-never-to-be-seen"]}}}
    mine.api.post("/work_pools/", json=strict_pool(mine.name)).raise_for_status()
    said = mine.deploy(code=1, work_pool=broken)
    assert f"does not take the deployment openai-batch/{mine.name}" in said
    assert "never-to-be-seen" not in said


def test_the_documentation_names_every_option() -> None:
    """With what it does."""
    text = (ROOT / "docs" / "deploying.md").read_text()
    options = {option for one in deploy_command.params for option in one.opts}
    assert options <= set(re.findall(r"--[a-z-]+", text))


def test_without_a_server_it_says_what_to_type(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that lives as long as the command would keep nothing."""
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "CRITICAL")
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        done = Shell(capsys).call("deploy")
    assert done.returncode == 2
    assert "no Prefect server is named" in done.stderr
    assert "prefect config set PREFECT_API_URL=" in done.stderr


def rows(printed: str) -> Iterator[str]:
    """The lines of the table."""
    return iter(printed.partition("\n\n")[0].splitlines())


def everything(api: httpx.Client) -> dict[str, list[dict[str, Any]]]:
    """All that is deployed, but for what workers and the scheduler write themselves."""
    kinds = ("deployments", "automations", "work_pools", "block_types", "variables")
    found = {kind: api.post(f"/{kind}/filter", json={}).raise_for_status().json() for kind in kinds}
    return {kind: [{**one, "status": None, "last_polled": None} for one in all_] for kind, all_ in found.items()}


def strict_pool(name: str) -> dict[str, Any]:
    """A work pool whose runs' variables are texts."""
    env = {"type": "object", "additionalProperties": {"type": "string"}}
    template = {
        "variables": {"type": "object", "properties": {"env": env}},
        "job_configuration": {"env": "{{ env }}"},
    }
    return {"name": name, "type": "process", "base_job_template": template}
