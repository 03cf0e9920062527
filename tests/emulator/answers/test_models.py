"""The models the server knows: OpenAI's names exactly, or those that it is told; and what each is for."""

import pytest
from prefect_openai_batch.emulator import BatchServer

from ..support import Api, chat_item, endpoint_item, error_of, good

KNOWN = ["gpt-5-mini", "gpt-5-mini-2025-08-07", "gpt-image-1-2025-04-23", "ft:gpt-4o-mini-2024-07-18:org:name:id"]
UNKNOWN = ["gpt-5-minii", "gpt-5-mini-2025-08-08", "gpt-5-mini-latest", "GPT-5-mini", "ft:gpt-5-minii:org:name:id"]

OTHER_KINDS = {
    "/v1/chat/completions": (404, "text-embedding-3-small", "not a chat model"),
    "/v1/embeddings": (403, "gpt-5-mini", "not allowed to generate embeddings"),
    "/v1/completions": (404, "gpt-5-mini", "is a chat model"),
    "/v1/responses": (400, "omni-moderation-latest", "not supported in the v1/responses"),
}


@pytest.mark.parametrize("model", KNOWN)
def test_openais_names_are_known(api: Api, model: str) -> None:
    """Dated ones and fine-tuned ones too."""
    assert good(api.http.get(f"/models/{model}"))["id"] == model


@pytest.mark.parametrize("model", UNKNOWN)
def test_what_is_nearly_a_name_is_none(api: Api, model: str) -> None:
    """As OpenAI says it: to whoever asks, at once, and at validation."""
    assert error_of(api.http.get(f"/models/{model}"), 404)["code"] == "model_not_found"
    asked = error_of(api.http.post("/chat/completions", json=chat_item(model=model)["body"]), 404)
    assert (asked["code"], asked["param"]) == ("model_not_found", None)
    assert asked["message"] == f"The model `{model}` does not exist or you do not have access to it."
    (refused,) = api.finish([chat_item(model=model)])["errors"]["data"]
    assert (refused["code"], refused["param"], refused["line"]) == ("model_not_found", "body.model", 1)


@pytest.mark.parametrize("endpoint", OTHER_KINDS)
def test_an_endpoint_refuses_a_model_of_another_kind(api: Api, endpoint: str) -> None:
    """At once in its own words; in a batch as a model that it does not support."""
    status, model, words = OTHER_KINDS[endpoint]
    item = endpoint_item(endpoint, {"model": model, "input": "a", "prompt": "a", "messages": []})
    refused = error_of(api.http.post(endpoint.removeprefix("/v1"), json=item["body"]), status)
    assert words in refused["message"]
    failed = api.finish([item], endpoint)
    assert [error["code"] for error in failed["errors"]["data"]] == ["model_not_found"]


@pytest.mark.parametrize(
    ("models", "known"), [("qwen3, llama3.2", ["qwen3", "llama3.2"]), ("*", ["any"])], ids=["named", "every"]
)
def test_other_names_can_be_known_instead(models: str, known: list[str]) -> None:
    """`--models`; such a model is of any kind."""
    with BatchServer(models=models, speed=0) as server:
        api = Api(server)
        assert [api.finish([chat_item(model=model)])["status"] for model in known] == ["completed"] * len(known)
        assert api.http.get("/models/gpt-5-mini").status_code == (200 if models == "*" else 404)
        api.http.close()
