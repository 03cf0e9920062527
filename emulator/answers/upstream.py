"""Lines answered by another OpenAI-compatible server: a Batch API for models that have none."""

import asyncio
import json
import threading
from typing import Any

import httpx2

from ..errors import error_body
from ..settings import ServerSettings
from .exchange import Answer, Asked, read_usage

_ATTEMPTS = 4
_FIRST_WAIT = 0.2
_LONGEST_WAIT = 30.0
_BUSY = frozenset({429, 500, 502, 503, 504})


class Upstream:
    """Forwards each line to the server that the settings name, a bounded number at once.

    A busy or failing server is asked again a few times; what it answers in the end is the line's answer, whatever
    its status. It works in an event loop of its own, so that it can be stopped in the middle of slow answers.
    """

    def __init__(self, settings: ServerSettings) -> None:
        assert settings.upstream is not None
        self._base_url = settings.upstream.rstrip("/").removesuffix("/v1")
        self._model = settings.upstream_model
        self._room = asyncio.Semaphore(settings.upstream_concurrency)
        self._client = httpx2.AsyncClient(
            headers={"authorization": f"Bearer {settings.upstream_key}"},
            timeout=httpx2.Timeout(settings.upstream_timeout, connect=10),
            limits=httpx2.Limits(max_connections=settings.upstream_concurrency),
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="batch-upstream", daemon=True)
        self._thread.start()

    def answer_all(self, endpoint: str, asked: list[Asked]) -> list[Answer]:
        """The server's answers, in the order of the requests.

        Raises:
            concurrent.futures.CancelledError: it was closed meanwhile.
        """
        return asyncio.run_coroutine_threadsafe(self._answer_all(endpoint, asked), self._loop).result()

    def close(self) -> None:
        """Drop what is under way, and the connections."""
        asyncio.run_coroutine_threadsafe(self._drop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _drop(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._client.aclose()

    async def _answer_all(self, endpoint: str, asked: list[Asked]) -> list[Answer]:
        return await asyncio.gather(*(self._answer(endpoint, one) for one in asked))

    async def _answer(self, endpoint: str, asked: Asked) -> Answer:
        body = asked.body if self._model is None else {**asked.body, "model": self._model}
        async with self._room:
            for attempt in range(_ATTEMPTS):
                answer, wait = await self._ask(endpoint, body)
                if wait is None:
                    break
                if attempt < _ATTEMPTS - 1:
                    await asyncio.sleep(min(max(wait, _FIRST_WAIT * 2**attempt), _LONGEST_WAIT))
        return answer

    async def _ask(self, endpoint: str, body: dict[str, Any]) -> tuple[Answer, float | None]:
        """One answer, and the least seconds after which to ask again; None where it is final."""
        try:
            response = await self._client.post(f"{self._base_url}{endpoint}", json=body)
        except httpx2.HTTPError as error:
            return _unreachable(f"{type(error).__name__}: {error}"), 0.0
        return _read(response), _seconds(response) if response.status_code in _BUSY else None


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


def _seconds(response: httpx2.Response) -> float:
    try:
        return float(response.headers.get("retry-after", 0))
    except ValueError:  # a date
        return 1.0
