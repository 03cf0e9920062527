"""Whose certificates are trusted: the system's, or those of the file that the environment names."""

import os
import ssl
from functools import cache
from pathlib import Path

from ..batch.errors import AccessError

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""What names a company's own authorities; the first that is set counts."""


def authorities() -> str | None:
    """The file or folder of trusted authorities that the environment names; None where it names none.

    Raises:
        AccessError: there is no such file.
    """
    variable = next((name for name in VARIABLES if os.environ.get(name)), None)
    if variable is None:
        return None
    path = os.environ[variable]
    if not Path(path).exists():
        raise AccessError(f"{variable} names {path}, which is not there.", variable=variable)
    return path


def trust() -> ssl.SSLContext:
    """The context to speak TLS with; reading the certificates takes longer than many a call, so it is done once.

    Raises:
        AccessError: the file that the environment names is not there, or holds no certificates.
    """
    path = authorities()
    try:
        return _context(path)
    except (OSError, ssl.SSLError) as error:
        raise AccessError(f"{path} holds no certificates that can be read: {error}") from None


@cache
def _context(path: str | None) -> ssl.SSLContext:
    from httpx2 import create_ssl_context

    if path is None:
        return create_ssl_context()
    is_folder = Path(path).is_dir()
    return ssl.create_default_context(capath=path if is_folder else None, cafile=None if is_folder else path)
