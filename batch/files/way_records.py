"""What is noted in an input file's folder of its way through OpenAI, beside its batches and what they gave."""

from datetime import datetime

from ..storage.records import Record


class Claim(Record):
    """Somebody is about to create a batch for an input file; since when, and whether OpenAI has refused it."""

    claimed_at: datetime
    refused: bool = False
    name: str = ""


class Uploads(Record):
    """How often an upload was begun: after more than one, copies may be left at OpenAI."""

    begun: int = 0


class KeptUpload(Record):
    """A file that is uploaded, and has no batch yet."""

    file_id: str


class SeenEnded(Record):
    """A batch is seen to have ended, without its files; since when, in Unix seconds."""

    batch_id: str
    seen_at: float


class Twins(Record):
    """Batches that were cancelled because an older one holds the same items."""

    batch_ids: tuple[str, ...] = ()
