"""A message to yolo_worker that was sent: whether a worker has begun it.

The rows show that, with one exception: a worker that receives a completed video with the same settings again changes no
row. The only sign is then that the message has left the queue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from video_analysis.ops import aws_clients
from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.setup import queues
from video_analysis.ops.video_progress import VideoProgress
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.errors import WorkerError

EMPTY_READS = 60
"""Reads of an empty queue, a second apart, that count: the numbers of SQS are right about a minute after a send."""


@dataclass(slots=True)
class SentMessage:
    """`before` is the progress before the message was sent, `depths` the messages in the queue and its dead letters."""

    before: VideoProgress
    depths: Callable[[], tuple[int, int] | None]
    _dead_before: int | None = field(init=False, default=None)
    _empty_reads: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        found = self.depths()
        self._dead_before = None if found is None else found[1]

    def is_unseen(self, video: VideoProgress) -> bool:
        """Whether no row shows that a worker has begun the message."""
        return video.attempt == self.before.attempt

    def has_left_queue(self) -> bool:
        """Whether the queue has been empty for a minute. To be called once per second."""
        found = self.depths()
        self._empty_reads = self._empty_reads + 1 if found is not None and found[0] == 0 else 0
        return self._empty_reads >= EMPTY_READS

    def is_dead_letter(self) -> bool:
        """Whether the dead-letter queue has more messages than before."""
        found = self.depths()
        return found is None or self._dead_before is None or found[1] > self._dead_before


def depths_of(config: WorkerConfig) -> Callable[[], tuple[int, int] | None]:
    """A function that counts the messages in the video queue and its dead letters; None where it may not."""
    sqs = aws_clients.sqs(config)

    def count(name: str) -> int:
        url = queues.url_of(sqs, name)
        if url is None:
            raise CommandError(f"there is no queue {name}")
        found = queues.attributes_of(sqs, url, name)
        return sum(int(found.get(count, 0)) for count in queues.COUNTS)

    def depths() -> tuple[int, int] | None:
        try:
            return count(config.video_queue), count(queues.dead_letter_queue(config.video_queue))
        except (CommandError, WorkerError):
            return None

    return depths
