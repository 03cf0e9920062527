"""A creation that lasts longer than its claim settles."""

from collections.abc import Mapping
from pathlib import Path

from openai import OpenAI
from prefect_openai_batch import ChatRequest
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.files.items_by_hand import write_items
from prefect_openai_batch.batch.jobs.submissions import submitted, twins
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.emulator import BatchServer, RouteFault
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection

ITEMS = [ChatRequest(model="gpt-5-mini", prompt="Say it.").item("item")]


def test_of_two_batches_of_the_same_items_one_stays(server: BatchServer, tmp_path: Path) -> None:
    """Who looks meanwhile, and finds nothing in a list that lags, makes another: one is cancelled and noted."""
    file = write_items(ITEMS, Folder(str(tmp_path))).model_copy(update={"job_key": "job"})
    server.fail(RouteFault(kind="lag", route="GET */batches", seconds=60))
    with OpenAI(base_url=server.base_url, api_key="test") as client:

        class Slow(Connection):
            def create(self, file_id: str, endpoint: Endpoint, metadata: Mapping[str, str]) -> Batch:
                made = super().create(file_id, endpoint, metadata)
                find_or_create(Connection(client), file, 0.2)
                return made

        stays = find_or_create(Slow(client), file, 0.2)
    states = {one["id"]: one["status"] for one in server.state()["batches"]}
    assert len(states) == 2
    assert [batch_id for batch_id, status in states.items() if not status.startswith("cancel")] == [stays.id]
    assert submitted(file) == stays
    assert {stays.id, *twins(file)} == set(states)
