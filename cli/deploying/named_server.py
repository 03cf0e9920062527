"""The Prefect server that the profile or the environment names: what is deployed is to stay."""

import click

from ...batch.errors import OpenAIBatchError

USUAL = "http://127.0.0.1:4200/api"
"""Where `prefect server start` listens unless it is told otherwise."""

NONE_NAMED = """no Prefect server is named, and one that only lives as long as this command would keep nothing.
Start one:        prefect server start
and name it:      prefect config set PREFECT_API_URL={usual}
or Prefect Cloud: prefect cloud login"""

ONE_IS_UP = """no Prefect server is named, but one is up at {usual}.
Name it:          prefect config set PREFECT_API_URL={usual}"""


def need_server() -> None:
    """Refuse where Prefect would start a server of its own for as long as the command lasts.

    Raises:
        click.UsageError: no server is named; with what to type.
    """
    from prefect.settings import get_current_settings

    if not get_current_settings().api.url:
        raise click.UsageError((ONE_IS_UP if _answers(USUAL) else NONE_NAMED).format(usual=USUAL))


def need_answer() -> None:
    """Refuse where the named server does not answer.

    Raises:
        OpenAIBatchError: with its address, and what came instead of an answer.
    """
    from prefect.client.orchestration import get_client
    from prefect.settings import get_current_settings

    with get_client(sync_client=True) as client:
        if (error := client.api_healthcheck()) is not None:
            raise OpenAIBatchError(
                f"Prefect's server {get_current_settings().api.url} cannot be reached: {error}. Start it, or name "
                "another: prefect config set PREFECT_API_URL=…"
            )


def _answers(url: str) -> bool:
    import httpx

    try:
        return httpx.get(f"{url}/health", timeout=1, trust_env=False).is_success
    except httpx.HTTPError:
        return False
