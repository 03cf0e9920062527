"""What a client sees of batches and files: the records, under the script's faults, in the profile's form."""

from typing import Any

from .clock import Clock
from .faults import Faults
from .profiles import azure_batch, foreign_batch, foreign_file
from .records import BatchRecord, FileRecord
from .settings import Profile
from .wire import batch_object, file_object

Wire = dict[str, Any]


class View:
    """Shows records to clients."""

    def __init__(self, profile: Profile, clock: Clock, faults: Faults) -> None:
        self._profile = profile
        self._clock = clock
        self._faults = faults

    def batch(self, batch: BatchRecord) -> Wire:
        """A batch."""
        shown = self._with_faults(batch_object(batch), batch)
        if self._profile == "azure":
            return azure_batch(shown)
        return foreign_batch(shown, batch.number) if self._profile == "foreign" else shown

    def file(self, file: FileRecord) -> Wire:
        """A file; Azure's are `pending` in their first second."""
        shown = file_object(file)
        if self._profile == "azure" and self._clock.now() < file.created_at + 1:
            shown["status"] = "pending"
        return foreign_file(shown) if self._profile == "foreign" else shown

    def listed(self, page: Wire) -> Wire:
        """A page of a list; only OpenAI's say that they are lists."""
        return {name: value for name, value in page.items() if name != "object" or self._profile == "openai"}

    def _with_faults(self, shown: Wire, batch: BatchRecord) -> Wire:
        faults = self._faults.of_batch(batch.number)
        ended = next((moment for moment in _ends(batch) if moment is not None), None)
        age = None if ended is None else self._clock.now() - ended
        if (fault := faults.get("no_file_ids")) and age is not None and age < fault.seconds:
            shown |= {"output_file_id": None, "error_file_id": None}
        if (fault := faults.get("stale_counts")) and (age is None or age < fault.seconds):
            counts = shown["request_counts"]
            shown["request_counts"] = {**counts, "completed": counts["completed"] // 2, "failed": 0}
        if "empty_ids" in faults:
            shown |= {name: shown[name] or "" for name in ("output_file_id", "error_file_id")}
        return shown


def _ends(batch: BatchRecord) -> tuple[float | None, ...]:
    return batch.completed_at, batch.failed_at, batch.expired_at, batch.cancelled_at
