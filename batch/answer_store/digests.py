"""What an answer is known by: a digest of all that was sent, and of the server that it was sent to.

The body counts byte by byte, as it is sent: compact JSON, its fields in their order, for a model reads a schema's
fields in the order in which they stand. Nothing else counts: no custom_id, row, job or account.
"""

from collections.abc import Sequence
from hashlib import blake2b

from ..requests.endpoints import Endpoint
from ..requests.items import body_in

DIGEST_BYTES = 20


class Digests:
    """The digests of what is sent to an endpoint of a server."""

    def __init__(self, endpoint: Endpoint, server: str) -> None:
        self._endpoint = endpoint
        self._begun = blake2b(f"{endpoint}\n{server}\n".encode(), digest_size=DIGEST_BYTES)

    def of_body(self, body: bytes) -> bytes:
        """The digest of a body as it is sent, 20 bytes."""
        digest = self._begun.copy()
        digest.update(body)
        return digest.digest()

    def of_lines(self, lines: Sequence[bytes]) -> list[bytes]:
        """The digests of lines of an input file."""
        return [self.of_body(body_in(line, self._endpoint)) for line in lines]
