"""The local Batch API server, within a program or as one."""

import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from errno import EACCES, EADDRINUSE
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import uvicorn

from .answers.answerers import Answerer
from .clock import Clock
from .engine import bill
from .engine.engine import Engine
from .engine.store import Store
from .engine.webhooks import Webhooks
from .engine.worker import Workshop
from .faults.route_faults import Protocol
from .faults.script import BatchFault, Faults, LineFault, RouteFault, Script
from .routes import control
from .routes.app import make_app
from .routes.context import Context
from .routes.rates import Rates
from .routes.view import View
from .settings import ServerSettings, SettingError, setting_used


class BatchServer:
    """A local Batch API server in a background thread of this program.

    Args:
        settings: its options; or give them by name, as in `BatchServer(port=8080, key="secret")`.
        clock: the server's clock; one of the settings' speed by default. `Clock(speed=0)` stands still until
            `advance` moves it.
        answer: a function from a request's body to its answer: a text, a whole body, or a `Reply`.
        options: fields of `ServerSettings`.

    Example:
        ```python
        with BatchServer() as server:
            client = OpenAI(base_url=server.base_url, api_key="any")
        ```
    """

    def __init__(
        self,
        settings: ServerSettings | None = None,
        *,
        clock: Clock | None = None,
        answer: Answerer | None = None,
        **options: Any,
    ) -> None:
        given = settings or ServerSettings()
        self.settings = ServerSettings(
            **{**{name: getattr(given, name) for name in given.model_fields_set}, **options}
        )
        self.clock = clock or Clock(self.settings.speed)
        self._answer = answer
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """The server's address, without `/v1`: the control routes stand under it."""
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"{'https' if self.settings.certificate else 'http'}://{host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL, such as `http://127.0.0.1:8080/v1`."""
        return f"{self.url}/v1"

    @property
    def folder(self) -> Path:
        """Where files and batches lie."""
        return self._context.store.folder

    def start(self) -> None:
        """Listen, and move batches along.

        Raises:
            SettingError: the port is taken, or what another setting names cannot be used.
        """
        self._open()
        sockets = [self._socket]
        self._thread = threading.Thread(target=self._web.run, args=(sockets,), name="batch-server", daemon=True)
        self._thread.start()
        while not self._web.started and self._thread.is_alive():
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop listening; a temporary folder goes, one of the caller's stays."""
        self._web.should_exit = True
        self._thread.join()
        self._stack.close()

    def run(self, ready: Callable[[str], None]) -> None:
        """Serve in this thread until a signal ends it; `ready` gets the base URL once it listens."""
        self._open()
        with self._stack, suppress(KeyboardInterrupt), _terminating_like_an_interrupt():
            ready(self.base_url)
            self._web.run([self._socket])

    def requests(self) -> list[dict[str, Any]]:
        """The requests so far: received_at (true time), method, path, query, status (None while it is served)."""
        return [dict(entry) for entry in list(self._gate.log)]

    def bill(self) -> dict[str, Any]:
        """Lines executed and billed, tokens, what was billed in US dollars, and the items billed more than once.

        `usd` is a decimal as text, exact, each line at the price of a batch or of a synchronous call, without the
        lines that were billed and whose price is not known: `unpriced` counts those.
        """
        return bill.totals(self._context.store)

    def billed_items(self) -> list[dict[str, Any]]:
        """Every line executed: custom_id, body_sha256, batch_id, status_code, model, billed, tokens, and usd.

        `usd` is a decimal as text, "0" where nothing was billed, None where the price is not known.
        """
        return list(bill.items(self._context.store))

    def state(self) -> dict[str, Any]:
        """The clock, and the batches and files as the API shows them."""
        return control.state(self._context)

    def advance(self, seconds: float) -> float:
        """Move the clock on; returns its time when everything that was due has happened."""
        return control.advance(self._context, seconds)

    def fail(self, *faults: LineFault | BatchFault | RouteFault, seed: int = 0) -> None:
        """Let these faults happen from now on, instead of those before; none at all ends them."""
        control.load_faults(self._context, Script(seed=seed, faults=faults))

    @property
    def faults(self) -> Script:
        """The faults that happen now."""
        return self._context.faults.script

    def _open(self) -> None:
        with ExitStack() as stack:
            folder = self.settings.data or Path(
                stack.enter_context(TemporaryDirectory(prefix="openai-batch-", ignore_cleanup_errors=True))
            )
            self._socket = stack.enter_context(_listening(self.settings))
            self._context = _make_context(self.settings, folder, self.clock, self._answer)
            self._gate = make_app(self._context)
            self._web = self._web_server()
            stack.callback(lambda: self._context.store.save_time(self.clock.now()))
            for part in (self._context.webhooks, self._context.engine):
                part.start()
                stack.callback(part.stop)
            self._stack = stack.pop_all()

    def _web_server(self) -> uvicorn.Server:
        config = uvicorn.Config(
            self._gate,
            http=Protocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
            ssl_certfile=self.settings.certificate,
        )
        with setting_used(self.settings, "certificate"):
            config.load()
        return uvicorn.Server(config)


@contextmanager
def _terminating_like_an_interrupt() -> Iterator[None]:
    """Let SIGTERM unwind this program as Ctrl-C does: uvicorn raises it again when it has shut down."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only that one may set handlers
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _listening(settings: ServerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With its protocol named, asyncio sends small answers at once; else each would wait 40 ms for company.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(2048)  # who connects from now on is served as soon as the loop runs
    except OSError as error:
        listening.close()
        setting = "port" if error.errno in (EADDRINUSE, EACCES) else "host"
        place = f"port {settings.port} of {settings.host}"
        raise SettingError(setting, f"{place} cannot be listened at: {error.strerror}") from None
    return listening


def _make_context(settings: ServerSettings, folder: Path, clock: Clock, answer: Answerer | None) -> Context:
    with setting_used(settings, "data"):
        store = Store(folder)
    if (saved := store.saved_time()) is not None:
        clock.catch_up(saved)
    with setting_used(settings, "faults"):
        script = Script() if settings.faults is None else Script.model_validate_json(settings.faults.read_bytes())
    faults, webhooks = Faults(script), Webhooks(settings, clock)
    with setting_used(settings, "answers"):
        workshop = Workshop(settings, answer, faults)
    engine = Engine(store, clock, settings, workshop, faults, webhooks.batch_ended)
    view, rates = View(settings.profile, clock, faults), Rates(settings.limits, clock)
    return Context(settings, clock, store, engine, faults, view, rates, webhooks)


def announce(base_url: str) -> None:
    """Print the base URL on a line of its own, at once: whoever started the program waits for it."""
    sys.stdout.write(f"{base_url}\n")
    sys.stdout.flush()


def serve(settings: ServerSettings, ready: Callable[[str], None] = announce) -> None:
    """Run the server as this program's job until a signal ends it.

    Args:
        settings: its options.
        ready: gets the base URL once the server listens; prints it by default.

    Raises:
        SettingError: the port is taken, or what another setting names cannot be used.
    """
    BatchServer(settings).run(ready)
