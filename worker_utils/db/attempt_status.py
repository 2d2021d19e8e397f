"""The rule of a row's status, for videos and snapshots alike: no row stays `processing` indefinitely. Pure.

What recovery decides from is a code in the column `attempt_state`. Its text in `error_msg` is for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from video_analysis.worker_utils.errors import ErrorCode

Status = Literal["uploaded", "queued", "processing", "done", "error"]
"""`uploaded` is a video's alone."""

AttemptState = Literal["last_attempt", "retry_alone", "crashed"]
"""What a row's attempts have come to; null where there is nothing to say. docs/error-codes.md explains each."""

LAST_ATTEMPT = "last attempt under way; if this stays, the worker died in it"
DIED_IN_A_BATCH = "an attempt at it, or at others in one batch with it, died; it is tried alone"
DIED_EVERY_TIME = "the worker died in every attempt, and left no other reason"

TEXTS: Mapping[AttemptState, str] = {
    "last_attempt": LAST_ATTEMPT,
    "retry_alone": DIED_IN_A_BATCH,
    "crashed": DIED_EVERY_TIME,
}
"""The error_msg that is written with each state. Keep them as they are: the previous release decides from them."""

STATUS_OF: Mapping[AttemptState, Status] = {"last_attempt": "error", "retry_alone": "processing", "crashed": "error"}
"""The status that is written with each state."""


@dataclass(frozen=True, slots=True)
class RowState:
    """The columns of a row that say how its attempts went. The last three are set and cleared together."""

    status: Status
    attempt_state: AttemptState | None = None
    error_code: ErrorCode | None = None
    error_msg: str | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """What beginning an attempt writes into the row, and what follows for the attempt."""

    row: RowState
    died_every_time: bool = False
    died_before: bool = False
    """An attempt at it, or at others in one batch with it, died without a reason: it may kill the process."""


STARTED = RowState("processing")
ON_LAST_ATTEMPT = RowState("error", "last_attempt", None, LAST_ATTEMPT)
TO_RETRY_ALONE = RowState("processing", "retry_alone", None, DIED_IN_A_BATCH)
GIVEN_UP = RowState("error", "crashed", "crashed", DIED_EVERY_TIME)


def row_as_stored(
    status: Status, attempt_state: AttemptState | None, error_code: ErrorCode | None, error_msg: str | None
) -> RowState:
    """A row's columns as they are to be read. The column `attempt_state` decides, whatever the text says.

    Workers of the previous release write status and error_msg alone. So a state that does not go with the status is
    out of date (an older worker has begun another attempt since), and a row without a state is read by its text.
    """
    state = state_of_old_row(error_msg) if attempt_state is None else attempt_state
    if state is None or STATUS_OF.get(state) == status:
        return RowState(status, state, None if error_msg is None else error_code, error_msg)
    return RowState(status, None, None, error_msg)


def state_of_old_row(error_msg: str | None) -> AttemptState | None:
    """The state of a row that the previous release wrote. Remove in the next release."""
    return next((state for state, text in TEXTS.items() if text == error_msg), None)


def state_after(code: ErrorCode) -> AttemptState | None:
    """The attempt state of a row that failed with this code."""
    return "crashed" if code == "crashed" else None


def opening(row: RowState, receive_count: int, is_last: bool) -> Opening:
    """What to write when an attempt begins, from the row as found and the receive it is.

    A `done` row is left as it is: a duplicate that fails must not take its results back. The first receive
    clears the reason of an earlier life of the row, later ones keep what the receives before them left. The
    last one writes `error` in advance, so that a crash in it leaves an error; if none of the receives before
    it left a reason, the process crashed each time, and the row is given up at once.
    """
    if row.status == "done":
        return Opening(row)
    no_outcome = (row.status == "processing" and row.error_msg is None) or row.attempt_state == "crashed"
    if is_last and receive_count > 1 and no_outcome:
        return Opening(GIVEN_UP, died_every_time=True)
    if is_last:
        return Opening(ON_LAST_ATTEMPT)
    return Opening(STARTED if receive_count == 1 else replace(row, status="processing"))


def opening_in_batch(row: RowState, receive_count: int, is_last: bool) -> Opening:
    """`opening` of one of several that are worked on together, where one that kills the process takes all with it.

    Whoever was in such a batch is tried alone at its next receive, and says so; only the one that crashes alone,
    too, is left without a reason, and given up at its last receive.
    """
    opened = opening(row, receive_count, is_last)
    if receive_count > 1 and row.status == "processing" and opened.row == STARTED:
        return Opening(TO_RETRY_ALONE, died_before=True)
    return opened
