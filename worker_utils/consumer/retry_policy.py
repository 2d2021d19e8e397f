"""What a failure leads to: one pure decision, so that the whole policy can be read, and tested, as a table.

SQS never gives a receive back: each release of a message that may yet succeed is spaced so that the receives
the redrive policy allows outlast an outage. That holds for the environment's faults too: with as many
workers as receives, a short release would let each of them burn one of the same message.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Literal

from video_analysis.worker_utils.consumer.backoff import jittered
from video_analysis.worker_utils.errors import (
    EnvironmentFault,
    Interrupted,
    LeaseLost,
    MissingObject,
    Permanent,
    Transient,
    WorkerError,
)

Record = Literal["nothing", "reason", "error"]
"""What goes into the message's row: nothing, the reason alone, or the reason with status `error`."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Seconds before the second, third, … receive; beyond the last one the last one holds."""

    transient_delays_s: tuple[float, ...]
    missing_delays_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the consumer does with one message."""

    delete: bool = False
    release_after_s: int | None = None
    """Visible again after so long; None: its visibility is left as it is."""
    record: Record = "nothing"
    remember: bool = False
    """The verdict holds for this message id: a repeat is not worked on."""
    pause: bool = False
    """Polling stops until the probes succeed."""


def decide(  # noqa: PLR0911  # one line a verdict
    failure: WorkerError | None, *, receive_count: int, max_receive_count: int, policy: RetryPolicy, jitter: float
) -> Outcome:
    """The outcome of one receive. `receive_count` counts from 1; `jitter` lies in [0, 1).

    On the last receive that the redrive policy allows any failure is final, and nothing is gained by waiting.
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
        case Permanent():
            return Outcome(release_after_s=at_once_s, record="error", remember=True)
        case MissingObject():
            return Outcome(release_after_s=at_once_s if last else _whole(missing_s), record="error")
        case EnvironmentFault():
            return Outcome(release_after_s=at_once_s if last else _whole(retry_s), record=reason, pause=True)
        case _:
            return Outcome(release_after_s=at_once_s if last else _whole(retry_s), record=reason)


def give_up_after_s(receive_count: int, max_receive_count: int, policy: RetryPolicy) -> int:
    """Visibility of a message that is on its way to the dead-letter queue: 0.

    Unless it has been received more often than any redrive policy allows: then nobody carries it there, and at 0
    it would come back for ever as fast as it can be received.
    """
    return 0 if receive_count <= max_receive_count else _whole(policy.transient_delays_s[-1])


def verdict_on(error: Exception) -> WorkerError:
    """Any exception as one of the taxonomy: what nobody foresaw may be luck, so it is tried again, by its name."""
    if isinstance(error, WorkerError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentFault(f"disk full: {error}", code="disk_full")
    if isinstance(error, MemoryError):
        return EnvironmentFault(f"out of memory: {error}", code="out_of_memory")
    return Transient(f"unexpected {type(error).__name__}: {error}", code="unexpected")


def _delay_s(delays_s: tuple[float, ...], receive_count: int) -> float:
    return delays_s[min(max(receive_count, 1), len(delays_s)) - 1]


def _whole(delay_s: float) -> int:
    """SQS counts whole seconds, and 0 would be at once."""
    return max(1, round(delay_s))
