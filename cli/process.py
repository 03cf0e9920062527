"""Run a flow in this process, with its progress on stderr instead of Prefect's log."""

import atexit
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from socket import socket, socketpair
from threading import Thread
from types import FrameType

import click

from ..batch.errors import Refused
from ..batch.progress import waited_for
from ..batch.storage.folders import Folder
from ..batch.storage.locations import absolute
from ..batch.storage.rights import check_claims

PATIENCE_SECONDS = 1.5
"""So long after a signal threads are waited for; then the process ends without them, as in a crash."""

STOPPED = "stopped; the same command continues the job"
STOPPED_ELSE = "stopped"
STOPPED_TRIAL = "stopped; what was answered is not kept"
STOPPED_REMOVING = "stopped before anything was removed; --yes does not ask"
STOPPED_FORGETTING = "stopped; the same command goes on where something is left"

EXIT_CODES: dict[int, int] = {
    getattr(signal, name): code
    for name, code in {"SIGINT": 1, "SIGTERM": 143, "SIGHUP": 129}.items()
    if hasattr(signal, name)  # Windows hangs nothing up
}
"""Of a process that a signal has ended."""

SURROUNDINGS = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}
"""What Prefect's own server is started with unless the environment says otherwise: 20 seconds are few."""

EVENTS_SECONDS = 5.0
"""So long a command waits at its end for what Prefect is still told of."""

storage = click.option("--storage", metavar="URL", help="Where the job folders lie.")
credentials = click.option(
    "--credentials",
    metavar="NAME",
    help="The credentials block, for Azure too.  [default: OpenAI's environment variables]",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
verbose = click.option("--verbose", is_flag=True, help="Show Prefect's own log on stderr.")


def _take_base_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value:
        os.environ["OPENAI_BASE_URL"] = value


base_url = click.option(
    "--base-url",
    callback=_take_base_url,
    expose_value=False,
    help="Another server that speaks OpenAI's Batch API.",
)


PREFECT_UNREACHED = (
    "Prefect's server {url} cannot be reached: {why}. Start it with `prefect server start`, name another by "
    "PREFECT_API_URL, or unset that: a command then starts one of its own."
)


def stopped(command: str | None) -> str:
    """What is said when this command was stopped."""
    said = {
        "run": STOPPED,
        "resume": STOPPED,
        "try": STOPPED_TRIAL,
        "forget": STOPPED_FORGETTING,
        "answers": STOPPED_REMOVING,
        "marks": STOPPED_REMOVING,
    }
    return said.get(str(command), STOPPED_ELSE)


class Stopped(KeyboardInterrupt):
    """A signal asked this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = EXIT_CODES[number]


def end_as_interrupted() -> None:
    """From now on SIGTERM and SIGHUP end this process as Ctrl-C does; one that is ignored, as by nohup, stays so.

    It then ends without being taken apart by Python, which takes long. Call this first: what is registered first
    is done last.
    """
    asked: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        raise Stopped(number)

    def end() -> None:
        if asked:
            os._exit(EXIT_CODES[asked[0]])

    atexit.register(end)
    for number in EXIT_CODES:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, stop)


def replace_what_cannot_be_printed() -> None:
    """Print a substitute for what the terminal's encoding lacks: a job that is paid never fails for that."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def print_json(text: str) -> None:
    """Print JSON, with escapes where the encoding is too narrow: a program reads it."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(json.loads(text))
    click.echo(text)


def default_storage() -> str:
    """Where job folders lie unless one says otherwise; no server of Prefect's is started to know it."""
    with waited_for("loading Prefect"):
        from prefect.settings import get_current_settings

        from ..flows.defaults import default_storage, storage_without_server
    with waited_for("asking Prefect's server where jobs lie"):
        return default_storage() if get_current_settings().api.url else storage_without_server()


def team_store() -> str:
    """The team's answer store, empty where there is none; known in the same way."""
    with waited_for("loading Prefect"):
        from prefect.settings import get_current_settings

        from ..flows.defaults import team_store, team_store_without_server
    with waited_for("asking Prefect's server where answers are kept"):
        return team_store() if get_current_settings().api.url else team_store_without_server()


def check_storage(place: str) -> None:
    """Refuse a storage in which no claim is exclusive, or, on local disks, nothing can be made.

    Raises:
        StorageError: its protocol has no exclusive create.
        Refused: it lies below a file, or in a folder that may not be written to.
    """
    check_claims(place)
    if not Folder(place).is_local:
        return
    path = Path(absolute(place))
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        what = "may not be written to" if there.is_dir() else "is no folder"
        raise Refused(f"The storage {place} cannot be used: {there} {what}. Choose another --storage.")


def check_key() -> None:
    """Refuse an environment without a key, before Prefect's server is started.

    Raises:
        AccessError: there is none, or one that no header can hold.
    """
    from ..blocks import load_credentials

    load_credentials().get_client().close()


@contextmanager
def places_named(folder: str, destination: str) -> Iterator[None]:
    """Let an error of the disk, which may name no path, say where the job writes."""
    try:
        yield
    except OSError as error:
        error.add_note(f"The job writes to its folder {folder} and to {destination}.")
        raise


def quieten(*, verbose: bool = False) -> None:
    """Leave it to our own lines to say what happens; call it before anything of Prefect is imported.

    What the environment says of Prefect's log counts only where it is wanted.
    """
    for name, value in SURROUNDINGS.items():
        os.environ.setdefault(name, value)
    if not verbose:
        os.environ["PREFECT_LOGGING_LEVEL"] = "CRITICAL"


def load_flows() -> None:
    """Import the flows, and what they need, which takes seconds."""
    with waited_for("loading Prefect"):
        import_module("..flows", __package__)


@contextmanager
def flow_in_this_process(*, verbose: bool) -> Iterator[None]:
    """Let flows run in the block, with our own lines about them unless Prefect's are wanted."""
    load_flows()
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from .progress import shown_progress

    # Nobody takes a command that vanished for a crashed run, and ending the heartbeat can take a second.
    calm = temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
    with prefect_in_this_process(verbose=verbose), shown_progress(), calm:
        yield


@contextmanager
def prefect_in_this_process(*, verbose: bool = False) -> Iterator[None]:
    """Let Prefect be asked in the block, without its log unless that is wanted; a server of its own may start."""
    from prefect.events.worker import EventsWorker

    from ..blocks.servers.own_server import own_server

    with calls_in_this_process(verbose=verbose), own_server(tell=partial(click.echo, err=True)):
        try:
            yield
        finally:  # while no log is shown: at the program's end it says what it has not sent yet
            EventsWorker.drain_all(timeout=EVENTS_SECONDS, at_exit=False)


@contextmanager
def calls_in_this_process(*, verbose: bool = False) -> Iterator[None]:
    """Let OpenAI be asked in the block, without a log unless that is wanted; a signal ends it soon."""
    with _left_in_time(), nullcontext() if verbose else _logs_off():
        yield


@contextmanager
def _left_in_time() -> Iterator[None]:
    """Let a signal in the block end the process soon, whatever its threads wait for and whose handler takes it."""
    told, signals = socketpair()  # Prefect has a handler of its own for SIGTERM, and gives it back at the end only
    signals.setblocking(False)
    before = signal.set_wakeup_fd(signals.fileno(), warn_on_full_buffer=False)
    context = click.get_current_context(silent=True)
    while context and context.parent and context.parent.parent:  # `forget` of `answers forget` is another command
        context = context.parent
    said = stopped(context.info_name if context else None)
    Thread(target=_leave_after_signal, args=(told, said), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        signals.close()


def _leave_after_signal(told: socket, said: str) -> None:
    """Wait for a signal that asks to end, let the process end by itself for a moment, and end it."""
    with told:
        while (number := told.recv(1)) and number[0] not in EXIT_CODES:
            pass
        if number:
            time.sleep(PATIENCE_SECONDS)
            click.echo(f"error: {said}", err=True)
            os._exit(EXIT_CODES[number[0]])


@contextmanager
def _logs_off() -> Iterator[None]:
    """No log at all, whatever the environment, a profile or a logging file says."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(level)
