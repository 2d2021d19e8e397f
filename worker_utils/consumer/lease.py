"""The lease on one message: how long SQS hides it from other consumers, by the clock of this process.

A lease is fail-safe: if its extensions stop for any reason, `check` raises when the time has passed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from video_analysis.worker_utils.errors import Interrupted, LeaseLost

LONGEST_LEASE_S = 12 * 3600
"""SQS hides a message for at most this long after its receive, extensions included."""
LIMIT_MARGIN_S = 5
"""Safety margin before the end of the 12 hours. SQS counts them from an earlier time and refuses longer extensions."""


class LeaseOwner(Protocol):
    """The part of LeaseManager that a lease needs."""

    @property
    def times(self) -> LeaseTimes:
        """Timeouts and intervals of its leases."""

    def now_s(self) -> float:
        """The clock of all leases."""

    def progress(self) -> None:
        """Mark progress of the work."""

    def shutdown_requested(self) -> bool:
        """Whether the process is shutting down."""


def since_boot_s() -> float:
    """Monotonic seconds that include suspension: after hibernation old leases must count as lost."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """The times of a lease, all in seconds."""

    visibility_timeout_s: int
    heartbeat_s: float
    stall_s: float
    shutdown_grace_s: float

    @property
    def margin_s(self) -> float:
        """A lease counts as lost this long before SQS ends it, so that a commit in progress can finish."""
        return min(5.0, self.visibility_timeout_s / 10)

    @property
    def tick_s(self) -> float:
        """Interval of `LeaseManager.tick`."""
        return min(1.0, self.heartbeat_s / 4, self.stall_s / 4, self.shutdown_grace_s / 4)


class HeldLease:
    """The lease on one receive of one message (delivery.Lease)."""

    def __init__(self, owner: LeaseOwner, message_id: str, receipt_handle: str) -> None:
        self.message_id = message_id
        self.receipt_handle = receipt_handle
        self.received_s = owner.now_s()
        self.hidden_until_s = self.received_s + owner.times.visibility_timeout_s
        self.refused = False
        self._owner = owner

    @property
    def lost(self) -> bool:
        """Whether another consumer may have received the message."""
        return self.refused or self._owner.now_s() >= self.hidden_until_s - self._owner.times.margin_s

    def check(self) -> None:
        """Mark progress. Raises LeaseLost or Interrupted if the work must stop."""
        self._owner.progress()
        if self.lost:
            raise LeaseLost(f"the lease on message {self.message_id} is lost")
        if self._owner.shutdown_requested():
            raise Interrupted("the worker is shutting down")

    def allowed_s(self, wanted_s: int) -> int:
        """`wanted_s`, limited to the rest of the 12 hours that SQS allows."""
        return max(0, min(wanted_s, int(self.left_s())))

    def left_s(self) -> float:
        """The rest of the 12 hours, in seconds; negative when they have passed."""
        return self.received_s + LONGEST_LEASE_S - LIMIT_MARGIN_S - self._owner.now_s()
