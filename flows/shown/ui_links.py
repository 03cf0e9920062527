"""Links to Prefect's UI that open the one which a person uses.

Prefect logs "View at …" at the start of a run, and links without `/v2` open its old UI, also where the new one is
what the server shows.
"""

import logging

from prefect.settings import PREFECT_CLOUD_API_URL, get_current_settings

FLOW_RUNS = "prefect.flow_runs"
"""The logger of Prefect's flow runs."""

VIEW = "View at "
OURS = "openai-batch"
RUNS = "/runs/flow-run/"


def in_new_ui(url: str) -> str:
    """The same page of Prefect's own server in its new UI, where that is the one it shows."""
    settings = get_current_settings()
    shows_new = getattr(settings.server.ui, "v2_enabled", False)
    is_cloud = str(settings.api.url or "").startswith(PREFECT_CLOUD_API_URL.value())
    return url if is_cloud or not shows_new or "/v2/" in url else url.replace(RUNS, f"/v2{RUNS}")


class _OurLinks(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        of_ours = str(getattr(record, "flow_name", "")).startswith(OURS)
        if of_ours and isinstance(record.msg, str) and record.msg.startswith(VIEW):
            record.msg = in_new_ui(record.msg)
        return True


_FILTER = _OurLinks()


def link_to_new_ui() -> None:
    """Let the lines that name our runs' pages do so from now on."""
    logging.getLogger(FLOW_RUNS).addFilter(_FILTER)
