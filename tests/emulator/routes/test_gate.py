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


def test_a_gateway_asks_for_a_header_and_a_parameter(start_server: Start) -> None:
    """Control needs neither."""
    api = start_server(header="X-Gateway: one", query="subscription-key=two")
    header, query = {"x-gateway": "one"}, {"subscription-key": "two"}
    assert "header X-Gateway" in error_of(api.http.get("/batches", params=query), 401)["message"]
    assert "parameter subscription-key" in error_of(api.http.get("/batches", headers=header), 401)["message"]
    good(api.http.get("/batches", headers=header, params=query))
    assert api.http.get(f"{api.server.url}/emulator/bill").is_success


APP = {"client_id": "app", "client_secret": "secret", "scope": "https://cognitiveservices.azure.com/.default"}
MACHINE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token": "secret",
    "identity_provider_id": "provider",
    "service_account_id": "account",
}


def test_tokens_take_the_place_of_keys(start_server: Start) -> None:
    """Entra ID's and OpenAI's, for who has the secret; a key is refused, as is a token that has ended."""
    api = start_server(key="secret", token_seconds=600)
    entra, openais = f"{api.server.url}/tenant/oauth2/v2.0/token", f"{api.server.url}/oauth/token"
    given = [good(api.http.post(entra, data=APP)), good(api.http.post(openais, json=MACHINE))]
    for one in given:
        good(api.http.get("/batches", headers={"authorization": f"Bearer {one['access_token']}"}))
    assert "Access token is missing" in error_of(api.http.get("/batches"), 401)["message"]
    disabled = error_of(api.http.get("/batches", headers={"authorization": "", "api-key": "secret"}), 403)
    assert disabled["code"] == "AuthenticationTypeDisabled"
    short = start_server(token_seconds=1e-6)
    token = good(short.http.post(f"{short.server.url}/oauth/token", json=MACHINE))["access_token"]
    ended = error_of(short.http.get("/batches", headers={"authorization": f"Bearer {token}"}), 401)
    assert "expired" in ended["message"]


def test_who_asks_for_a_token_with_the_wrong_words_is_refused(start_server: Start) -> None:
    """By another secret, for another audience, or without saying who."""
    api = start_server(key="secret", token_seconds=600)
    entra, openais = f"{api.server.url}/tenant/oauth2/v2.0/token", f"{api.server.url}/oauth/token"
    answers = [
        api.http.post(entra, data=APP | {"client_secret": "other"}),
        api.http.post(entra, data=APP | {"scope": "https://graph.example/.default"}),
        api.http.post(openais, json=MACHINE | {"subject_token": "other"}),
        api.http.post(openais, json=MACHINE | {"service_account_id": ""}),
    ]
    assert [answer.status_code for answer in answers] == [401, 400, 401, 400]
    refused = [answer.json()["error"] for answer in answers]
    assert refused == ["invalid_client", "invalid_scope", "invalid_grant", "invalid_request"]
