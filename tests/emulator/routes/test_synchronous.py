"""The synchronous endpoints answer as batches do, and are on the same bill."""

from pathlib import Path

import openai
import pytest
from prefect_openai_batch.emulator import BatchServer

from ..support import Api, chat_item

MESSAGES = [{"role": "user", "content": "Say it."}]


def test_each_endpoint_answers_at_once() -> None:
    """OpenAI's own client takes the answers."""
    with BatchServer() as server, openai.OpenAI(base_url=server.base_url, api_key="any") as client:
        chat = client.chat.completions.create(model="gpt-5-mini", messages=[{"role": "user", "content": "Hi"}])
        assert chat.choices[0].message.content
        assert client.responses.create(model="gpt-5-mini", input="Hi").output_text
        vector = client.embeddings.create(model="text-embedding-3-small", input="Hi", dimensions=8)
        assert len(vector.data[0].embedding) == 8
        assert client.moderations.create(input="Hi", model="omni-moderation-latest").results
        bill = server.bill()
    assert (bill["executed"], bill["billed"], bill["synchronous"]) == (4, 4, 4)
    assert bill["input_tokens"] > 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"messages": MESSAGES}, 400, None),
        ({"model": "gpt-5-mini"}, 400, "missing_required_parameter"),
        ({"model": "no-such-model", "messages": MESSAGES}, 404, "model_not_found"),
        ({"model": "gpt-5-mini", "messages": MESSAGES, "stream": True}, 400, "unsupported_value"),
    ],
)
def test_what_cannot_be_answered_is_refused(body: dict[str, object], status: int, code: str | None) -> None:
    """With OpenAI's errors; nothing is billed."""
    with (
        BatchServer() as server,
        openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client,
        pytest.raises(openai.APIStatusError) as refused,
    ):
        client.post("/chat/completions", body=body, cast_to=object)
    assert (refused.value.status_code, refused.value.code) == (status, code)


def test_what_is_billed_both_ways_is_told(tmp_path: Path) -> None:
    """The same body in a batch and at once; the account outlives the server."""
    item = chat_item()
    with BatchServer(data=tmp_path, speed=0) as server:
        api = Api(server)
        api.create(api.upload([item])["id"])
        server.advance(10)
        assert server.bill()["billed_both_ways"] == []
        assert api.http.post("/chat/completions", json=item["body"]).status_code == 200
        api.http.close()
    with BatchServer(data=tmp_path) as server:
        bill = server.bill()
        assert (bill["executed"], bill["billed"], bill["synchronous"]) == (2, 2, 1)
        (twice,) = bill["billed_both_ways"]
        assert [item["batch_id"] is None for item in server.billed_items()] == [False, True]
        assert {item["body_sha256"] for item in server.billed_items()} == {twice}
