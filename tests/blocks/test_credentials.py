"""The credentials blocks, by Prefect's own suite for blocks and by what is promised of them."""

import subprocess
import sys
from uuid import uuid4

import pytest
from openai import Timeout
from prefect.blocks.abstract import CredentialsBlock
from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import BlockDocumentCreate, BlockSchemaCreate
from prefect.testing.standard_test_suites.blocks import BlockStandardTestSuite
from prefect_openai_batch import AccessError, AzureOpenAICredentials, OpenAICredentials
from prefect_openai_batch.blocks import load_credentials

KINDS = [OpenAICredentials, AzureOpenAICredentials]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says nothing of OpenAI."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("block", KINDS)
class TestAsPrefectAsks(BlockStandardTestSuite):
    """Prefect's suite, but for the logo: it is asked for over the network, and we have none."""

    test_has_a_valid_image = None  # type: ignore[assignment]

    @pytest.fixture
    def block(self, request: pytest.FixtureRequest) -> type[Block]:
        kind: type[Block] = request.param
        return kind


@pytest.mark.parametrize("kind", KINDS)
def test_both_are_credentials_blocks_with_what_is_shared_last(kind: type[CredentialsBlock]) -> None:
    """Prefect's base gives them a logger; the form asks for the key first."""
    shown = list(kind.model_json_schema()["properties"])
    assert shown[0] == "api_key"
    extra = ["header", "second_header", "third_header", "query_parameter", "user"]
    shared = [*extra, "webhook_secret", "timeout_seconds", "connect_timeout_seconds", "prices"]
    assert shown[-len(shared) :] == shared
    assert kind().logger.name.endswith(kind.__name__)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("kind", KINDS)
def test_without_a_key_there_is_no_client(kind: type[CredentialsBlock]) -> None:
    """The error names the variable that would hold it."""
    with pytest.raises(AccessError, match="OPENAI_API_KEY is not set"):
        kind().get_client()


@pytest.mark.usefixtures("bare")
def test_a_client_is_made_of_what_the_block_holds() -> None:
    """Key, address and time-outs."""
    block = OpenAICredentials(api_key="sk-1", base_url="http://127.0.0.1:1/v1", timeout_seconds=7)
    with block.get_client() as client:
        assert (client.api_key, str(client.base_url)) == ("sk-1", "http://127.0.0.1:1/v1/")
        assert client.timeout == Timeout(7, connect=5)


@pytest.mark.usefixtures("bare")
def test_azures_client_asks_the_resource() -> None:
    """Endpoint and version of the API."""
    block = AzureOpenAICredentials(
        api_key="1", azure_endpoint="https://a.example", api_version="2025-04-01-preview"
    )
    with block.get_client() as client:
        assert str(client.base_url) == "https://a.example/openai/"


@pytest.mark.parametrize("name", [None, ""], ids=["none", "empty"])
def test_no_name_is_the_environments_credentials(name: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty one too, as a form and a command give it whose variable is not set."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    with load_credentials(name).get_client() as client:
        assert client.api_key == "sk-of-the-environment"


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("kind", KINDS)
def test_a_block_that_was_stored_by_an_older_version_loads(kind: type[CredentialsBlock]) -> None:
    """Its type has the same slug, its schema other fields; what is absent or null has its default."""
    name = f"older-{uuid4().hex[:8]}"
    store(kind, name, {"api_key": "sk-old", "timeout_seconds": 3.0, "webhook_secret": None})
    block = load_credentials(name)
    assert type(block) is kind
    assert (block.api_key.get_secret_value(), block.timeout_seconds) == ("sk-old", 3.0)
    assert block.connect_timeout_seconds == 5.0


def store(kind: type[CredentialsBlock], name: str, data: dict[str, object]) -> None:
    """Store a block whose schema knows no more than these fields."""
    with get_client(sync_client=True) as client:
        kind.register_type_and_schema()
        block_type = client.read_block_type_by_slug(kind.get_block_type_slug())
        fields = {
            "title": kind.__name__,
            "type": "object",
            "block_type_slug": kind.get_block_type_slug(),
            "properties": {field: {"title": field} for field in data},
            "secret_fields": ["api_key"],
        }
        schema = client.create_block_schema(BlockSchemaCreate(fields=fields, block_type_id=block_type.id))
        client.create_block_document(
            BlockDocumentCreate(name=name, data=data, block_schema_id=schema.id, block_type_id=block_type.id)
        )


def test_the_blocks_do_not_import_openai() -> None:
    """Prefect imports them whenever it looks for blocks."""
    code = "import sys, prefect_openai_batch.blocks; print({'openai', 'pandas', 'pyarrow'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
