"""What holds for every request: keys, unknown routes, headers."""

from collections.abc import Callable
from typing import Any

from ..support import Api, error_of, good

Start = Callable[..., Api]


def test_keys_are_asked_for(start_server: Start) -> None:
    """401 without a key and with a wrong one; control needs none."""
    api = start_server(key="secret")
    missing = error_of(api.http.get("/batches", headers={"authorization": ""}), 401)
    assert "You didn't provide an API key" in missing["message"]
    wrong = error_of(api.http.get("/batches", headers={"authorization": "Bearer sk-wrong-key-of-mine"}), 401)
    assert (wrong["type"], wrong["code"]) == ("invalid_request_error", "invalid_api_key")
    assert "wrong-key" not in wrong["message"]
    good(api.http.get("/batches"))
    good(api.http.get("/batches", headers={"authorization": "", "api-key": "secret"}))
    assert api.http.get(f"{api.server.url}/emulator/bill", headers={"authorization": ""}).is_success


def test_any_key_is_good_unless_one_is_given(api: Api) -> None:
    """But none at all is not."""
    good(api.http.get("/batches", headers={"authorization": "Bearer whatever"}))
    error_of(api.http.get("/batches", headers={"authorization": "Basic abc"}), 401)


def test_unknown_routes_and_methods(api: Api) -> None:
    """404 and 405 with error bodies."""
    assert "Invalid URL (GET /v1/cooking)" in error_of(api.http.get("/cooking"), 404)["message"]
    assert error_of(api.http.put("/batches"), 405)["code"] == "method_not_supported"


def test_answers_bear_openais_headers(api: Api) -> None:
    """Version, request id, organisation; and indented JSON."""
    response = api.http.get("/batches")
    assert response.headers["openai-version"] == "2020-10-01"
    assert response.headers["x-request-id"].startswith("req_")
    assert int(response.headers["openai-processing-ms"]) >= 0
    assert response.text.startswith('{\n  "object"')


def test_models(api: Api) -> None:
    """Known families are known, anything else is 404 with its code."""
    assert good(api.http.get("/models/gpt-5-mini"))["id"] == "gpt-5-mini"
    assert good(api.http.get("/models"))["object"] == "list"
    unknown: Any = error_of(api.http.get("/models/llama-9"), 404)
    assert (unknown["code"], unknown["param"]) == ("model_not_found", "model")
