"""Moves dead letters to their queue: those that are chosen, would not fail again, and were there at the start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from video_analysis.ops.dead_letters.causes import Cause, Causes
from video_analysis.ops.dead_letters.queue import DeadLetterQueue


@dataclass(frozen=True, slots=True)
class Choice:
    """Which messages are moved."""

    code: str | None = None
    """Those with this error code; None: all."""
    is_forced: bool = False
    """Also those that would fail again, or that an operator stopped."""
    is_dry_run: bool = False
    """They are counted, not moved."""


@dataclass
class Tally:
    """What became of the messages, also if the command is interrupted."""

    moved: int = 0
    left: Counter[str] = field(default_factory=Counter)
    """Chosen, and not moved: by reason."""
    not_chosen: int = 0
    came_later: int = 0
    """They came after the start: what was moved and failed again, too."""


def redrive(one: DeadLetterQueue, causes: Causes, choice: Choice, wait: Callable[[], None], tally: Tally) -> None:
    """Move the messages of one queue, and count them in `tally`. `wait` returns when the next one may be moved.

    A worker may return what was moved while this runs, without end. So messages that were sent after the start are
    left, and no more are handled than were there at the start: the clocks of SQS and of this host may differ.
    """
    begun, depth = datetime.now(UTC), one.count()
    with closing(one.received()) as letters:
        for letter in islice(letters, 2 * depth):
            if letter.sent_at > begun:
                tally.came_later += 1
                continue
            if not depth:
                return
            depth -= 1
            if _is_moved(causes.of(one.kind, letter.body), choice, tally):
                if not choice.is_dry_run:
                    wait()
                    one.move(letter)
                tally.moved += 1


def _is_moved(cause: Cause, choice: Choice, tally: Tally) -> bool:
    """Whether a message is to be moved; if not, it is counted."""
    if choice.code not in (None, cause.code):
        tally.not_chosen += 1
        return False
    if cause.refusal is not None and not choice.is_forced:
        tally.left[cause.refusal] += 1
        return False
    return True
