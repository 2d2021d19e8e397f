"""The retry policy: one pure function from failure to outcome, so that it can be read and tested as a table.

SQS counts every receive, and the redrive policy limits their number. Each release is therefore delayed, so that the
last allowed receive happens after a typical outage has ended. This applies to EnvironmentFault too: with short delays,
several workers could use up all receives of one message during one outage.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Literal

from video_analysis.worker_utils.consumer.backoff import jittered
from video_analysis.worker_utils.errors import (
    Cancelled,
    EnvironmentFault,
    Interrupted,
    LeaseLost,
    MissingObject,
    Paused,
    Permanent,
    Transient,
    WorkerError,
)

Record = Literal["nothing", "reason", "error"]
"""The change of the row: nothing, the reason is written, or the reason and status `error` are written."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Delays in seconds before the second, third, … receive; the last value is used for all further ones."""

    transient_delays_s: tuple[float, ...]
    missing_delays_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The consumer's actions on one message."""

    delete: bool = False
    release_after_s: int | None = None
    """Visible again after this many seconds; None: the visibility is not changed."""
    record: Record = "nothing"
    remember: bool = False
    """Further receives of this message id are released without work."""
    pause: bool = False
    """Polling stops until the probes succeed."""


def decide(  # noqa: PLR0911  # one line per class
    failure: WorkerError | None, *, receive_count: int, max_receive_count: int, policy: RetryPolicy, jitter: float
) -> Outcome:
    """The outcome of one receive. `receive_count` starts at 1; `jitter` lies in [0, 1).

    On the last receive that the redrive policy allows, any failure is final, and the message is released at once.
    """
    last = receive_count >= max_receive_count
    retry_s = jittered(_delay_s(policy.transient_delays_s, receive_count), jitter)
    missing_s = _delay_s(policy.missing_delays_s, receive_count)
    at_once_s = give_up_after_s(receive_count, max_receive_count, policy)
    reason: Record = "error" if last else "reason"
    match failure:
        case None:
            return Outcome(delete=True)
        case LeaseLost():
            return Outcome()
        case Interrupted():
            return Outcome(release_after_s=0, record=reason)
        case Paused():
            return Outcome(delete=True, record="reason")
        case Cancelled():
            return Outcome(delete=True, record="error")
        case Permanent():
            return Outcome(release_after_s=at_once_s, record="error", remember=True)
        case MissingObject():
            return Outcome(release_after_s=at_once_s if last else _whole(missing_s), record="error")
        case EnvironmentFault():
            return Outcome(release_after_s=at_once_s if last else _whole(retry_s), record=reason, pause=True)
        case _:
            return Outcome(release_after_s=at_once_s if last else _whole(retry_s), record=reason)


def give_up_after_s(receive_count: int, max_receive_count: int, policy: RetryPolicy) -> int:
    """Delay in seconds for a message that SQS will move to the dead-letter queue: 0.

    A message that was received more often than the redrive policy allows is in a queue without a dead-letter queue.
    With a delay of 0 it would be received again immediately, without end; it gets the last transient delay.
    """
    return 0 if receive_count <= max_receive_count else _whole(policy.transient_delays_s[-1])


def classify_exception(error: Exception) -> WorkerError:
    """Map any exception to the taxonomy. An unexpected exception is retried; the text names its class."""
    if isinstance(error, WorkerError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentFault(f"disk full: {error}", code="disk_full")
    if isinstance(error, MemoryError):
        return EnvironmentFault(f"out of memory: {error}", code="out_of_memory")
    return Transient(f"unexpected {type(error).__name__}: {error}", code="unexpected")


def unexpected(error: Exception) -> Exception | None:
    """The error if it is not part of the taxonomy, so that its traceback is logged; else None."""
    return None if isinstance(error, WorkerError) else error


def _delay_s(delays_s: tuple[float, ...], receive_count: int) -> float:
    return delays_s[min(max(receive_count, 1), len(delays_s)) - 1]


def _whole(delay_s: float) -> int:
    """The delay in whole seconds, as SQS requires; at least 1, because 0 would release the message immediately."""
    return max(1, round(delay_s))
