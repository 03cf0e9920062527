"""No error, log, state or result holds a credential: what cannot be sent is refused, what comes back is hidden."""

import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx2
import openai
import pytest
from prefect_openai_batch import AccessError, AzureOpenAICredentials, OpenAICredentials
from prefect_openai_batch.blocks.http_client import hiding

KEY = 'sk-"proj"/Abc-0123456789'
OPENAI_VARIABLES = ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL")
AZURE_VARIABLES = ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "OPENAI_API_VERSION")
URLS = ("OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT")
FIELDS = {
    OpenAICredentials: dict(
        zip(OPENAI_VARIABLES, ("api_key", "organization", "project", "base_url"), strict=True)
    ),
    AzureOpenAICredentials: dict(zip(AZURE_VARIABLES, ("api_key", "azure_endpoint", "api_version"), strict=True)),
}
EACH = [(kind, variable, field) for kind, fields in FIELDS.items() for variable, field in fields.items()]

Answer = Callable[[BaseHTTPRequestHandler], None]
Serve = Callable[[Answer], str]
Block = type[OpenAICredentials] | type[AzureOpenAICredentials]


@pytest.fixture(autouse=True)
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says all there is to say, with nothing wrong in it."""
    for variable in (*OPENAI_VARIABLES, *AZURE_VARIABLES):
        monkeypatch.setenv(variable, "http://127.0.0.1:9" if variable in URLS else "fine")


def with_value(kind: Block, field: str, value: str) -> OpenAICredentials | AzureOpenAICredentials:
    return kind.model_validate({field: value})


@pytest.mark.parametrize(("kind", "variable", "field"), EACH)
@pytest.mark.parametrize("end", ["\n", "\r\n", " ", "\t\n"], ids=["line feed", "Windows", "blank", "tab"])
def test_what_stands_around_a_value_is_taken_off(
    kind: Block, variable: str, field: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the environment as in the block: a file that holds a key ends in a line end."""
    value = "http://127.0.0.1:7/v1" if variable in URLS else "value"
    blocks = [with_value(kind, field, f" {value}{end}")]
    monkeypatch.setenv(variable, f"{value}{end}")
    for block in (*blocks, kind()):
        with block.get_client() as client:
            request = client._build_request(openai._models.FinalRequestOptions(method="get", url="/models"))
        sent = [*request.headers.values(), str(request.url)]
        assert any(value in text for text in sent)
        assert not any(end in text for text in sent if end.strip(" "))


@pytest.mark.parametrize("kind", FIELDS)
def test_a_webhooks_secret_is_stripped_too(kind: Block) -> None:
    """Else every webhook would be taken for forged."""
    secret = with_value(kind, "webhook_secret", " whsec_abc\n").webhook_secret
    assert secret is not None
    assert secret.get_secret_value() == "whsec_abc"


UNSENDABLE = ["line feed", "carriage return", "NUL", "ellipsis", "curly quotes", "delete"]


@pytest.mark.parametrize(("kind", "variable", "field"), EACH)
@pytest.mark.parametrize(
    "value", ["sk-ab\ncd", "sk-ab\rcd", "sk-ab\0cd", "sk-ab…cd", "“sk-abcd”", "sk-ab\x7fcd"], ids=UNSENDABLE
)
def test_what_no_header_can_hold_is_refused_by_its_name(
    kind: Block, variable: str, field: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And never by its value: not in the message, its cause, its details or its pickled form."""
    with pytest.raises(AccessError, match=f"block's {field} cannot be sent") as of_block:
        with_value(kind, field, value).get_client()
    if "\0" not in value:
        monkeypatch.setenv(variable, value)
        with pytest.raises(AccessError, match=f"{variable} cannot be sent") as of_environment:
            kind().get_client()
        assert_discreet(of_environment.value, "sk-ab")
    assert_discreet(of_block.value, "sk-ab")


def assert_discreet(error: BaseException, secret: str) -> None:
    """In none of the forms in which an error reaches logs, states and results."""
    said = [*traceback.format_exception(error), repr(error), str(error), str(vars(error))]
    assert not any(secret in text for text in said)
    assert secret.encode() not in pickle.dumps((error.args, vars(error).get("details")))


def quoting(status: int, body: str, content_type: str) -> Answer:
    """An answer that quotes the key."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        content = body.replace("KEY", handler.headers["authorization"]).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def garbage(handler: BaseHTTPRequestHandler) -> None:
    """No HTTP, and what was asked in it."""
    handler.wfile.write(handler.headers["authorization"].encode() + b"\r\n\r\n")


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """No answer."""
    handler.close_connection = True


ESCAPED = '{"error": {"message": "Received key: Bearer sk-\\"proj\\"/Abc-0123456789", "code": "KEY"}}'

ANSWERS = {
    **{
        f"{status} quotes it": quoting(status, "Invalid header: KEY", "text/plain")
        for status in (400, 401, 403, 404, 409, 422, 429, 500, 503)
    },
    "JSON quotes it": quoting(401, ESCAPED.replace("KEY", "x"), "application/json"),
    "another charset": quoting(401, "KEY", "text/plain; charset=utf-16"),
    "no HTTP": garbage,
    "no answer": hang_up,
    "no JSON": quoting(200, "{", "application/json"),
}


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that answers so; its URL."""
    servers = []

    def start(answer: Callable[[BaseHTTPRequestHandler], None]) -> str:
        handler = type("Handler", (BaseHTTPRequestHandler,), {"do_GET": answer, "log_message": lambda *_: None})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/v1"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_no_error_of_openai_or_http_carries_the_key(
    serve: Serve,
    answer: Answer,
    streamed: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither its text, nor its body, nor the request and the answer that it holds; nor their logs."""
    caplog.set_level(logging.INFO)
    block = OpenAICredentials(api_key=KEY, base_url=serve(answer))
    with block.get_client() as client, pytest.raises(Exception) as raised:  # noqa: PT011  # of any class
        ask(client.with_options(max_retries=0).models, streamed=streamed)
    assert_forgotten(raised.value)
    assert not any(spelling in caplog.text for spelling in (KEY, ESCAPED[50:74]))


def ask(models: openai.resources.Models, *, streamed: bool) -> None:
    if not streamed:
        models.list()
    with models.with_streaming_response.list() as response:
        response.parse()


def assert_forgotten(error: BaseException | None) -> None:
    """Along the whole chain, with what each error holds."""
    while error is not None:
        held = [str(error), repr(error), str(getattr(error, "body", ""))]
        for name in ("request", "response"):
            part = getattr(error, name, None)
            held += [] if part is None else [str(dict(part.headers)), repr(part), str(part.content)]
        held += [str(error.response.request.headers.raw)] if hasattr(error, "response") else []
        assert not any("Abc-0123456789" in text for text in held), held
        error = error.__cause__ or error.__context__


def test_a_header_that_cannot_be_sent_is_not_quoted(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of headers that the SDK takes from the environment by itself, and that we do not see before."""
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Token: Abc-\x0b0123456789")
    client = OpenAICredentials(base_url=serve(hang_up)).get_client().with_options(max_retries=0)
    with client, pytest.raises(openai.APIConnectionError) as raised:
        client.models.list()
    chain = "".join(traceback.format_exception(raised.value))
    assert "Illegal header value b'***'" in chain
    assert "0123456789" not in chain


def test_a_password_in_an_address_is_sent_and_never_shown(
    serve: Serve,
) -> None:
    """The client's address, which errors and logs quote, is without it."""
    seen: list[str] = []
    url = serve(lambda handler: seen.append(handler.headers["authorization"]))
    block = OpenAICredentials(base_url=url.replace("://", "://me:pass%21word@"))
    with block.get_client() as client:
        assert str(client.base_url) == f"{url}/"
        assert block.base_url == url, "Prefect's events tell of it"
        with pytest.raises(openai.APIConnectionError):
            client.with_options(max_retries=0).models.list()
    assert seen == ["Basic bWU6cGFzcyF3b3Jk"]


def test_a_gateways_words_are_sent_and_never_shown(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """Not in logs of addresses, nor in the request that an error holds; a redirection takes them nowhere else."""
    caplog.set_level(logging.INFO)
    seen: list[str] = []

    def note(handler: BaseHTTPRequestHandler) -> None:
        seen.append(f"{handler.path} {handler.headers.get('x-gateway')}")
        handler.send_error(404)

    elsewhere = serve(note)

    def redirect(handler: BaseHTTPRequestHandler) -> None:
        seen.append(f"{handler.path} {handler.headers.get('x-gateway')}")
        handler.send_response(307)
        handler.send_header("Location", f"{elsewhere}/login?from={handler.path}")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    block = OpenAICredentials(
        api_key=KEY,
        base_url=serve(redirect),
        header={"name": "X-Gateway", "value": "gateway-word-1"},
        query_parameter={"name": "subscription-key", "value": "query/word+2"},
    )
    with block.get_client() as client, pytest.raises(openai.NotFoundError) as raised:
        client.with_options(max_retries=0).models.list()
    assert seen[0] == "/v1/models?subscription-key=query%2Fword%2B2 gateway-word-1"
    assert "word" not in seen[1]
    assert "word" not in caplog.text + str(raised.value.request.url)


WARILY = KEY.replace("/", "\\/").replace('"', "\\u0022")
"""As PHP and .NET write it in JSON."""


@pytest.mark.parametrize("spelled", [KEY.replace('"', '\\"'), WARILY], ids=["plain JSON", "wary JSON"])
def test_what_an_answer_says_of_errors_quotes_nothing_though_it_went_well(serve: Serve, spelled: str) -> None:
    """A failed batch's errors, and a failed answer's; metadata and what a model says are data and stay."""
    body = """{"id": "b", "status": "failed", "metadata": {"key": "KEY"}, "output": [{"text": "KEY"}],
    "errors": {"data": [{"code": "KEY", "message": "Bearer KEY", "line": 7}]}, "error": "KEY"}"""
    url = serve(quoting(200, body.replace("KEY", spelled), "application/json"))
    with OpenAICredentials(api_key=KEY, base_url=url).get_client() as client:
        answer = client.get("/batches/b", cast_to=httpx2.Response).json()
    assert answer["errors"] == {"data": [{"code": "***", "message": "***", "line": 7}]}
    assert answer["error"] == "***"
    assert (answer["metadata"], answer["output"]) == ({"key": KEY}, [{"text": KEY}])


def test_a_password_is_hidden_as_it_is_and_as_it_is_sent(serve: Serve) -> None:
    """A server that takes `Authorization: Basic` apart may quote either."""
    url = serve(quoting(401, "me, pass!word, KEY", "text/plain"))
    with (
        OpenAICredentials(base_url=url, user="me:pass!word").get_client() as client,
        pytest.raises(openai.AuthenticationError) as raised,
    ):
        client.models.list()
    assert raised.value.body == "me, ***, Basic ***"


def test_the_errors_in_a_files_lines_are_read_without_what_they_quote(serve: Serve) -> None:
    """What hides in them knows the key as soon as it was sent."""
    with OpenAICredentials(
        api_key=KEY, base_url=serve(quoting(200, "{}", "application/json"))
    ).get_client() as client:
        client.models.list()
        assert hiding(client)(f"You sent {KEY}.") == "You sent ***."
    assert hiding(openai.OpenAI(api_key=KEY))(KEY) == KEY, "a client of somebody else's"
