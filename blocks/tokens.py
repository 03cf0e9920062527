"""Tokens in place of a key: each lives for an hour or so, and is renewed before it ends."""

import asyncio
import time
from collections.abc import Callable, Iterable

from httpx2 import Request
from openai import APIConnectionError

from ..batch.errors import AccessError
from .secret_texts import SecretTexts

PATIENCE_SECONDS = 3600.0
"""So long after its last token whoever gives them is taken to be out of order, and not to refuse."""


class NoToken(APIConnectionError):
    """No token is given now; the call was not made, and is worth another try."""


class Token:
    """A token that renews itself: called before each request, it mostly comes from memory.

    Args:
        get: Gives a token that is good now.
        giver: Who gives it, in words.
        address: Where.
        passes: Whether what `get` raises may turn out better another time.
        secrets: Gives what no error may quote.
    """

    def __init__(
        self,
        get: Callable[[], str],
        *,
        giver: str,
        address: str,
        passes: Callable[[Exception], bool],
        secrets: Callable[[], Iterable[str]],
    ) -> None:
        self._get = get
        self._giver = giver
        self._address = address
        self._passes = passes
        self._secrets = secrets
        self._good_at: float | None = None

    def __call__(self) -> str:
        """A token that is good now.

        Raises:
            AccessError: none is given to this account.
            NoToken: none is given now.
        """
        try:
            token = self._get()
        except Exception as error:
            raise self._failure(error) from None  # what it came of holds what was sent
        self._good_at = time.monotonic()
        return token

    async def later(self) -> str:
        """The same for an event loop."""
        return await asyncio.to_thread(self)

    def _failure(self, error: Exception) -> Exception:
        said = SecretTexts(self._secrets()).hide(str(error).strip() or type(error).__name__)
        message = f"{self._giver} gives no token: {said}"
        had_one = self._good_at is not None and time.monotonic() - self._good_at < PATIENCE_SECONDS
        if had_one or self._passes(error):
            return NoToken(message=message, request=Request("POST", self._address))
        return AccessError(message, base_url=self._address)
