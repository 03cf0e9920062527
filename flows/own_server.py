"""The server that Prefect starts by itself where none is named, waited for as long as a busy machine needs."""

from httpx import TransportError
from prefect.settings import (
    PREFECT_SERVER_ANALYTICS_ENABLED,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    Settings,
    get_current_settings,
    temporary_settings,
)

from ..batch.errors import OpenAIBatchError

UNLESS_SAID_OTHERWISE = {
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: 300,  # Prefect's own 20 are few
    PREFECT_SERVER_ANALYTICS_ENABLED: False,  # it fails on a new database, with a hundred lines on stderr
}
"""How it is started."""


def needs_own_server(settings: Settings) -> bool:
    """Whether Prefect would start a server of its own."""
    return not settings.api.url and settings.server.ephemeral.enabled


def start_own_server() -> None:
    """Start Prefect's own server, where it would be started later anyway, and wait for it.

    Its first answer may take longer than its client waits for: then it is started once more.

    Raises:
        OpenAIBatchError: it did not start.
    """
    if not needs_own_server(get_current_settings()):
        return
    with temporary_settings(set_defaults=UNLESS_SAID_OTHERWISE):
        try:
            _start()
        except TransportError:
            _start()
        except RuntimeError as error:
            raise OpenAIBatchError(
                f"Prefect's own server did not start: {error} Give it longer by "
                "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS, or name a server by PREFECT_API_URL."
            ) from None


def _start() -> None:
    from prefect.server.api.server import SubprocessASGIServer  # the whole server is loaded with it

    server = SubprocessASGIServer()
    try:
        server.start()
    except (TransportError, RuntimeError):
        server.stop()
        raise
