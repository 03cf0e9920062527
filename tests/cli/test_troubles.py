"""What goes wrong around a job: each error says what, where, and the way out, in one line."""

import os
import ssl
from collections.abc import Iterator
from errno import ENOSPC
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import click
import pytest
import trustme
from prefect_openai_batch.cli import app
from prefect_openai_batch.emulator import BatchServer

from .support import Shell, call, options, posts

pytestmark = pytest.mark.server

ADDRESSES = {
    "no /v1": ("{root}", ["answered with 404", "most end in /v1"]),
    "no such name": ("http://no-such-host.invalid/v1", ["no-such-host.invalid", "does not resolve"]),
    "nobody listens": ("http://127.0.0.1:9/v1", ["127.0.0.1:9 cannot be reached", "--base-url"]),
    "no URL": ("127.0.0.1:8080/v1", ["http://"]),
}


@pytest.mark.parametrize(("address", "said"), ADDRESSES.values(), ids=ADDRESSES)
@pytest.mark.parametrize("command", ["run", "list", "show"])
def test_a_wrong_address_is_named_with_the_way_out(
    shell: Shell, reviews: Path, batch_server: BatchServer, address: str, said: list[str], command: str
) -> None:
    """Before anything is built or sent; a bare 404 or `Connection error.` helps nobody."""
    url = address.format(root=batch_server.base_url.removesuffix("/v1"))
    arguments = {"run": ["run", reviews.name, *options()], "list": ["list"], "show": ["show", "batch_1"]}[command]
    done = shell.call(*arguments, "--base-url", url)
    assert done.returncode == 1
    assert len(done.errors) == 1
    assert all(part in done.stderr for part in said), done.stderr
    assert posts(batch_server) == 0


def test_a_batch_that_is_not_there_says_nothing_of_the_address(shell: Shell, batch_server: BatchServer) -> None:
    """OpenAI's own words are enough."""
    done = shell.call("show", "batch_nonesuch")
    assert done.returncode == 1
    assert "batch_nonesuch" in done.stderr
    assert "/v1?" not in done.stderr
    assert "address" not in done.stderr


@pytest.fixture
def untrusted() -> Iterator[str]:
    """A server whose certificate is of an authority that nobody knows; its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def test_a_certificate_that_is_not_trusted_is_named(
    shell: Shell, batch_server: BatchServer, untrusted: str
) -> None:
    """With where its authority is named."""
    done = shell.call("list", "--base-url", untrusted)
    assert done.returncode == 1
    assert "its certificate is not trusted" in done.stderr
    assert "SSL_CERT_FILE" in done.stderr


@pytest.mark.parametrize("storage", [[], ["--storage", "jobs"]], ids=["asked for the storage", "storage given"])
def test_an_absent_prefect_server_is_named(
    environment: dict[str, str], reviews: Path, batch_server: BatchServer, storage: list[str]
) -> None:
    """By its URL, with the ways out."""
    command = ["run", reviews.name, "--model", "gpt-5-mini", "--prompt", "{{ review }}", "--to", "answers.csv"]
    absent = {**environment, "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    done = call(absent, reviews.parent, *command, *storage)
    assert done.returncode == 1
    assert "Prefect's server http://127.0.0.1:9/api cannot be reached" in done.stderr
    assert "PREFECT_API_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_storage_that_cannot_be_used_is_refused(shell: Shell, reviews: Path, batch_server: BatchServer) -> None:
    """Before Prefect is started, by its name."""
    done = shell.run(reviews.name, "--storage", f"{reviews.name}/jobs")
    assert done.returncode == 2
    assert done.errors == [done.stderr.strip().splitlines()[-1]]
    assert f"{reviews} is no folder. Choose another --storage." in done.stderr
    assert posts(batch_server) == 0


def test_a_storage_without_exclusive_claims_is_refused(
    shell: Shell, reviews: Path, batch_server: BatchServer
) -> None:
    """Whatever is asked of the job."""
    for done in (
        shell.run(reviews.name, "--storage", "sftp://host/jobs"),
        shell.call("resume", "mine", "--storage", "sftp://host/jobs"),
        shell.call("cancel", "mine", "--storage", "sftp://host/jobs"),
    ):
        assert done.returncode == 2
        assert "A storage over 'sftp' cannot hold job folders" in done.stderr
    assert batch_server.requests() == []


def test_a_finished_job_that_is_resumed_keeps_its_table(
    shell: Shell, reviews: Path, batch_server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so and shows the report again; Prefect is not asked."""
    first, table = shell.run(reviews.name, "--job-key", "mine", "--json"), reviews.parent / "answers.csv"
    table.write_text(table.read_text().replace("like", "love"))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    for way in ([], ["--collect-only"]):
        done = shell.call("resume", "mine", "--storage", "jobs", "--json", *way)
        assert (done.returncode, done.stdout) == (0, first.stdout), done.stderr
        assert "job mine is done already" in done.stderr
    assert "love" in table.read_text()


@pytest.mark.parametrize("name", ["answers.csv", None])
def test_a_full_disk_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Where Python knows the file it is named."""

    @click.command("fill")
    def fill() -> None:
        raise OSError(ENOSPC, os.strerror(ENOSPC), name)

    monkeypatch.setitem(app.app.commands, "fill", fill)
    assert app.run(["fill"]) == 1
    said = capsys.readouterr().err
    assert "No space left on device. Make room and type the same command again" in said
    assert (name or "") in said


def test_a_dry_run_of_a_finished_command_is_shown(shell: Shell, reviews: Path, batch_server: BatchServer) -> None:
    """The destination is its own; somebody else's is refused."""
    assert shell.run(reviews.name).returncode == 0
    sent = len(batch_server.requests())
    done = shell.run(reviews.name, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "20 rows make 1 input file" in done.stdout
    assert "is done already" in done.stderr
    assert len(batch_server.requests()) == sent
    assert shell.run(reviews.name, "--dry-run", "--prompt", "Another? {{ review }}").returncode == 2


def test_the_table_of_a_job_can_be_had_elsewhere(shell: Shell, reviews: Path, batch_server: BatchServer) -> None:
    """`resume --to` writes it, and asks and pays nothing; what is there already is not replaced."""
    assert shell.run(reviews.name, "--job-key", "mine").returncode == 0
    sent = posts(batch_server)
    other = shell.call("resume", "mine", "--storage", "jobs", "--to", "other.jsonl")
    assert (other.returncode, posts(batch_server)) == (0, sent), other.stderr
    assert len((reviews.parent / "other.jsonl").read_text().splitlines()) == 20
    refused = shell.call("resume", "mine", "--storage", "jobs", "--to", "answers.csv")
    assert refused.returncode == 2
    assert "answers.csv exists already" in refused.stderr
    again = shell.run(reviews.name, "--job-key", "mine")
    assert f"resume mine --to DEST --storage {reviews.parent / 'jobs'}` writes its table elsewhere" in again.stderr


def test_a_job_that_lies_elsewhere_is_not_taken_for_lost(
    shell: Shell, reviews: Path, batch_server: BatchServer
) -> None:
    """Its files stay at OpenAI for its own run: only who says that its folder is lost has its answers alone."""
    assert shell.run(reviews.name, "--job-key", "mine", "--detach").returncode == 0
    before = batch_server.state()["files"]
    refused = shell.call("resume", "mine", "--storage", "nowhere", "--to", "other.jsonl")
    assert refused.returncode != 0
    assert "Or give --folder-lost and --to" in refused.stderr
    assert batch_server.state()["files"] == before
    assert not (reviews.parent / "other.jsonl").exists()
    (reviews.parent / "jobs").rename(reviews.parent / "gone")
    lost = shell.call("resume", "mine", "--storage", "jobs", "--to", "other.jsonl", "--folder-lost")
    assert lost.returncode == 0, lost.stderr
    assert len((reviews.parent / "other.jsonl").read_text().splitlines()) == 20
