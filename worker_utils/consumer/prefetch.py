"""What comes in: each receive under leases from the start, and at most one of them ahead of the batch in hand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from types import TracebackType
from typing import Self

from video_analysis.worker_utils.aws.sqs import Queue, Received
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.consumer.lease_manager import LeaseKeeper
from video_analysis.worker_utils.consumer.settlement import InHand

Prepare = Callable[[Delivery], object]
"""Begins what a message will need, and returns at once; what it gives comes back as `Delivery.prepared`."""

AHEAD_WAIT_S = 1
"""A receive ahead waits no longer: what is in hand cannot be released before it has been answered."""

log = logging.getLogger(__name__)


class Intake:
    """Receives for one consumer. A context manager: leaving it waits for a receive that is under way.

    A poll is never cut off, or what it brings would stay hidden; and a message that comes again may be the one that
    killed a process: it is neither prepared, nor is anything received ahead while one is in hand.
    """

    def __init__(self, queue: Queue, keeper: LeaseKeeper, slots: int, prepare: Prepare | None) -> None:
        """`slots`: messages a receive. Without `prepare` nothing is received ahead."""
        self._queue = queue
        self._keeper = keeper
        self._slots = slots
        self._prepare = prepare
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._coming: Future[list[InHand]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.shutdown()

    @property
    def is_ahead(self) -> bool:
        """Whether there is, or may soon be, something in hand that `next` has not given yet."""
        return self._coming is not None

    def next(self) -> list[InHand]:
        """What was received ahead, else what a receive brings now. Raises what the receive raised."""
        coming, self._coming = self._coming, None
        return [self._take(message) for message in self._received()] if coming is None else coming.result()

    def look_ahead(self, in_hand: Sequence[InHand]) -> None:
        """Begin the receive that `next` will give, while `in_hand` is worked on."""
        if self._prepare is not None and all(held.delivery.receive_count == 1 for held in in_hand):
            self._coming = self._thread.submit(self._ahead, self._prepare, in_hand)

    def wait(self) -> None:
        """Until the receive that is ahead has been answered."""
        if self._coming is not None:
            wait([self._coming])

    def _ahead(self, prepare: Prepare, in_hand: Iterable[InHand]) -> list[InHand]:
        batch = [self._take(message, prepare) for message in self._received(AHEAD_WAIT_S)]
        newer = {held.delivery.message_id for held in batch}
        for held in in_hand:
            if held.delivery.message_id in newer:
                held.lease.refused = True
                log.warning(
                    "lease lost: the message was received again",
                    extra={"event": "lease.lost", **held.delivery.log_fields},
                )
        return batch

    def _received(self, longest_wait_s: int | None = None) -> list[Received]:
        return newest(self._queue.receive(self._slots, longest_wait_s))

    def _take(self, message: Received, prepare: Prepare | None = None) -> InHand:
        lease = self._keeper.take(message.message_id, message.receipt_handle)
        delivery = Delivery(
            message_id=message.message_id,
            body=message.body,
            receive_count=message.receive_count,
            is_last=message.receive_count >= self._queue.max_receive_count,
            lease=lease,
            receipt_handle=message.receipt_handle,
        )
        log.info(
            "message received",
            extra={"event": "message.received", **delivery.log_fields, "receive_count": message.receive_count},
        )
        if prepare is not None and message.receive_count == 1:
            delivery = _prepared(delivery, prepare)
        return InHand(delivery, lease)


def _prepared(delivery: Delivery, prepare: Prepare) -> Delivery:
    """With what `prepare` began; whatever keeps it from beginning, the message is in hand and has its turn."""
    try:
        return replace(delivery, prepared=prepare(delivery))
    except Exception:
        log.warning(
            "prefetch failed; the message is prepared when its turn comes",
            exc_info=True,
            extra={"event": "prefetch.failed", **delivery.log_fields},
        )
        return delivery


def newest(received: Sequence[Received]) -> list[Received]:
    """One receive of each message: SQS may give out a copy twice at once, and only the newest handle is good.

    The older one is left alone: to release it could end the lease on the newer.
    """
    by_id: dict[str, Received] = {}
    for message in received:
        known = by_id.get(message.message_id)
        if known is None or message.receive_count >= known.receive_count:
            by_id[message.message_id] = message
        if known is not None:
            log.info(
                "one receive returned two copies of the message; the newest receipt handle is used",
                extra={"event": "message.copy_dropped", "message_id": message.message_id},
            )
    return list(by_id.values())
