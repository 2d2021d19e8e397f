"""Status of a row when an attempt begins or fails, for videos and snapshots: no row stays `processing`. Pure.

Recovery is decided from the column `attempt_state`. The text in `error_msg` is for people; recovery uses only whether
it is null, because an attempt that crashed wrote no text.
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
"""The error_msg that is written with each state. Do not change these texts: the previous release compares them."""

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
    """The columns to write when an attempt begins, and the consequences for this attempt."""

    row: RowState
    died_every_time: bool = False
    died_before: bool = False
    """Crash suspect: an earlier attempt at this row or its batch crashed. The row must be processed alone."""
    crashed_alone: bool = False
    """A suspect whose attempt crashed while it was processed alone: the other suspects are processed before it."""


STARTED = RowState("processing")
ON_LAST_ATTEMPT = RowState("error", "last_attempt", None, LAST_ATTEMPT)
TO_RETRY_ALONE = RowState("processing", "retry_alone", None, DIED_IN_A_BATCH)
BEGUN_ALONE = RowState("processing", "retry_alone")
"""The row is now processed alone. A failure writes a text: if the next receive finds none, the attempt crashed."""
GIVEN_UP = RowState("error", "crashed", "crashed", DIED_EVERY_TIME)


def row_as_stored(
    status: Status, attempt_state: AttemptState | None, error_code: ErrorCode | None, error_msg: str | None
) -> RowState:
    """A row's columns, with outdated states removed. The column `attempt_state` decides, not the text.

    A worker of the previous release writes only status and error_msg. So a state that does not match the status is
    outdated: such a worker has started another attempt. The state of a row without one is derived from its text.
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
    """The row when it begins to be processed alone: the text of the state is removed, the text of a failure is kept."""
    return BEGUN_ALONE if row.error_msg == TEXTS["retry_alone"] else row


def start_attempt(row: RowState, receive_count: int, is_last: bool) -> AttemptStart:
    """Decide the columns to write when an attempt begins, from the current row and the receive count.

    - A `done` row is not changed: a duplicate that fails must not remove its results.
    - The first receive clears the failure of an earlier message. A later receive keeps the failure of the one before.
    - The last receive writes `error` in advance, so that the row has an error if the attempt crashes.
    - If every earlier attempt crashed, the row is given up at the last receive.
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
    """`start_attempt` for one row of a batch. One snapshot that crashes the process ends the attempts of all rows.

    After such a crash every row of the batch is a suspect (`retry_alone`). It stays a suspect at each later receive,
    including the last one, until an attempt that processes it alone has an outcome. If that attempt crashes, the row
    stays `BEGUN_ALONE`: the other suspects are processed before it, and it is given up at its last receive.
    """
    started = start_attempt(row, receive_count, is_last)
    if receive_count == 1 or row.status != "processing" or started.died_every_time:
        return started
    if row.attempt_state == "retry_alone":
        return replace(started, died_before=True, crashed_alone=row.error_msg is None)
    if started.row == STARTED:
        return AttemptStart(TO_RETRY_ALONE, died_before=True)
    return started
