"""Why nothing more of a job is sent."""

from datetime import datetime
from typing import Literal

from ..outcomes.outcome import Outcome, OutcomeKind
from ..storage import Record

STOPPED = "stopped.json"

StopCode = Literal["cancelled", "finish_by", "insufficient_quota", "model_not_found"]


class Stop(Record):
    """Why nothing more of a job is sent; rows that no batch holds get this code and message."""

    code: StopCode
    message: str
    stopped_at: datetime

    @property
    def outcome(self) -> Outcome:
        """What became of the rows that were not sent."""
        kind = OutcomeKind.CANCELLED if self.code in ("cancelled", "finish_by") else OutcomeKind.FAILED
        return Outcome(kind, error_code=self.code, error_message=self.message, again=True)
