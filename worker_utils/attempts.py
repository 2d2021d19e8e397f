"""The rule of a row's status, for videos and snapshots alike: nothing stays `processing` for ever. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["uploaded", "queued", "processing", "done", "error"]
"""`uploaded` is a video's alone."""

LAST_ATTEMPT = "last attempt under way; if this stays, the worker died in it"
DIED_IN_A_BATCH = "an attempt at it, or at others in one batch with it, died; it is tried alone"
DIED_EVERY_TIME = "the worker died in every attempt, and left no other reason"


@dataclass(frozen=True, slots=True)
class Opening:
    """What beginning an attempt writes into the row."""

    status: Status
    error_msg: str | None
    died_every_time: bool = False
    died_before: bool = False
    """An attempt at it, or at others in one batch with it, died without a reason: it may kill the process."""


def opening(status: Status, error_msg: str | None, receive_count: int, is_last: bool) -> Opening:
    """What to write when an attempt begins, from the row as found and the receive it is.

    A `done` row is left as it is: a duplicate that fails must not take its results back. The first receive
    clears the reason of an earlier life of the row, later ones keep what the receives before them left. The
    last one writes `error` in advance, so that a death in it leaves an error; if none of the receives before
    it left a reason, the process died each time, and the row is given up at once.
    """
    if status == "done":
        return Opening(status, error_msg)
    no_outcome = (status == "processing" and error_msg is None) or error_msg == DIED_EVERY_TIME
    if is_last and receive_count > 1 and no_outcome:
        return Opening("error", DIED_EVERY_TIME, died_every_time=True)
    if is_last:
        return Opening("error", LAST_ATTEMPT)
    return Opening("processing", None if receive_count == 1 else error_msg)


def opening_in_batch(status: Status, error_msg: str | None, receive_count: int, is_last: bool) -> Opening:
    """`opening` of one of several that are worked on together, where one that kills the process takes all with it.

    Whoever was in such a batch is tried alone at its next receive, and says so; only the one that dies alone, too,
    is left without a reason, and given up at its last receive.
    """
    opened = opening(status, error_msg, receive_count, is_last)
    if receive_count > 1 and status == "processing" and opened == Opening("processing", None):
        return Opening("processing", DIED_IN_A_BATCH, died_before=True)
    return opened
