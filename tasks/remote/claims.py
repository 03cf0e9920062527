"""The one batch of an input file: claimed before it is created, recorded after."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from openai import APIError, BadRequestError, OpenAIError, RateLimitError

from ...batch import clock
from ...batch.files.batches import Batch
from ...batch.files.identity import identity_of, metadata_of_attempt, with_tokens
from ...batch.files.input_files import InputFile
from ...batch.files.way_records import Claim
from ...batch.jobs.submissions import (
    KEPT_UPLOAD,
    Seen,
    attempt_of,
    claim,
    drop_kept_upload,
    kept_upload,
    last_claim,
    look,
    note_kept_upload,
    note_submission,
    submitted,
    take_back,
)
from .connection import Connection
from .creation import lacks_room, may_have_created, refused_batch
from .listing import enqueued_by_now, find_created, note_created
from .tries import CREATING, file_not_found
from .twins import keep_one
from .uploads import upload

Find = Callable[[Claim], list[Batch]]
"""Gives what was created since a claim was laid, looked for until that has settled."""

LONGEST_CLAIM = timedelta(seconds=30)
"""A claim that took its storage longer is not used: who waits for it to settle may soon hold it for abandoned."""


def find_or_create(
    connection: Connection, file: InputFile, settle_seconds: float, by_hand: Mapping[str, str] | None = None
) -> Batch:
    """The one batch of an input file: as it is recorded, as it is found at OpenAI, or created now.

    Items made by hand are of no job: `by_hand` is their identity.
    """
    while True:  # without a bound only a pace that is paused keeps a batch back
        batch = find_or_create_in_room(connection, file, settle_seconds, None, by_hand)
        if batch is not None:
            return batch


def find_or_create_in_room(
    connection: Connection,
    file: InputFile,
    settle_seconds: float,
    bound: int | None,
    by_hand: Mapping[str, str] | None = None,
) -> Batch | None:
    """The same, where no more than `bound` tokens of a model may be enqueued; None: there is no room for it now.

    Then its upload is kept for the next time. Or somebody has paused all uploads and creations.
    """
    seen = look(file)
    done = submitted(file, seen)
    if done is not None:
        return done
    identity = {**identity_of(file), **(by_hand or {})}
    first_seen: dict[str, tuple[float, float]] = {}  # by our clock: another's may be behind

    def find(claimed: Claim) -> list[Batch]:
        laid = claimed.claimed_at.timestamp()
        since, begun = first_seen.setdefault(claimed.name or str(laid), (laid, clock.now()))
        return find_created(connection, identity, since, settle_seconds, begun)

    batch = _found_or_created(connection, file, seen, identity, find, bound)
    if batch is None or batch.input_file is not None:  # what is recorded stays so, as of its own attempt
        return batch
    known = submitted(file, seen := look(file))
    if known is not None and known.id != batch.id:  # ours took so long that somebody tried again meanwhile
        return note_submission(file, keep_one(connection, file, [known, batch]))
    return note_submission(file, batch, seen.attempt)


def _found_or_created(
    connection: Connection,
    file: InputFile,
    seen: Seen,
    identity: Mapping[str, str],
    find: Find,
    bound: int | None,
) -> Batch | None:
    """Look for what an earlier claim may have created; where there is nothing, upload and create it.

    Each try to create it is as a new start: it looks first, and has a claim of its own.
    """
    number, found = _looked_for(connection, file, seen, find)
    if found is not None:
        return found
    kept = kept_upload(file) if number or KEPT_UPLOAD in seen.names else None
    has_turn = kept is not None and attempt_of(file) == 1  # it has found no room
    if not has_turn and not connection.take_turn():
        return None
    tried = partial(_found_or_tried, connection, file, identity, find, bound)
    try:
        return _found_or_created_of(connection, file, kept or upload(connection, file), tried)
    except BadRequestError as error:
        if kept is None or not file_not_found(error):
            raise
    # what was kept has expired, or somebody has deleted it
    return _found_or_created_of(connection, file, upload(connection, file), tried)


def _found_or_created_of(
    connection: Connection, file: InputFile, file_id: str, tried: Callable[[str], Batch | None]
) -> Batch | None:
    """Create the batch of an upload, which is kept where it may be used yet, and else deleted."""
    try:
        return CREATING.call(tried, file_id)
    except (APIError, TimeoutError) as error:
        if isinstance(error, RateLimitError | TimeoutError) or may_have_created(error):
            note_kept_upload(file, file_id)
        else:
            with suppress(OpenAIError):
                connection.delete_file(file_id)
        raise


def _found_or_tried(
    connection: Connection,
    file: InputFile,
    identity: Mapping[str, str],
    find: Find,
    bound: int | None,
    file_id: str,
) -> Batch | None:
    while True:
        seen = look(file)
        number, found = _looked_for(connection, file, seen, find)
        if found is not None:
            if found.input_file_id not in (None, file_id):
                connection.delete_file(file_id)  # somebody else was faster
            return found
        with _room_for(connection, file, bound) as there_is_room:
            if not there_is_room:
                note_kept_upload(file, file_id)
                return None
            waited = number or bound is not None
            if waited and attempt_of(file) != seen.attempt:  # refused meanwhile: the number is of other claims
                continue
            if KEPT_UPLOAD in seen.names:  # before the claim, after which nothing comes before the creation
                drop_kept_upload(file)
            now = _now()
            claimed = claim(file, number + 1, now, seen.attempt)
            if claimed is not None and (took := _now() - now) > LONGEST_CLAIM:
                take_back(file, claimed)
                raise TimeoutError(f"The job's storage took {took.seconds} s to write that a batch is created")
            if claimed is not None:
                metadata = metadata_of_attempt(with_tokens(identity, file), seen.attempt)
                return _create_claimed(connection, file, file_id, claimed, seen.attempt, metadata)


def _looked_for(connection: Connection, file: InputFile, seen: Seen, find: Find) -> tuple[int, Batch | None]:
    """The number of the latest claim, and what came of it, looked for until the claim has settled."""
    number, earlier = last_claim(file, seen)
    if earlier is None:
        return number, submitted(file) if number else submitted(file, seen)  # the refusal may be a record since
    found = find(earlier)
    if found and KEPT_UPLOAD in seen.names:
        drop_kept_upload(file)  # it is the batch's, or goes with it
    return number, keep_one(connection, file, found) if found else submitted(file)


@contextmanager
def _room_for(connection: Connection, file: InputFile, bound: int | None) -> Iterator[bool]:
    """Whether there is room for an input file, which nobody else takes as long as the block lasts."""
    if bound is None:
        yield True
        return
    with connection.one_at_a_time() as got:
        yield got and enqueued_by_now(connection).has_room(file, bound)


def _now() -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)


def _create_claimed(
    connection: Connection,
    file: InputFile,
    file_id: str,
    claimed: str,
    attempt: int,
    metadata: Mapping[str, str],
) -> Batch:
    try:
        batch = connection.create(file_id, file.endpoint, metadata)
    except APIError as error:
        if may_have_created(error):
            raise
        refused = None
        if lacks_room(error):  # recorded first: who finds the claim taken back would create it beside the pieces
            refused = note_submission(file, refused_batch(error, file.endpoint, file_id), attempt)
        take_back(file, claimed)  # a refusal creates nothing, so there is nothing to look for
        if refused is None:
            raise
        return refused
    note_created(connection, batch)
    return batch
