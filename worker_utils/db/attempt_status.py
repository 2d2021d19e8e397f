"""Status of a row when an attempt begins or fails, for videos and snapshots: no row stays `processing`. Pure.

Recovery is decided from the column `attempt_state`. The text in `error_msg` is for people; only whether there is one
counts: an attempt that ended by a crash has left none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from video_analysis.worker_utils.errors import ErrorCode

Status = Literal["uploaded", "queued", "processing", "done", "error"]
"""Only videos have `uploaded`."""

AttemptState = Literal["last_attempt", "retry_alone", "crashed"]
"""Result of a row's attempts so far; null in most rows. docs/error-codes.md explains each."""

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
    """The columns of a row that describe its attempts."""

    status: Status
    attempt_state: AttemptState | None = None
    error_code: ErrorCode | None = None
    error_msg: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptStart:
    """What is written into the row when an attempt begins, and what follows for the attempt."""

    row: RowState
    died_every_time: bool = False
    died_before: bool = False
    """Crash suspect: an attempt at it, or at others in the same batch, crashed. It must be processed alone."""
    crashed_alone: bool = False
    """A suspect that has crashed an attempt in which it was processed alone: other suspects come first."""


STARTED = RowState("processing")
ON_LAST_ATTEMPT = RowState("error", "last_attempt", None, LAST_ATTEMPT)
TO_RETRY_ALONE = RowState("processing", "retry_alone", None, DIED_IN_A_BATCH)
BEGUN_ALONE = RowState("processing", "retry_alone")
"""Its attempt alone has begun. If the next receive finds it so, that attempt crashed: a failure leaves a text."""
GIVEN_UP = RowState("error", "crashed", "crashed", DIED_EVERY_TIME)


def row_as_stored(
    status: Status, attempt_state: AttemptState | None, error_code: ErrorCode | None, error_msg: str | None
) -> RowState:
    """A row's columns, with outdated states removed. The column `attempt_state` decides, not the text.

    A worker of the previous release writes only status and error_msg. So a state that does not match the status is
    outdated: such a worker has started another attempt. A row without a state is read by its text.
    """
    if attempt_state is None:
        return RowState(status, state_of_old_row(error_msg), None if error_msg is None else error_code, error_msg)
    if STATUS_OF.get(attempt_state) == status:
        return RowState(status, attempt_state, None if error_msg is None else error_code, error_msg)
    return RowState(status, None, None, error_msg)


def state_of_old_row(error_msg: str | None) -> AttemptState | None:
    """The state of a row that the previous release wrote. Remove in the next release."""
    return next((state for state, text in TEXTS.items() if text == error_msg), None)


def state_after(code: ErrorCode) -> AttemptState | None:
    """The attempt state of a row that failed with this code."""
    return "crashed" if code == "crashed" else None


def begun_alone(row: RowState) -> RowState:
    """What the beginning of its attempt alone writes: the state's own text is removed, the text of a failure stays."""
    return BEGUN_ALONE if row.error_msg == TEXTS["retry_alone"] else row


def start_attempt(row: RowState, receive_count: int, is_last: bool) -> AttemptStart:
    """What to write when an attempt begins, from the row as found and the number of the receive.

    A `done` row is left as it is: a duplicate that fails must not remove its results. The first receive clears the
    failure of an earlier message; later ones keep what the receives before them left. The last one writes `error` in
    advance, so that a crash in it leaves an error. If every earlier receive ended by a crash, the row is given up.
    """
    if row.status == "done":
        return AttemptStart(row)
    no_outcome = (row.status == "processing" and row.error_msg is None) or row.attempt_state == "crashed"
    if is_last and receive_count > 1 and no_outcome:
        return AttemptStart(GIVEN_UP, died_every_time=True)
    if is_last:
        return AttemptStart(ON_LAST_ATTEMPT)
    return AttemptStart(STARTED if receive_count == 1 else replace(row, status="processing"))


def start_attempt_in_batch(row: RowState, receive_count: int, is_last: bool) -> AttemptStart:
    """`start_attempt` for a member of a batch, where a snapshot that crashes the process ends the attempts of all.

    After such a crash every member is a suspect: `retry_alone`. It stays one at each later receive, the last one
    included, until its attempt alone has an outcome. A row whose attempt alone crashed stays `BEGUN_ALONE` while other
    suspects are processed before it, and is given up at its last receive.
    """
    started = start_attempt(row, receive_count, is_last)
    if receive_count == 1 or row.status != "processing" or started.died_every_time:
        return started
    if row.attempt_state == "retry_alone":
        return replace(started, died_before=True, crashed_alone=row.error_msg is None)
    if started.row == STARTED:
        return AttemptStart(TO_RETRY_ALONE, died_before=True)
    return started
