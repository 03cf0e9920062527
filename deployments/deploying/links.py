"""Where in Prefect's UI something is: in the UI that the person sees, for there are two."""

import httpx
from prefect.settings import get_current_settings

SECONDS = 5.0
"""So long the UI is asked which of the two it shows; the link works either way."""


def ui_address() -> str | None:
    """The address that paths of the UI follow, without a slash at its end; None where nobody knows it.

    Since Prefect 3.7 a server shows another UI at its root than at the old paths, and says so in `ui-settings`.
    """
    address = get_current_settings().ui_url
    if not address:
        return None
    address = address.rstrip("/")
    return address + _shown_below(address)


def deployment_address(id_: object, *, form: bool = False) -> str | None:
    """Where a deployment is, or the form that starts it."""
    address = ui_address()
    return address and f"{address}/deployments/deployment/{id_}{'/run' if form else ''}"


def _shown_below(address: str) -> str:
    """The path of the UI that a server shows first; Prefect Cloud has but one."""
    try:
        answer = httpx.get(f"{address}/ui-settings", timeout=SECONDS)
        said = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        return ""
    path = said.get(f"{said.get('default_ui')}_base_url") if isinstance(said, dict) else None
    return path.rstrip("/") if isinstance(path, str) else ""
