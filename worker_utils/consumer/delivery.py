"""What passes between the consumer and a worker: one received message, and the lease on it.

The consumer alone receives, extends, releases and deletes. A handler gets deliveries and answers with what
became of each; it never sees the queue.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from video_analysis.worker_utils.contracts import s3_keys
from video_analysis.worker_utils.errors import WorkerError

_VIDEO_ID = re.compile(rf'"video_id"\s*:\s*"({s3_keys.UUID})"')
_TRACK_ID = re.compile(r'"track_id"\s*:\s*([0-9]{1,9})')


class Lease(Protocol):
    """The right to work on one message, for as long as SQS hides it from others."""

    def check(self) -> None:
        """Say that the work has moved on, and raise LeaseLost or Interrupted if it must stop.

        Called once a frame or chunk and before every commit: a handler that never calls it is taken for dead
        after `stall_s` and the process exits.
        """


@dataclass(frozen=True, slots=True)
class Delivery:
    """One receive of one message. `receive_count` is SQS's own (1 at the first receive)."""

    message_id: str
    body: str
    receive_count: int
    is_last: bool
    """The redrive policy allows no receive after this one."""
    lease: Lease = field(compare=False)
    receipt_handle: str = field(default="", repr=False)
    prepared: object = field(default=None, compare=False, repr=False)
    """What the worker began for it ahead of its turn (intake.Prepare); None where nothing was."""

    @property
    def log_fields(self) -> dict[str, object]:
        """For `extra=`: message_id, and the video_id and track_id the body seems to name, unread and unchecked."""
        fields: dict[str, object] = {"message_id": self.message_id}
        if video := _VIDEO_ID.search(self.body):
            fields["video_id"] = video[1]
        if track := _TRACK_ID.search(self.body):
            fields["track_id"] = int(track[1])
        return fields


class Handler(Protocol):
    """One worker's side of the bargain. It owns no message: what it returns or raises decides."""

    def handle(self, batch: Sequence[Delivery]) -> Sequence[WorkerError | None]:
        """Work on all of `batch`; one outcome each, in order: None is finished, to be deleted.

        What it raises instead is the outcome of every member.
        """

    def record(self, delivery: Delivery, failure: WorkerError, final: bool) -> None:
        """Write why `delivery` failed into its row: status 'error' when final, else only the reason.

        A body that names no row is only logged by the consumer; a failure to record is the consumer's to log.
        """

    def probe(self) -> None:
        """Raise EnvironmentFault while no message could succeed (asked at start and while polling pauses)."""
