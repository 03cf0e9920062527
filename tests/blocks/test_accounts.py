"""Accounts as companies hold them: behind a proxy and a gateway, with tokens in place of keys."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from prefect_openai_batch import AccessError, AzureOpenAICredentials, OpenAICredentials
from prefect_openai_batch.blocks import entra_id, workload_identity
from prefect_openai_batch.blocks.certificates import VARIABLES
from prefect_openai_batch.blocks.openai_credentials import OPENAI
from prefect_openai_batch.blocks.tokens import NoToken
from prefect_openai_batch.emulator import RouteFault
from prefect_openai_batch.tasks.remote.account import Account

from .company import Company, company, within

SECRET = "clientSecret~0123456789"
HEADER = {"name": "X-Gateway", "value": "gateway-Pass/word+1"}
QUERY = {"name": "subscription-key", "value": "query-Pass/word+2"}

Block = OpenAICredentials | AzureOpenAICredentials


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """No token of another test's."""
    yield
    entra_id.remembered.cache_clear()
    workload_identity.remembered.cache_clear()


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A company that asks for all there is."""
    asked = {"header": "X-Gateway: gateway-Pass/word+1", "query": "subscription-key=query-Pass/word+2"}
    with company(tmp_path_factory.mktemp("company"), key=SECRET, token_seconds=1, **asked) as made:
        yield made


@pytest.fixture
def there(strict: Company, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    """One of its machines."""
    strict.asked.clear()
    with within(strict, monkeypatch) as made:
        yield made


def azure(**changed: Any) -> AzureOpenAICredentials:
    """A resource whose keys are switched off."""
    sign_in = {"sign_in": True, "tenant_id": "tenant", "client_id": "app", "client_secret": SECRET}
    given = {
        "azure_endpoint": "https://my-resource.openai.azure.com",
        "api_version": "2025-04-01-preview",
        "entra_id": sign_in,
        "third_header": HEADER,
        "query_parameter": QUERY,
    }
    return AzureOpenAICredentials.model_validate(given | changed)


def of_a_pod(folder: Path, token: str = SECRET, **changed: Any) -> OpenAICredentials:
    """A project whose data stays in Europe, asked by a pod in Kubernetes."""
    (folder / "token").write_text(f"{token}\n")
    identity = {"identity_provider_id": "wip", "service_account_id": "sa", "token_file": str(folder / "token")}
    given = {"region": "eu", "workload_identity": identity, "third_header": HEADER, "query_parameter": QUERY}
    return OpenAICredentials.model_validate(given | changed)


def ask(block: Block) -> None:
    """One call."""
    with block.get_client() as client:
        client.with_options(max_retries=0).models.list()


def ask_later(block: Block) -> None:
    """The same in an event loop."""

    async def asked() -> None:
        async with block.get_async_client() as client:
            await client.with_options(max_retries=0).models.list()

    asyncio.run(asked())


ASKED = pytest.mark.parametrize("asked", [ask, ask_later], ids=["client", "asynchronous"])


@ASKED
def test_azure_is_asked_by_entra_id(there: Company, asked: Callable[[Block], None]) -> None:
    """Through proxy and gateway, with the company's certificates; the token comes the same way."""
    asked(azure())
    assert set(there.asked) == {"login.microsoftonline.com", "my-resource.openai.azure.com"}


@ASKED
def test_openai_is_asked_by_workload_identity(
    there: Company, tmp_path: Path, asked: Callable[[Block], None]
) -> None:
    """In the region where the data stays."""
    asked(of_a_pod(tmp_path))
    assert set(there.asked) == {"auth.openai.com", "eu.api.openai.com"}


def tokens_given(there: Company) -> int:
    return sum(one["path"].endswith("/token") for one in there.server.requests())


def test_tokens_are_renewed_and_shared(there: Company, tmp_path: Path) -> None:
    """Each before it ends, whatever client asks; the account stays the same to all who name it."""
    before, digests = tokens_given(there), set()
    for make in (azure, lambda: of_a_pod(tmp_path)):
        for _ in range(2):
            with make().get_client() as client:
                client.models.list()
                digests.add(Account.of(client, "team").digest)
    assert tokens_given(there) - before >= 3
    assert len(digests) == 2


def test_a_token_is_waited_for_where_its_giver_is_out_of_order(there: Company, tmp_path: Path) -> None:
    """That is told as a call that did not get through, which is tried again."""
    there.server.fail(RouteFault(kind="http_error", route="POST /oauth/token", status=503))
    with pytest.raises(NoToken, match="workload identity gives no token: .* 503"):
        ask(of_a_pod(tmp_path))
    there.server.fail()


LACKING = {
    "header": ({"third_header": {}}, "asks for the header X-Gateway"),
    "wrong header": ({"third_header": HEADER | {"value": "other"}}, "asks for the header X-Gateway"),
    "parameter": ({"query_parameter": {}}, "asks for the query parameter subscription-key"),
    "token": ({"entra_id": {}, "api_key": "sk"}, "Key based authentication is disabled"),
}


@pytest.mark.parametrize(("changed", "said"), LACKING.values(), ids=LACKING)
def test_what_is_lacking_is_missed(there: Company, changed: dict[str, Any], said: str) -> None:
    """So that these tests see what each block sends."""
    with pytest.raises(openai.APIStatusError, match=said):
        ask(azure(**changed))


def test_who_is_refused_a_token_is_told_without_its_secret(there: Company, tmp_path: Path) -> None:
    """By Entra ID, and by OpenAI, who quotes what the machine said of itself."""
    wrong = {"sign_in": True, "tenant_id": "tenant", "client_id": "app", "client_secret": "another-secret-1"}
    with pytest.raises(AccessError, match="Entra ID gives no token: .*AADSTS7000215") as entra:
        ask(azure(entra_id=wrong))
    with pytest.raises(AccessError, match=r"gives no token: The subject token '\*\*\*'") as openais:
        ask(of_a_pod(tmp_path, "another-secret-2"))
    assert "another-secret" not in str(entra.value) + str(openais.value)


def test_a_secret_without_its_ids_is_refused() -> None:
    """Before anything is asked."""
    with pytest.raises(AccessError, match="a client secret needs the tenant's and the client's id"):
        azure(entra_id={"sign_in": True, "client_secret": SECRET}).get_client()
    with pytest.raises(AccessError, match="needs both ids"):
        OpenAICredentials(workload_identity={"identity_provider_id": "wip"}).get_client()


def test_a_region_and_an_address_exclude_each_other() -> None:
    """Nobody could say which is meant; an address of the environment gives way."""
    with pytest.raises(AccessError, match="both a region and a base URL"):
        OpenAICredentials(api_key="sk", region="us", base_url=OPENAI).get_client()


@pytest.mark.parametrize("region", ["us", "eu", "ae", "au", "in", "jp"])
def test_the_regions_are_those_of_the_sdk(region: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has the address that OpenAI's own client gives it."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    residency = pytest.importorskip("openai._data_residency")
    with OpenAICredentials(api_key="sk", region=region).get_client() as client:
        assert str(client.base_url).rstrip("/") == residency.resolve_data_residency(region, openai.NOT_GIVEN)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_are_found_by_each_name_they_go_by(
    there: Company, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """For calls and for Entra ID's tokens."""
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv(variable, str(there.authority))
    ask(azure())


def test_without_its_certificates_nobody_is_trusted(there: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither who gives tokens nor the server."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(NoToken, match="CERTIFICATE_VERIFY_FAILED"):
        ask(azure())
    with pytest.raises(openai.APIConnectionError):
        ask(azure(entra_id={}, api_key="sk"))


NOT_USABLE = {
    "absent": ("SSL_CERT_FILE", "/nowhere.pem", "SSL_CERT_FILE names /nowhere.pem, which is not there"),
    "no certificates": ("REQUESTS_CA_BUNDLE", __file__, "holds no certificates"),
    "no proxy": ("HTTPS_PROXY", "ftp://me:pass-word-1@proxy", "names no proxy that can be used"),
    "no port": ("HTTPS_PROXY", "http://me:pass-word-1@proxy:x", "names no proxy that can be used"),
}


@pytest.mark.parametrize(("variable", "value", "said"), NOT_USABLE.values(), ids=NOT_USABLE)
def test_what_the_environment_names_and_is_not_there_is_said(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    """With the variable's name, and without a password that stands in it."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(AccessError, match=said) as told:
        OpenAICredentials(api_key="sk").get_client()
    assert "pass-word" not in str(told.value)


@pytest.mark.parametrize("direct", ["127.0.0.1", "localhost,127.0.0.1", "*"])
def test_some_hosts_are_asked_without_the_proxy(
    there: Company, monkeypatch: pytest.MonkeyPatch, direct: str
) -> None:
    """Those that NO_PROXY names."""
    monkeypatch.setenv("NO_PROXY", direct)
    with pytest.raises(openai.AuthenticationError):
        ask(OpenAICredentials(api_key="sk", base_url=there.server.base_url, header=HEADER, query_parameter=QUERY))
    assert there.asked == []
