"""The server that Prefect starts by itself where none is named, waited for as long as a busy machine needs."""

from httpx import TransportError
from prefect.settings import Settings, get_current_settings

from ..batch.errors import OpenAIBatchError

STARTUP_SECONDS = 300
"""So long it may take; Prefect's own 20 seconds are few."""


def needs_own_server(settings: Settings) -> bool:
    """Whether Prefect would start a server of its own."""
    return not settings.api.url and settings.server.ephemeral.enabled


def start_own_server() -> None:
    """Start Prefect's own server, where it would be started later anyway, and wait for it.

    Its first answer may take longer than its client waits for: then it is started once more.

    Raises:
        OpenAIBatchError: it did not start.
    """
    settings = get_current_settings()
    if not needs_own_server(settings):
        return
    ephemeral = settings.server.ephemeral
    named = "startup_timeout_seconds" in ephemeral.model_fields_set
    seconds = ephemeral.startup_timeout_seconds if named else STARTUP_SECONDS
    try:
        _start(seconds)
    except TransportError:
        _start(seconds)
    except RuntimeError as error:
        raise OpenAIBatchError(
            f"Prefect's own server did not start: {error} Give it longer by "
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS, or name a server by PREFECT_API_URL."
        ) from None


def _start(seconds: int) -> None:
    from prefect.server.api.server import SubprocessASGIServer  # the whole server is loaded with it

    server = SubprocessASGIServer()
    try:
        server.start(seconds)
    except (TransportError, RuntimeError):
        server.stop()
        raise
