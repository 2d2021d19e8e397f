"""The lease on one message: how long SQS still hides it from others, as far as this process can know.

A lease fails safe: where extensions stop, for whatever reason, `check` raises by the clock alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from video_analysis.worker_utils.errors import Interrupted, LeaseLost

LONGEST_LEASE_S = 12 * 3600
"""SQS hides a message for no more than this from its receipt, however often it is extended."""
LIMIT_MARGIN_S = 5
"""Kept clear of the 12 hours: SQS refuses what passes them, and its clock started before ours."""


class Keeper(Protocol):
    """What a lease asks of the one who keeps it (lease_keeper.LeaseKeeper)."""

    @property
    def times(self) -> LeaseTimes:
        """The times it is kept by."""

    def now_s(self) -> float:
        """The clock of all leases."""

    def progress(self) -> None:
        """Note that the work has moved on."""

    def told_to_stop(self) -> bool:
        """Whether the process is shutting down."""


def since_boot_s() -> float:
    """Seconds that go on while the machine is suspended: a hibernated host must not believe in its old leases."""
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
        """A lease is given up so long before SQS ends it: what was begun just before can still be committed."""
        return min(5.0, self.visibility_timeout_s / 10)

    @property
    def tick_s(self) -> float:
        """How often the keeper looks."""
        return min(1.0, self.heartbeat_s / 4, self.stall_s / 4, self.shutdown_grace_s / 4)


class HeldLease:
    """The lease on one receive of one message (delivery.Lease)."""

    def __init__(self, keeper: Keeper, message_id: str, receipt_handle: str) -> None:
        self.message_id = message_id
        self.receipt_handle = receipt_handle
        self.received_s = keeper.now_s()
        self.hidden_until_s = self.received_s + keeper.times.visibility_timeout_s
        self.refused = False
        self._keeper = keeper

    @property
    def lost(self) -> bool:
        """Whether SQS may have given the message to somebody else."""
        return self.refused or self._keeper.now_s() >= self.hidden_until_s - self._keeper.times.margin_s

    def check(self) -> None:
        """Mark progress. Raises LeaseLost or Interrupted if the work must stop."""
        self._keeper.progress()
        if self.lost:
            raise LeaseLost(f"the lease on message {self.message_id} is lost")
        if self._keeper.told_to_stop():
            raise Interrupted("the worker was told to stop")

    def allowed_s(self, wanted_s: int) -> int:
        """As much of `wanted_s` as SQS's 12 hours from receipt leave."""
        left_s = self.received_s + LONGEST_LEASE_S - LIMIT_MARGIN_S - self._keeper.now_s()
        return max(0, min(wanted_s, int(left_s)))
