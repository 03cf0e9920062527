"""The file that names the deployments: what is taken, what is refused, and the work pools beside it."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import prefect.server.api.collections_data
import pytest
import yaml
from prefect_openai_batch.batch.errors import Refused
from prefect_openai_batch.deployments.deploying.deploy_options import (
    DeployOptions,
    check_schedule,
    check_storage,
    with_options,
)
from prefect_openai_batch.deployments.deploying.fields import file_fields, schedules_of, update_of
from prefect_openai_batch.deployments.deploying.prefect_file import (
    FileDeployment,
    read_prefect_file,
    shipped_file,
)
from prefect_openai_batch.deployments.deploying.server import load_wanted

ENTRYPOINT = "prefect_openai_batch.flows.job.openai_batch"
WORK_POOLS = shipped_file().with_name("work_pools")


def written(folder: Path, **said: Any) -> Path:
    """A file with one deployment, of which it says this."""
    deployment = {"name": "mine", "entrypoint": ENTRYPOINT, "work_pool": {"name": "pool"}, **said}
    file = folder / "prefect.yaml"
    file.write_text(yaml.safe_dump({"deployments": [deployment]}))
    return file


def read(folder: Path, **said: Any) -> FileDeployment:
    (deployment,) = read_prefect_file(written(folder, **said))
    return deployment


def test_the_shipped_file_is_read_whole() -> None:
    """Each of its deployments, with all that it says: a field that is left unread would be refused."""
    content = yaml.safe_load(shipped_file().read_text())
    deployments = read_prefect_file(shipped_file())
    assert [one.name for one in deployments] == [one["name"] for one in content["deployments"]]
    wake = next(one for one in deployments if one.name == "wake")
    assert file_fields(wake, {})["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert file_fields(wake, {})["schedules.wake.interval"] == 40


def test_it_holds_no_folder_of_whoever_deploys(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is deployed is the same from everywhere."""
    monkeypatch.setenv("PWD", "/somebodys/folder")
    assert "/somebodys/folder" not in str(read_prefect_file(shipped_file()))


def test_a_variable_of_the_environment_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What workers resolve stays for them, in job variables."""
    monkeypatch.setenv("LAKE", "s3://lake")
    secret = {"env": {"KEY": "{{ prefect.blocks.secret.key }}"}}
    pool = {"name": "pool", "job_variables": secret}
    deployment = read(tmp_path, parameters={"source": "{{ $LAKE }}/a.csv"}, work_pool=pool)
    assert deployment.parameters == {"source": "s3://lake/a.csv"}
    assert deployment.work_pool.job_variables == secret


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param({"entrypoint": "flows/mine.py:mine"}, "name the flow's module", id="a file as entrypoint"),
        pytest.param({"pull": [{"git_clone": {}}]}, "pull is for `prefect deploy`", id="a pull step"),
        pytest.param({"triggers": [{"type": "event"}]}, "triggers is for `prefect deploy`", id="a trigger"),
        pytest.param({"schedules": [{"cron": "0 2 * * *"}]}, "schedules.0.slug", id="a schedule without slug"),
        pytest.param(
            {"schedules": [{"slug": "x"}]}, "one of cron, interval and rrule", id="a schedule of no kind"
        ),
        pytest.param({"parameters": {"a": "{{ review }}"}}, "would be replaced by Prefect", id="a prompt"),
        pytest.param({"desciption": "x"}, "desciption", id="a misspelt field"),
    ],
)
def test_what_cannot_be_deployed_so_is_refused(tmp_path: Path, said: dict[str, Any], why: str) -> None:
    """With the file, the deployment, and what is wrong."""
    with pytest.raises(Refused, match=r"prefect.yaml, deployment mine: ") as refused:
        read(tmp_path, **said)
    assert why in str(refused.value)


def test_what_the_file_says_comes_to_prefect_whole(tmp_path: Path) -> None:
    """A number as limit is its short form; a schedule keeps its zone, slug and parameters."""
    at_two = {"cron": "0 2 * * *", "timezone": "Europe/Berlin", "slug": "night", "parameters": {"job_key": "n"}}
    fields = file_fields(read(tmp_path, concurrency_limit=2, tags=["b", "a"], schedules=[at_two]), {})
    schedule = schedules_of(fields)["night"]
    assert schedule.schedule.model_dump(include={"cron", "timezone"}) == {
        "cron": "0 2 * * *",
        "timezone": "Europe/Berlin",
    }
    assert (schedule.active, schedule.slug, schedule.parameters) == (True, "night", {"job_key": "n"})
    update = update_of(fields, fields, {})
    assert update["concurrency_limit"] == 2
    assert update["concurrency_options"] == {"collision_strategy": "ENQUEUE"}
    assert update["tags"] == ["a", "b"]


def test_a_deployment_that_moves_to_another_pool_keeps_its_queue() -> None:
    """Prefect would take the new pool's first: the looks of `wake` would wait behind the jobs that they wake."""
    update = update_of({"work_pool": "gpu"}, {"work_pool": "gpu", "work_queue": "wake"}, {})
    assert update == {"work_pool_name": "gpu", "work_queue_name": "wake"}


def test_the_schedule_of_an_option_is_nightlys_alone(tmp_path: Path) -> None:
    """It is on, at that time, under the slug that was there; other deployments stay as they are."""
    weekly = {"interval": 3600, "slug": "hourly", "active": False}
    nightly, mine = read(tmp_path, name="nightly", schedules=[weekly]), read(tmp_path, schedules=[weekly])
    options = DeployOptions(schedule="0 4 * * *", timezone="Europe/Berlin").after({})
    (schedule,) = with_options(nightly, options, "options").schedules
    assert (schedule.slug, schedule.cron, schedule.interval, schedule.active) == (
        "hourly",
        "0 4 * * *",
        None,
        True,
    )
    assert schedule.timezone == "Europe/Berlin"
    assert with_options(mine, options, "options") == mine


def test_with_webhooks_runs_wait_suspended(tmp_path: Path) -> None:
    """Those whose flow takes a run's wishes, beside the wishes that the file has."""
    deployment = read(tmp_path, parameters={"options": {"in_flight": 5}})
    options = DeployOptions(webhook="https://hooks.example").after({})
    asked = with_options(deployment, options, "options")
    assert asked.parameters == {"options": {"in_flight": 5, "wait": "suspend"}}
    assert with_options(read(tmp_path), options, "suspend").parameters == {"suspend": True}
    assert with_options(deployment, options, None) == deployment


@pytest.mark.parametrize(
    ("name", "waits_by"),
    [("form", "suspend"), ("on-demand", "options"), ("wake", None)],
    ids=["form", "on-demand", "wake"],
)
def test_each_flow_says_how_its_runs_wait(name: str, waits_by: str | None) -> None:
    """The form has a switch for it."""
    (deployment,) = (one for one in read_prefect_file(shipped_file()) if one.name == name)
    assert load_wanted(deployment).waits_by == waits_by


def test_an_option_counts_until_it_is_given_again() -> None:
    """An empty one takes it back."""
    last = {"pool": "ours", "storage": "s3://a"}
    assert DeployOptions().after(last) == last
    assert DeployOptions(pool="theirs", storage="").after(last) == {"pool": "theirs"}


@pytest.mark.parametrize(
    ("cron", "timezone"),
    [pytest.param("at two", None, id="no cron"), pytest.param("0 2 * * *", "Berlin", id="no time zone")],
)
def test_a_schedule_that_is_none_is_refused(cron: str, timezone: str | None) -> None:
    """Before anything is deployed."""
    with pytest.raises(Refused, match="cannot be used"):
        check_schedule(cron, timezone)


@pytest.mark.parametrize(
    ("storage", "why"),
    [
        pytest.param("jobs", "such as /data/jobs", id="relative"),
        pytest.param("http://lake.example/jobs", "cannot hold job folders", id="no claims"),
    ],
)
def test_a_storage_that_no_run_could_use_is_refused(storage: str, why: str) -> None:
    """Before every run on that server would be."""
    check_storage("/data/jobs")
    check_storage("s3://lake/jobs")
    with pytest.raises(Refused, match=why):
        check_storage(storage)


@pytest.mark.parametrize("type_", ["process", "docker", "kubernetes"])
def test_the_examples_of_work_pools_fit_the_file_and_prefects_schemas(tmp_path: Path, type_: str) -> None:
    """Each stands in place of the file's own, and its job variables are such as that type of work pool has."""
    (pool,) = yaml.safe_load((WORK_POOLS / f"{type_}.yaml").read_text()).values()
    content = yaml.safe_load(shipped_file().read_text())
    content["deployments"] = [{**one, "work_pool": pool} for one in content["deployments"]]
    (tmp_path / "prefect.yaml").write_text(yaml.safe_dump(content))
    for deployment in read_prefect_file(tmp_path / "prefect.yaml"):
        variables = deployment.work_pool.job_variables
        schema = variables_schema(type_)
        assert set(variables) <= set(schema["properties"])
        jsonschema.validate(variables, {**schema, "required": []})


def variables_schema(type_: str) -> dict[str, Any]:
    """What Prefect says of the job variables of a type of work pool."""
    (folder,) = prefect.server.api.collections_data.__path__
    views = json.loads(Path(folder, "views", "aggregate-worker-metadata.json").read_text())
    workers = {worker["type"]: worker for collection in views.values() for worker in collection.values()}
    schema: dict[str, Any] = workers[type_]["default_base_job_configuration"]["variables"]
    return schema
