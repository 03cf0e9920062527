"""Identifiers as OpenAI makes them."""

import re
import secrets
import string
from base64 import urlsafe_b64encode
from uuid import uuid4

_LETTERS = string.ascii_letters + string.digits
_SAFE = re.compile(r"[A-Za-z0-9_=-]{1,128}\Z")


def new_file_id(profile: str = "openai") -> str:
    """`file-` and 22 letters and digits; Azure's are 32 hexadecimal digits, others' are long."""
    if profile == "foreign":
        return f"file-{_wrapped(uuid4().hex)}"
    return f"file-{uuid4().hex}" if profile == "azure" else f"file-{_letters(22)}"


def new_batch_id(created_at: float, profile: str = "openai") -> str:
    """`batch_` and 32 hexadecimal digits, the first eight of them the time of creation; Azure's have dashes."""
    if profile == "foreign":
        return f"batch_{_wrapped(uuid4().hex)}"
    return f"batch_{uuid4()}" if profile == "azure" else f"batch_{int(created_at):08x}{secrets.token_hex(12)}"


def new_upload_id() -> str:
    """`upload_` and 32 hexadecimal digits."""
    return f"upload_{secrets.token_hex(16)}"


def new_part_id() -> str:
    """`part_` and 32 hexadecimal digits."""
    return f"part_{secrets.token_hex(16)}"


def new_request_id() -> str:
    """What stands in the header `x-request-id`."""
    return f"req_{secrets.token_hex(16)}"


def is_safe(identifier: str) -> bool:
    """Whether an identifier may become a file's name: no separators, no dots, no surprises."""
    return _SAFE.match(identifier) is not None


def _wrapped(identifier: str) -> str:
    """An identifier as LiteLLM's proxy wraps it: long, in base64."""
    return urlsafe_b64encode(f"litellm_proxy;model:any;id:{identifier}".encode()).decode()


def _letters(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))
