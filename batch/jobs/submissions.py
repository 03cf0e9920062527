"""What an input file's folder records of its way through OpenAI.

uploading.json                     how often its upload was begun
kept_upload.json                   its uploaded file, which has found no room yet
creating.json, creating-2.json     somebody is about to create the batch of the first, the second attempt
creating.2.json                    somebody is about to try that again: the first try has left no batch
submitted.json, submitted-2.json   the batch of that attempt
refused.json                       the batches that failed at validation and are attempted again
twins.json                         batches of the same items that another process created, and that were cancelled
ended.json                         since when the batch is seen to have ended, while its files are not there
answers/                           what was answered one by one, without a batch
answering.json                     who asks them one by one just now
fetched.json                       what the batch gave, or those answers, and in which outcomes-….arrow it lies
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import NamedTuple
from uuid import uuid4

from .. import clock
from ..files.batches import ENDED, Batch, BatchStatus
from ..files.input_files import INPUT, ITEMS, InputFile
from ..files.way_records import Claim, KeptUpload, SeenEnded, Twins, Uploads
from ..outcomes.outcome_files import FetchedOutput
from ..outcomes.validation import Reason, why_refused
from ..storage.folders import Folder
from ..storage.records import Record

ANSWERS = "answers"
ANSWERING = "answering.json"
TWINS = "twins.json"
SEEN_ENDED = "ended.json"
_REFUSED = "refused.json"
_UPLOADING = "uploading.json"
KEPT_UPLOAD = "kept_upload.json"
_FETCHED = "fetched.json"


class Refusals(Record):
    """The attempts that failed at validation for want of what may come; `not_before` is in Unix seconds."""

    batches: tuple[Batch, ...] = ()
    not_before: float = 0.0

    @property
    def for_room(self) -> bool:
        """Whether it waits for room among the enqueued tokens, as a piece that has not been sent does."""
        return not self.batches or why_refused(self.batches[-1].errors) == Reason.NO_ROOM


def refusals(file: InputFile) -> Refusals:
    """The attempts of an input file that are over."""
    return file.files.read(_REFUSED, Refusals) or Refusals()


def put_off(file: InputFile, not_before: float) -> None:
    """Let an input file that is not sent wait until a time in Unix seconds."""
    file.files.write(_REFUSED, Refusals(batches=refusals(file).batches, not_before=not_before))


def note_refusal(file: InputFile, batch: Batch, not_before: float) -> None:
    """Close an attempt: from now on the next one is asked for, though not before a time in Unix seconds."""
    earlier = refusals(file)
    if batch.id not in [known.id for known in earlier.batches]:
        file.files.write(_REFUSED, Refusals(batches=(*earlier.batches, batch), not_before=not_before))


def attempt_of(file: InputFile) -> int:
    """Which attempt an input file is in, counted from 1."""
    return len(refusals(file).batches) + 1


class Seen(NamedTuple):
    """An input file's folder at one look: its attempt, and all names; a record that is not named was not there."""

    attempt: int
    names: frozenset[str]


def look(file: InputFile) -> Seen:
    """Look at an input file's folder once; of one that was refused before, again when its attempt is known."""
    names = frozenset(file.files.names())
    if _REFUSED not in names:
        return Seen(1, names)
    attempt = attempt_of(file)
    return Seen(attempt, frozenset(file.files.names()))


def claim(file: InputFile, number: int, now: datetime, attempt: int | None = None) -> str | None:
    """Claim one try to create the batch of an input file's attempt, by default the present one; none comes twice.

    Returns:
        The claim's name, or None where somebody else has claimed it.
    """
    stem = _of_attempt("creating", attempt or attempt_of(file))
    name = f"{stem}.json" if number == 1 else f"{stem}.{number}.json"
    ours = Claim(claimed_at=now, name=uuid4().hex)
    # a store whose answer was lost is asked again, and finds ours there
    return name if file.files.claim(name, ours) or file.files.read(name, Claim) == ours else None


def take_back(file: InputFile, name: str) -> None:
    """Note that a claimed try was refused. The claim stays: who looked at it before claims the next number."""
    known = file.files.read(name, Claim)
    if known is not None:
        file.files.write(name, known.model_copy(update={"refused": True}))


def last_claim(file: InputFile, seen: Seen | None = None) -> tuple[int, Claim | None]:
    """The number of the latest claim of an input file's present attempt, 0 where there is none; as it was `seen`.

    And the latest one that was not refused: a batch of it may have been created. One that is empty counts as laid
    now: without hard links it may be written just now.
    """
    names = _claim_names(file, seen)
    for number in sorted(names, reverse=True):
        found = file.files.read(names[number], Claim)
        if found is None:
            found = Claim(claimed_at=datetime.fromtimestamp(clock.now(), UTC), name=names[number])
        if not found.refused:
            return max(names), found
    return max(names, default=0), None


def has_claim(file: InputFile) -> bool:
    """Whether a batch of the present attempt may have been created."""
    return last_claim(file)[1] is not None


def _of_attempt(stem: str, attempt: int) -> str:
    return stem if attempt == 1 else f"{stem}-{attempt}"


def _claim_names(file: InputFile, seen: Seen | None) -> dict[int, str]:
    """The names of the claims by their number; earlier versions took refused ones away, which left gaps."""
    stem = _of_attempt("creating", attempt_of(file) if seen is None else seen.attempt)
    form = re.compile(rf"{stem}(?:\.(\d+))?\.json")
    found = map(form.fullmatch, file.files.names("creating*.json") if seen is None else seen.names)
    return {int(match[1] or 1): match[0] for match in found if match}


def _submitted_name(attempt: int) -> str:
    return f"{_of_attempt('submitted', attempt)}.json"


def submitted(file: InputFile, seen: Seen | None = None) -> Batch | None:
    """The batch of an input file as it was created, once it is, or was when the folder was `seen`."""
    name = _submitted_name(attempt_of(file) if seen is None else seen.attempt)
    return file.files.read(name, Batch) if seen is None or name in seen.names else None


def note_submission(file: InputFile, batch: Batch, attempt: int | None = None) -> Batch:
    """Record the batch of an attempt of an input file, by default the present one."""
    noted = batch.model_copy(update={"input_file": file})
    file.files.write(_submitted_name(attempt or attempt_of(file)), noted)
    return noted


def gave_way(batch: Batch) -> bool:
    """Whether its input file's record names another batch: a twin for which it was cancelled, or a later attempt.

    In a folder that all starts share that is asked of what has ended without all its answers alone.
    """
    file = batch.input_file
    if file is None or not (file.contested or batch.status in ENDED - {BatchStatus.COMPLETED}):
        return False
    kept = submitted(file)
    return kept is not None and kept.id != batch.id


def is_past(batch: Batch) -> bool:
    """The same, or its refusal is recorded, and another attempt is to follow: nothing more comes of it."""
    file = batch.input_file
    return file is not None and (gave_way(batch) or batch.id in [one.id for one in refusals(file).batches])


def has_ended(batch: Batch, now: float) -> bool:
    """Whether nothing more of a batch will come; files that are not there are waited for, for a bounded time.

    That counts from when the batch was first seen to have ended, in whichever process; one that somebody else
    started has no record, nor has one whose folder is on another machine: for them by its own times alone.
    """
    file = batch.input_file
    if file is None or not batch.awaits_files or not file.files.exists():
        return batch.has_ended(now)
    return batch.has_ended(now, _seen_at(file, batch.id, now))


def _seen_at(file: InputFile, batch_id: str, now: float) -> float:
    known = file.files.read(SEEN_ENDED, SeenEnded)
    if known is None or known.batch_id != batch_id:
        known = SeenEnded(batch_id=batch_id, seen_at=now)
        file.files.write(SEEN_ENDED, known)
    return known.seen_at


def note_twins(file: InputFile, batches: list[Batch]) -> None:
    """Record the cancelled twins of an input file's batch: their files are removed with the rest."""
    known = twins(file)
    found = tuple(batch.id for batch in batches if batch.id not in known)
    if found:
        file.files.write(TWINS, Twins(batch_ids=(*known, *found)))


def twins(file: InputFile) -> tuple[str, ...]:
    """The ids of the cancelled twins of an input file's batch."""
    return (file.files.read(TWINS, Twins) or Twins()).batch_ids


def fetched(file: InputFile) -> FetchedOutput | None:
    """What was fetched for an input file, once it is."""
    return file.files.read_settled(_FETCHED, FetchedOutput)


def note_fetched(folder: Folder, output: FetchedOutput) -> FetchedOutput:
    """Record in the folder of an input file what its batch gave, or what stands in place of that.

    Returns:
        What is recorded: where another process was first, what that one has, as long as its outcomes are there.
    """
    first = folder.write_first(_FETCHED, output)
    if first.kept_as != output.kept_as and first.is_kept:
        folder.remove_file(output.kept_as)
        return first
    if first != output:  # whose outcomes are written over, or gone
        folder.write_settled(_FETCHED, output)
    return output


def last_seen(file: InputFile) -> Batch | None:
    """The batch of an input file as its records last say."""
    done = fetched(file)
    return done.batch if done else submitted(file)


def begun(rounds: Folder, files: Iterable[InputFile]) -> list[InputFile]:
    """Those input files of a job that have a record of their way: one listing of its rounds tells.

    They are told apart by their names: two starts may spell the job's folder in two ways.
    """
    records = (name for name in map(PurePosixPath, rounds.below()) if name.name not in (INPUT, ITEMS))
    told = {str(parent) for name in records for parent in name.parents}
    return [file for file in files if f"{file.round}/{file.name}" in told]


def may_be_paid(file: InputFile) -> bool:
    """Whether items of an input file may have been sent, in a batch or one by one."""
    in_batch = has_claim(file) or submitted(file) or refusals(file).batches
    return bool(in_batch or fetched(file) or (file.files / ANSWERS).names())


def note_upload(file: InputFile) -> None:
    """Record that an upload of an input file is about to begin."""
    file.files.write(_UPLOADING, Uploads(begun=uploads_begun(file) + 1))


def uploads_begun(file: InputFile) -> int:
    """How often an upload of an input file was begun."""
    return (file.files.read(_UPLOADING, Uploads) or Uploads()).begun


def note_kept_upload(file: InputFile, file_id: str) -> None:
    """Record an upload that waits for room, so that it is not made again."""
    if kept_upload(file) != file_id:
        file.files.write(KEPT_UPLOAD, KeptUpload(file_id=file_id))


def kept_upload(file: InputFile) -> str | None:
    """The uploaded file that waits for room, where there is one."""
    kept = file.files.read(KEPT_UPLOAD, KeptUpload)
    return None if kept is None else kept.file_id


def drop_kept_upload(file: InputFile) -> None:
    """Forget the upload that waited for room: a batch is made of it, or may be."""
    file.files.remove_file(KEPT_UPLOAD)
