"""The one batch of an input file: claimed before it is created, recorded after."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from openai import APIError, OpenAIError

from ...batch import clock
from ...batch.files.batches import Batch
from ...batch.files.identity import identity_of, metadata_of_attempt, with_tokens
from ...batch.files.input_files import InputFile
from ...batch.jobs.submissions import (
    attempt_of,
    claim,
    drop_kept_upload,
    kept_upload,
    last_claim,
    note_kept_upload,
    note_submission,
    refusals,
    submitted,
)
from ...batch.outcomes.validation import Reason, why_refused
from .connection import Connection
from .creation import create_once, may_have_created
from .listing import enqueued, find_created
from .twins import keep_one
from .uploads import upload


def find_or_create(
    connection: Connection, file: InputFile, settle_seconds: float, by_hand: Mapping[str, str] | None = None
) -> Batch:
    """The one batch of an input file: as it is recorded, as it is found at OpenAI, or created now.

    Items made by hand are of no job: `by_hand` is their identity.
    """
    batch = find_or_create_in_room(connection, file, settle_seconds, None, by_hand)
    assert batch is not None, "only a bound keeps a batch back"
    return batch


def find_or_create_in_room(
    connection: Connection,
    file: InputFile,
    settle_seconds: float,
    bound: int | None,
    by_hand: Mapping[str, str] | None = None,
) -> Batch | None:
    """The same, where no more than `bound` tokens of a model may be enqueued; None: there is no room for it now.

    Then its upload is kept for the next time.
    """
    done = submitted(file)
    if done is not None:
        return done
    identity = {**identity_of(file), **(by_hand or {})}
    batch = _found_or_created(connection, file, identity, settle_seconds, bound)
    if batch is None:
        return None
    return note_submission(file, batch)


def _found_or_created(
    connection: Connection, file: InputFile, identity: Mapping[str, str], settle_seconds: float, bound: int | None
) -> Batch | None:
    """Look for what an earlier claim may have created; where there is nothing, create it under a claim of ours."""
    file_id = None
    while True:
        number, earlier = last_claim(file)
        if earlier is not None:
            found = find_created(connection, identity, earlier.claimed_at.timestamp(), settle_seconds)
            batch = keep_one(connection, file, found) if found else submitted(file)
            if batch is not None:
                if file_id is not None and file_id != batch.input_file_id:
                    connection.delete_file(file_id)  # somebody else was faster
                return batch
        if kept_upload(file) is None:  # else it has had its turn, and found no room
            connection.take_turn()
        file_id = file_id or _uploaded(connection, file)
        with _room_for(connection, file, bound) as there_is_room:
            if not there_is_room:
                note_kept_upload(file, file_id)
                return None
            claimed = claim(file, number + 1, _now())
            if claimed is not None:
                drop_kept_upload(file)
                return _create_claimed(connection, file, file_id, claimed, identity, settle_seconds)


@contextmanager
def _room_for(connection: Connection, file: InputFile, bound: int | None) -> Iterator[bool]:
    """Whether there is room for an input file, which nobody else takes as long as the block lasts."""
    if bound is None:
        yield True
        return
    with connection.one_at_a_time() as got:
        yield got and enqueued(connection).has_room(file, bound)


def _now() -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)


def _create_claimed(
    connection: Connection,
    file: InputFile,
    file_id: str,
    claimed: str,
    identity: Mapping[str, str],
    settle_seconds: float,
) -> Batch:
    metadata = metadata_of_attempt(with_tokens(identity, file), attempt_of(file))
    try:
        return create_once(connection, file_id, file.endpoint, metadata, settle_seconds)
    except APIError as error:
        if not may_have_created(error):  # a refusal creates nothing, so there is nothing to look for
            file.files.remove(claimed)
            with suppress(OpenAIError):
                connection.delete_file(file_id)
        raise


def _uploaded(connection: Connection, file: InputFile) -> str:
    """The remote file of an earlier attempt that only lacked room, else a new upload."""
    kept = kept_upload(file)
    if kept is not None:
        return kept
    earlier = refusals(file).batches
    if earlier and earlier[-1].input_file_id and why_refused(earlier[-1].errors) == Reason.NO_ROOM:
        return earlier[-1].input_file_id
    return upload(connection, file)
