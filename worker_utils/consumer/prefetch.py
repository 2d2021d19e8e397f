"""Receives messages and takes their leases, at most one batch ahead of the batch that is being handled."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from types import TracebackType
from typing import Self

from video_analysis.worker_utils.aws.sqs import Queue, Received
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.consumer.lease_manager import LeaseManager
from video_analysis.worker_utils.consumer.settlement import LeasedDelivery
from video_analysis.worker_utils.observability.observer import Event, Observer

Prefetch = Callable[[Delivery], object]
"""Starts to fetch the data of a message and returns immediately. Its result becomes `Delivery.prefetched`."""

PREFETCH_WAIT_S = 1
"""Long-poll time of a receive ahead. Short, because a shutdown waits for the response before it releases messages."""


class Prefetcher:
    """Receives for one consumer. A context manager: leaving it waits for a receive that is running.

    A receive is never aborted: messages in its response would stay hidden. A message with a receive count above 1 may
    have crashed a process: it is not prefetched, and nothing is received ahead while it is handled.
    """

    def __init__(
        self, queue: Queue, leases: LeaseManager, slots: int, prefetch: Prefetch | None, observer: Observer
    ) -> None:
        """`slots`: messages per receive. Without `prefetch` nothing is received ahead."""
        self._queue = queue
        self._leases = leases
        self._slots = slots
        self._prefetch = prefetch
        self._observer = observer
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
        self._pending: Future[list[LeasedDelivery]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.shutdown()

    @property
    def has_pending(self) -> bool:
        """Whether a receive ahead was started and `next` has not returned its messages yet."""
        return self._pending is not None

    def next(self) -> list[LeasedDelivery]:
        """The batch that was received ahead, or a newly received batch. Raises the exception of the receive."""
        pending, self._pending = self._pending, None
        return [self._take(message) for message in self._receive()] if pending is None else pending.result()

    def start(self, in_flight: Sequence[LeasedDelivery]) -> None:
        """Start the receive that `next` will return, while `in_flight` is handled."""
        if self._prefetch is not None and all(held.delivery.receive_count == 1 for held in in_flight):
            self._pending = self._thread.submit(self._receive_ahead, self._prefetch, in_flight)

    def wait(self) -> None:
        """Wait until the receive that `start` began has its response."""
        if self._pending is not None:
            wait([self._pending])

    def _receive_ahead(self, prefetch: Prefetch, in_flight: Iterable[LeasedDelivery]) -> list[LeasedDelivery]:
        batch = [self._take(message, prefetch) for message in self._receive(PREFETCH_WAIT_S)]
        received_again = {held.delivery.message_id for held in batch}
        for held in in_flight:
            if held.delivery.message_id in received_again:
                self._refuse(held)
        return batch

    def _refuse(self, held: LeasedDelivery) -> None:
        """Another receive has the message. Its lease is lost, unless it has ended: a released message may come here."""
        was_held = self._leases.holds(held.lease)
        held.lease.refused = True
        if was_held:
            self._observer.notify(
                Event(
                    "lease.lost",
                    "lease lost: the message was received again",
                    {**held.delivery.log_fields},
                    logging.WARNING,
                )
            )

    def _receive(self, longest_wait_s: int | None = None) -> list[Received]:
        received = self._queue.receive(self._slots, longest_wait_s)
        ids = Counter(message.message_id for message in received)
        for message_id in (ids - Counter(set(ids))).elements():
            self._observer.notify(
                Event(
                    "message.copy_dropped",
                    "one receive returned two copies of the message; the newest receipt handle is used",
                    {"message_id": message_id},
                )
            )
        return newest(received)

    def _take(self, message: Received, prefetch: Prefetch | None = None) -> LeasedDelivery:
        lease = self._leases.take(message.message_id, message.receipt_handle)
        delivery = Delivery(
            message_id=message.message_id,
            body=message.body,
            receive_count=message.receive_count,
            is_last=message.receive_count >= self._queue.max_receive_count,
            lease=lease,
            receipt_handle=message.receipt_handle,
        )
        self._observer.notify(
            Event(
                "message.received",
                "message received",
                {
                    **delivery.log_fields,
                    "receive_count": message.receive_count,
                    "queue_time_s": queue_time_s(message, time.time()),
                },
            )
        )
        if prefetch is not None and message.receive_count == 1:
            delivery = self._prefetched(delivery, prefetch)
        return LeasedDelivery(delivery, lease)

    def _prefetched(self, delivery: Delivery, prefetch: Prefetch) -> Delivery:
        """The delivery with the result of `prefetch`; unchanged if that fails."""
        try:
            return replace(delivery, prefetched=prefetch(delivery))
        except Exception as error:  # noqa: BLE001  # the message is handled without it
            self._observer.notify(
                Event(
                    "prefetch.failed",
                    "prefetch failed; the data is fetched when the message is handled",
                    {**delivery.log_fields},
                    logging.WARNING,
                    error,
                )
            )
            return delivery


def queue_time_s(message: Received, now_s: float) -> float | None:
    """How long a message waited for its first receive. None at other receives, which a delay may precede."""
    if message.sent_s is None or message.receive_count > 1:
        return None
    return round(max(0.0, now_s - message.sent_s), 3)


def newest(received: Sequence[Received]) -> list[Received]:
    """One receive per message: SQS may return two copies of a message at once; only the newest handle is valid.

    The older one is not released: that could end the lease on the newer one.
    """
    by_id: dict[str, Received] = {}
    for message in received:
        known = by_id.get(message.message_id)
        if known is None or message.receive_count >= known.receive_count:
            by_id[message.message_id] = message
    return list(by_id.values())
