"""What a run takes from its surroundings, and what it gives them: its schedule, the team's storage, its folder."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fsspec import AbstractFileSystem
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from prefect.states import Scheduled
from prefect.variables import Variable
from prefect_openai_batch import AzureOpenAICredentials, ChatRequest, openai_batch, try_rows
from prefect_openai_batch.batch.errors import Refused
from prefect_openai_batch.blocks import entra_id
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.flows.defaults import with_schedule

from ..blocks.company import company, within
from .conftest import REVIEW, Run

pytestmark = pytest.mark.server


def run_scheduled(at: datetime, folder: Path) -> Any:
    """A run of the flow as a schedule makes it."""
    parameters = {
        "source": str(folder / "reviews-{scheduled:%Y%m%d}.csv"),
        "request": REVIEW,
        "destination": str(folder / "answers-{scheduled:%d.%m.%y}.csv"),
        "job_key": "nightly-{scheduled:%Y-%m-%d}",
        "storage": str(folder / "jobs"),
        "options": {"poll_seconds": 0.1},
    }
    with get_client(sync_client=True) as client:
        made = client.create_flow_run(openai_batch, state=Scheduled(scheduled_time=at))
    return run_flow(openai_batch, flow_run=made, parameters=parameters)


def test_each_day_is_a_job_of_its_own(batch_server: BatchServer, prefect_server: str, tmp_path: Path) -> None:
    """`{scheduled:…}` stands for the scheduled time in source, destination and key; a day again pays nothing."""
    days = [datetime(2026, 3, day, 2, tzinfo=UTC) for day in (1, 2)]
    for rows, day in enumerate(days, start=1):
        pd.DataFrame({"review": ["I like it."] * rows}).to_csv(tmp_path / f"reviews-{day:%Y%m%d}.csv", index=False)
    for day in (*days, days[0]):
        assert run_scheduled(day, tmp_path).job_key == f"nightly-{day:%Y-%m-%d}"
    assert [len(pd.read_csv(tmp_path / f"answers-0{day}.03.26.csv")) for day in (1, 2)] == [1, 2]
    assert batch_server.bill()["billed"] == 1 + 2


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("{scheduled}", "2026-07-01"),
        ("{scheduled:}", "2026-07-01"),
        ("{scheduled:%d.%m. %H:%M}", "01.07. 23:00"),
        ("{scheduled:%Y/%m/%d}", "2026/07/01"),
        ("{scheduled:%Y-%m-%d Europe/Berlin}", "2026-07-02"),
        ("{scheduled:%Y/%m/%d Europe/Berlin}/a-{scheduled:%d UTC}", "2026/07/02/a-01"),
        ("{scheduled:Europe/Berlin}", "2026-07-02"),
        ("{scheduled:%H:%M America/Argentina/Ushuaia}", "20:00"),
    ],
)
def test_a_zone_may_be_named_with_the_scheduled_time(text: str, meant: str) -> None:
    """What runs at one in the night in Berlin bears Berlin's date; UTC's where nothing is said."""
    assert with_schedule(text, datetime(2026, 7, 1, 23, tzinfo=UTC)) == meant


def test_a_zone_that_is_none_is_refused() -> None:
    """It would name another day's job."""
    with pytest.raises(Refused, match="there is no time zone 'Europe/Berlinn'"):
        with_schedule("{scheduled:%Y-%m-%d Europe/Berlinn}", datetime.now(UTC))


@pytest.fixture
def team_storage(prefect_server: str, tmp_path: Path) -> Iterator[Path]:
    """A storage that the team's Prefect variable names."""
    Variable.set("openai_batch_storage", str(tmp_path / "team"), overwrite=True)
    yield tmp_path / "team"
    Variable.unset("openai_batch_storage")


def test_the_storage_variable_names_where_jobs_live(
    batch_server: BatchServer, team_storage: Path, reviews: Path, run: Run
) -> None:
    """A run that is given no storage keeps its job there."""
    assert run(reviews, storage=None).complete
    assert (team_storage / "job" / "report.json").is_file()


def test_only_its_owner_can_read_a_job(batch_server: BatchServer, reviews: Path, tmp_path: Path, run: Run) -> None:
    """The folder on a local disk lets nobody else in."""
    run(reviews)
    assert (tmp_path / "jobs" / "job").stat().st_mode & 0o777 == 0o700


def test_a_job_may_live_in_an_object_store(
    batch_server: BatchServer, bucket: AbstractFileSystem, reviews: Path, run: Run
) -> None:
    """Source, folder and destination are objects; the same call again pays nothing."""
    bucket.put(str(reviews), "lake/reviews.csv")
    wanted = {"storage": "s3://lake/jobs", "destination": "s3://lake/answers.parquet"}
    report = run("s3://lake/reviews.csv", **wanted)
    assert run("s3://lake/reviews.csv", **wanted) == report
    with bucket.open("lake/answers.parquet") as file:
        assert pd.read_parquet(file)["answer"].notna().sum() == 30
    assert "lake/jobs/job/report.json" in bucket.find("lake/jobs")
    assert batch_server.bill()["billed"] == 30


def test_a_whole_job_goes_as_its_company_has_it(
    prefect_server: str, reviews: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through proxy and gateway to Azure, with a token that is renewed on the way; a trial goes there too."""
    asked = {"header": "X-Gateway: gateway-word", "query": "subscription-key=query-word"}
    settings: dict[str, Any] = {"key": "app-secret", "token_seconds": 1, "profile": "azure", **asked}
    with company(tmp_path, **settings) as made, within(made, monkeypatch):
        AzureOpenAICredentials(
            azure_endpoint="https://my-resource.openai.azure.com",
            api_version="2025-04-01-preview",
            entra_id={"sign_in": True, "tenant_id": "t", "client_id": "app", "client_secret": "app-secret"},
            header={"name": "X-Gateway", "value": "gateway-word"},
            query_parameter={"name": "subscription-key", "value": "query-word"},
        ).save("company", overwrite=True)
        request = ChatRequest(model="my-deployment", prompt="{{ review }}")
        assert run(reviews, request, credentials="company").complete
        assert try_rows(str(reviews), request, 2, credentials="company").report.complete
        bill, calls = made.server.bill(), made.server.requests()
    entra_id.remembered.cache_clear()
    assert (bill["billed"], bill["synchronous"]) == (32, 2)
    assert sum(one["path"].endswith("/oauth2/v2.0/token") for one in calls) > 1
    assert set(made.asked) == {"login.microsoftonline.com", "my-resource.openai.azure.com"}


def test_an_azure_resource_is_asked_by_its_block(
    prefect_server: str, reviews: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its deployment is the model; nothing of OpenAI's own is in the environment."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with BatchServer(profile="azure", key="secret") as server:
        AzureOpenAICredentials(api_key="secret", azure_endpoint=server.url, api_version="2025-04-01-preview").save(
            "azure-resource", overwrite=True
        )
        request = ChatRequest(model="my-deployment", prompt="{{ review }}")
        assert run(reviews, request, credentials="azure-resource").complete
        assert server.bill()["billed"] == 30
        assert {one["path"].split("/")[1] for one in server.requests()} == {"openai"}
