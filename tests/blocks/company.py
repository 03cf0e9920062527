"""A company's network: a proxy that asks for a password, certificates of its own, and behind it our own server.

Whatever name is asked for, the proxy leads there: so OpenAI, its regions, its tokens, Azure and Entra ID are all
there under their real names, and nothing of the clients is changed but the environment.
"""

import base64
import select
import socket
import socketserver
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme
from prefect_openai_batch.blocks.certificates import VARIABLES
from prefect_openai_batch.emulator import BatchServer

KEYS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT")

USER, PASSWORD = "proxy-user", "proxy-Passw0rd/1"

NAMES = (
    *("api.openai.com", "eu.api.openai.com", "auth.openai.com"),
    *("login.microsoftonline.com", "my-resource.openai.azure.com"),
    *("localhost", "127.0.0.1"),
)


@dataclass
class Company:
    """What the tests need to know of it."""

    authority: Path
    proxy: str
    server: BatchServer
    asked: list[str] = field(default_factory=list)

    def variables(self) -> dict[str, str]:
        """What its machines have in their environment."""
        return {"HTTPS_PROXY": self.proxy, "SSL_CERT_FILE": str(self.authority)}


@contextmanager
def company(folder: Path, **settings: Any) -> Iterator[Company]:
    """A company whose server has these settings."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    authority.issue_cert(*NAMES).private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    with ExitStack() as stack:
        server = stack.enter_context(BatchServer(certificate=folder / "server.pem", **settings))
        asked: list[str] = []
        proxy = stack.enter_context(_Proxy(server.port, asked))
        Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
        stack.callback(proxy.shutdown)
        address = f"http://{USER}:{PASSWORD.replace('/', '%2F')}@127.0.0.1:{proxy.server_address[1]}"
        yield Company(folder / "authority.pem", address, server, asked)


@contextmanager
def within(company: Company, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    """The environment of one of its machines, which knows no key."""
    with monkeypatch.context() as changed:
        for name in (*KEYS, *VARIABLES):
            changed.delenv(name, raising=False)
        for name, value in company.variables().items():
            changed.setenv(name, value)
        yield company


class _Proxy(socketserver.ThreadingTCPServer):
    """Lets a client through to one port, whatever host it names, for the right password."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, asked: list[str]) -> None:
        self.port = port
        self.asked = asked
        self.expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Client)

    def server_close(self) -> None:
        """Hang up on whoever keeps a connection for later."""
        super().server_close()
        for target in list(self.open):
            with suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)


class _Client(socketserver.StreamRequestHandler):
    server: _Proxy

    def handle(self) -> None:
        method, host, _ = self.rfile.readline().decode().split(" ", 2)
        headers = iter(self.rfile.readline, b"\r\n")
        sent = dict(line.decode().strip().lower().split(": ", 1) for line in headers)
        given = sent.get("proxy-authorization", "").partition(" ")[2]
        if method != "CONNECT" or given != self.server.expected.lower():
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        self.server.asked.append(host.partition(":")[0])
        with socket.create_connection(("127.0.0.1", self.server.port)) as target:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.server.open.add(target)
            _relay(self.connection, target)
        self.server.open.discard(target)


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Pass on what comes from either side, until one has ended."""
    ways = {one: other, other: one}
    while True:
        for source in select.select(ways, [], [])[0]:
            try:
                data = source.recv(65_536)
                ways[source].sendall(data)
            except OSError:
                return
            if not data:
                return
