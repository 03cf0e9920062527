"""Lines answered by another OpenAI-compatible server: a Batch API for models that have none."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2

from .bodies import Answer, Asked, read_usage
from .errors import error_body
from .settings import ServerSettings

_ATTEMPTS = 4
_BUSY = frozenset({429, 500, 502, 503, 504})


class Upstream:
    """Forwards each line to the server that the settings name, a bounded number at once.

    A busy or failing server is asked again a few times; what it answers in the end is the line's answer, whatever
    its status.
    """

    def __init__(self, settings: ServerSettings) -> None:
        assert settings.upstream is not None
        self._base_url = settings.upstream.rstrip("/").removesuffix("/v1")
        self._model = settings.upstream_model
        self._pool = ThreadPoolExecutor(settings.upstream_concurrency, thread_name_prefix="upstream")
        self._client = httpx2.Client(
            headers={"authorization": f"Bearer {settings.upstream_key}"},
            timeout=httpx2.Timeout(settings.upstream_timeout, connect=10),
            limits=httpx2.Limits(max_connections=settings.upstream_concurrency),
        )

    def answer_all(self, endpoint: str, asked: list[Asked]) -> list[Answer]:
        """The server's answers, in the order of the requests."""
        return list(self._pool.map(lambda one: self._answer(endpoint, one), asked))

    def close(self) -> None:
        """Drop the connections."""
        self._pool.shutdown(cancel_futures=True)
        self._client.close()

    def _answer(self, endpoint: str, asked: Asked) -> Answer:
        body = asked.body if self._model is None else {**asked.body, "model": self._model}
        answer = _unreachable("not asked")
        for attempt in range(_ATTEMPTS):
            answer, wait = self._ask(endpoint, body)
            if wait is None or attempt == _ATTEMPTS - 1:
                break
            time.sleep(min(wait * 2**attempt, 30))
        return answer

    def _ask(self, endpoint: str, body: dict[str, Any]) -> tuple[Answer, float | None]:
        """One answer, and the seconds after which to ask again; None where it is final."""
        try:
            response = self._client.post(f"{self._base_url}{endpoint}", json=body)
        except httpx2.HTTPError as error:
            return _unreachable(f"{type(error).__name__}: {error}"), 0.2
        wait = _seconds(response.headers.get("retry-after")) if response.status_code in _BUSY else None
        return _read(response), wait


def _read(response: httpx2.Response) -> Answer:
    try:
        body = response.json()
    except ValueError:
        return _unreachable(f"status {response.status_code} and no JSON: {response.text[:200]}")
    usage = read_usage(body) if response.status_code == 200 and isinstance(body, dict) else None
    return Answer(response.status_code, json.dumps(body), usage)


def _unreachable(why: str) -> Answer:
    message = f"The upstream server gave no answer: {why}"
    return Answer(502, json.dumps(error_body(message, "server_error", None, "upstream_error")), None)


def _seconds(retry_after: str | None) -> float:
    try:
        return max(0.0, float(retry_after or 0.2))
    except ValueError:
        return 1.0
