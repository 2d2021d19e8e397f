"""The interface between the consumer and a worker: received messages, their leases, and the handler.

Only the consumer receives, extends, releases and deletes. A handler gets deliveries and returns an outcome for each.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from video_analysis.worker_utils.contracts import s3_keys
from video_analysis.worker_utils.errors import WorkerError

_VIDEO_ID = re.compile(rf'"video_id\\?"\s*:\s*\\?"({s3_keys.UUID})\\?"', re.IGNORECASE)
_TRACK_ID = re.compile(r'"track_id\\?"\s*:\s*([0-9]{1,9})')
"""Also in a body that was encoded twice, where each quote has a backslash."""


class Lease(Protocol):
    """The exclusive right to process one message while SQS hides it from other consumers."""

    def check(self) -> None:
        """Mark progress. Raises LeaseLost or Interrupted if the work must stop.

        Call it at least once per frame or chunk, and before every commit. Without a call for `stall_s` the process
        exits.
        """

    def left_s(self) -> float:
        """Seconds until the lease can no longer be extended."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One receive of one message. `receive_count` is that of SQS: 1 at the first receive."""

    message_id: str
    body: str
    receive_count: int
    is_last: bool
    """The redrive policy allows no receive after this one."""
    lease: Lease = field(compare=False)
    receipt_handle: str = field(default="", repr=False)
    prefetched: object = field(default=None, compare=False, repr=False)
    """The result of `prefetch.Prefetch` for this message; None if it was not prefetched."""

    @property
    def log_fields(self) -> dict[str, object]:
        """Fields of an event: message_id, and the video_id and track_id found in the unparsed body."""
        fields: dict[str, object] = {"message_id": self.message_id}
        if video := _VIDEO_ID.search(self.body):
            fields["video_id"] = video[1].lower()
        if track := _TRACK_ID.search(self.body):
            fields["track_id"] = int(track[1])
        return fields


class Handler(Protocol):
    """The interface that a worker implements. Its results and exceptions decide the outcome of each message."""

    def handle(self, batch: Sequence[Delivery]) -> Sequence[WorkerError | None]:
        """Process `batch`; one outcome per message, in order. None: finished, the message is deleted.

        An exception is the outcome of every message of the batch.
        """

    def record(self, delivery: Delivery, failure: WorkerError, final: bool) -> None:
        """Write the failure into the row of `delivery`. If it is final, the status becomes `error`.

        Does nothing if the body names no row. The consumer logs the failure, and any exception raised here.
        """

    def probe(self) -> None:
        """Raise EnvironmentFault while no message can succeed. Called at start and while polling is paused."""
