"""What a credentials block is given, else the environment: without blanks around it, and fit for a header."""

import os
from typing import Literal, overload

from pydantic import SecretStr

from ..batch.errors import AccessError


@overload
def given(value: SecretStr | str, field: str, variable: str, *, needed: Literal[True]) -> str: ...
@overload
def given(value: SecretStr | str, field: str, variable: str, *, needed: bool = False) -> str | None: ...
def given(value: SecretStr | str, field: str, variable: str, *, needed: bool = False) -> str | None:
    """A setting of the block, else of the environment, without the blanks and line ends around it.

    Raises:
        AccessError: it is needed and not there, or no header can hold it; its value is never quoted, for libraries
            quote what they cannot send.
    """
    text = plain(value)
    origin = f"The credentials block's {field}" if text else variable
    found = text or os.environ.get(variable)
    stripped = (found or "").strip()
    if not stripped and (needed or found):
        raise AccessError(
            f"{variable} is not set. Set it in the environment, or give a credentials block that holds it."
            if needed
            else f"{origin} holds nothing but blanks: take it away.",
            variable=variable,
        )
    return sendable(stripped, origin, variable=variable) or None


def sendable(text: str, origin: str, **details: str) -> str:
    """A text that a header can hold.

    Raises:
        AccessError: it cannot; the text is not quoted.
    """
    strange = next((place for place, sign in enumerate(text, 1) if not " " <= sign <= "~"), None)
    if strange is not None:
        raise AccessError(
            f"{origin} cannot be sent: its character {strange} of {len(text)} is none that an HTTP header can "
            "hold, such as a line end within it or a typographic sign. Copy it again.",
            **details,
        )
    return text


def plain(value: SecretStr | str) -> str:
    """The text of a field, which may be a secret one."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value
