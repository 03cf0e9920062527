"""Items asked at once: what is answered is paid, and kept."""

from pathlib import Path
from typing import Any

import openai
import pytest
from httpx2 import Response
from prefect_openai_batch import ChatRequest
from prefect_openai_batch.batch.files.items_by_hand import write_items
from prefect_openai_batch.batch.storage import Folder
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.tasks.answer import ask_items
from prefect_openai_batch.tasks.remote.connection import Connection


class Unlucky(Connection):
    """A connection on which one item meets what nobody expects, once."""

    unlucky = True

    def answer(self, url: str, body: dict[str, Any]) -> Response:
        if "7" in str(body["messages"]) and self.unlucky:
            self.unlucky = False
            raise RuntimeError("Nobody expects this.")
        return super().answer(url, body)


def test_one_unexpected_error_loses_no_answer(server: BatchServer, tmp_path: Path) -> None:
    """The other answers are recorded, and asked for no second time."""
    items = [ChatRequest(model="gpt-5-mini", prompt=f"Say {number}.").item(str(number)) for number in range(10)]
    file = write_items(items, Folder(str(tmp_path / "items")))
    answers = Folder(str(tmp_path / "answers"))
    answers.make()
    with openai.OpenAI(base_url=server.base_url, api_key="test") as client:
        connection = Unlucky(client)
        with pytest.raises(RuntimeError, match="Nobody expects this"):
            ask_items(connection, file, answers, None, 4)
        ask_items(connection, file, answers, None, 4)
    assert server.bill()["synchronous"] == 10
    assert sum(len(answers.open(name).readlines()) for name in answers.names()) == 10
