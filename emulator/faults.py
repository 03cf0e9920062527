"""Faults by script: what goes wrong, where, and how often; repeatable from a seed."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from .settings import Frozen

LineKind = Literal[
    "error",
    "refusal",
    "length",
    "content_filter",
    "invalid_answer",
    "missing",
    "doubled",
    "foreign",
    "status_zero",
    "separators",
]


class LineFault(Frozen):
    """Something goes wrong with lines of a batch.

    Kinds: `error` (the line gets `status` and an error body), `refusal`, `length` and `content_filter` (the answer
    ends so), `invalid_answer` (the answer is not the JSON that was asked for), `missing` (executed, but in no
    file), `doubled` (written twice), `foreign` (a line of somebody else's stands beside it), `status_zero`,
    `separators` (raw U+2028, U+2029 and U+0085 in the answer).
    """

    kind: LineKind
    pattern: str = Field("", description="Regular expression over the line; empty fits every line.")
    share: float = Field(1.0, ge=0, le=1, description="Share of the fitting lines that it befalls.")
    status: int = Field(500, description="HTTP status of the line, for `error`.")
    code: str | None = Field(None, description="Code of the error, for `error`; by its status if absent.")
    message: str | None = Field(None, description="Text of the error or refusal; OpenAI's own if absent.")
    times: int | None = Field(None, ge=1, description="How often at most an item meets it; then it goes through.")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        re.compile(pattern)
        return pattern


Fault = Annotated[LineFault, Field()]
