"""The loop of a worker: receive, handle under lease, settle; pause polling while no message can succeed.

The handler runs in the calling thread. It has no access to the queue, and the consumer never parses a body.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence

from video_analysis.worker_utils.aws.sqs import Queue
from video_analysis.worker_utils.consumer.backoff import Backoff
from video_analysis.worker_utils.consumer.delivery import Handler
from video_analysis.worker_utils.consumer.lease import LeaseTimes
from video_analysis.worker_utils.consumer.lease_manager import LeaseManager
from video_analysis.worker_utils.consumer.prefetch import Prefetch, Prefetcher
from video_analysis.worker_utils.consumer.retry_policy import RetryPolicy, classify_exception, unexpected
from video_analysis.worker_utils.consumer.settlement import LeasedDelivery, Settlement
from video_analysis.worker_utils.errors import Transient, WorkerError
from video_analysis.worker_utils.observability import systemd
from video_analysis.worker_utils.observability.logs import failure_fields
from video_analysis.worker_utils.observability.metrics import WorkerStatus
from video_analysis.worker_utils.observability.observer import Event, Observer
from video_analysis.worker_utils.settings import ConsumerSettings


class Consumer:
    """One worker's consumer. `run` returns when `shutdown` is set and every in-flight message has been settled."""

    def __init__(
        self,
        queue: Queue,
        handler: Handler,
        settings: ConsumerSettings,
        shutdown: threading.Event,
        *,
        observer: Observer,
        slots: int = 1,
        prefetch: Prefetch | None = None,
        exit_process: Callable[[int], object] = os._exit,
    ) -> None:
        """`slots`: messages per batch (1 to 10). `exit_process` ends a process that hangs.

        With `prefetch`, the next batch is received and prefetched while the current batch is handled.
        """
        self._queue = queue
        self._handler = handler
        self._shutdown = shutdown
        self._observer = observer
        self._wait_slice_s = settings.stall_s / 4
        self._pause_restart_s = settings.pause.restart_s
        self._gave_up = False
        self._is_ready = False
        self._polled_s: float | None = None
        self._notifier = systemd.Notifier(settings.notify_socket)
        self._pause_backoff = Backoff(settings.pause.first_s, settings.pause.longest_s)
        self._poll_backoff = Backoff(settings.pause.first_s, settings.pause.longest_s)
        times = _lease_times(settings)
        self._leases = LeaseManager(
            queue, times, shutdown, notifier=self._notifier, observer=observer, exit_process=exit_process
        )
        self._prefetcher = Prefetcher(queue, self._leases, slots, prefetch, observer)
        self._settlement = Settlement(
            queue,
            handler,
            self._leases,
            policy=RetryPolicy(settings.transient_delays_s, settings.missing_delays_s),
            denied_keys_limit=settings.denied_keys_limit,
            observer=observer,
        )

    def run(self) -> bool:
        """Process messages until `shutdown` is set, then return True. During an outage nothing is received.

        Returns False after an outage of `pause.restart_s`: the process should exit, so that the service manager
        restarts it.
        """
        with self._leases, self._prefetcher:
            self._notifier.send(systemd.READY)
            if not self._probe():
                self._pause()
            while not self._shutdown.is_set() or self._prefetcher.has_pending:
                self._work(self._poll())
        self._is_ready = False
        self._observer.notify(Event("consumer.stopped", "consumer stopped; no message is in flight"))
        return not self._gave_up

    def status(self) -> WorkerStatus:
        """The state of this consumer, for metrics and health checks. Can be called in any thread; never waits."""
        lefts_s, progress_age_s = self._leases.lefts_s(), self._leases.progress_age_s()
        return WorkerStatus(
            is_ready=self._is_ready,
            in_flight=len(lefts_s),
            lease_left_s=min(lefts_s, default=None),
            poll_age_s=None if self._polled_s is None else self._leases.now_s() - self._polled_s,
            progress_age_s=progress_age_s,
            is_stalled=progress_age_s > self._leases.times.stall_s,
        )

    def _poll(self) -> list[LeasedDelivery]:
        """The messages of the next receive; if it fails, an empty list after a wait."""
        self._leases.progress()
        try:
            received = self._prefetcher.next()
        except Exception as error:  # noqa: BLE001  # a poll error never ends the loop
            delay_s = self._poll_backoff.next_s()
            failure = classify_exception(error)
            self._observer.notify(
                Event(
                    "poll.failed",
                    f"poll failed, next poll in {delay_s:.1f} s: {failure}",
                    {**failure_fields(failure), "retry_after_s": round(delay_s, 3)},
                    logging.WARNING,
                    unexpected(error),
                )
            )
            self._wait(delay_s)
            return []
        self._polled_s = self._leases.now_s()
        self._poll_backoff.reset()
        return received

    def _work(self, received: Sequence[LeasedDelivery]) -> None:
        batch = [held for held in received if self._start_or_settle(held)]
        if not batch:
            if self._leases.take_refusal():
                self._pause()
            return
        if not self._shutdown.is_set():
            self._prefetcher.start(batch)
        begun_s = time.monotonic()
        failures = self._handle(batch)
        elapsed_s = time.monotonic() - begun_s
        if self._shutdown.is_set():
            # The messages are then released with a delay of 0: a receive that still runs would receive them again.
            self._prefetcher.wait()
        must_pause = self._settlement.settle(batch, failures, elapsed_s)
        if self._leases.take_refusal() or must_pause:
            self._pause()
        else:
            self._pause_backoff.reset()

    def _start_or_settle(self, held: LeasedDelivery) -> bool:
        """Whether the message needs work. It is settled if its lease is lost, its failure is known, or at shutdown."""
        try:
            held.lease.check()
        except WorkerError as failure:
            self._settlement.settle([held], [failure])
            return False
        return not self._settlement.release_known_failure(held)

    def _handle(self, batch: Sequence[LeasedDelivery]) -> Sequence[WorkerError | None]:
        """The handler's outcomes; an exception that it raises is the outcome of every message of the batch."""
        try:
            failures = self._handler.handle([held.delivery for held in batch])
        except Exception as error:  # noqa: BLE001  # the taxonomy is applied here
            if unexpected(error):
                self._observer.notify(
                    Event(
                        "handler.failed",
                        "the handler raised an unexpected exception",
                        {**batch[0].delivery.log_fields},
                        logging.ERROR,
                        error,
                    )
                )
            return [classify_exception(error)] * len(batch)
        if len(failures) != len(batch):
            text = f"the handler returned {len(failures)} outcomes for {len(batch)} messages"
            return [Transient(text, code="unexpected")] * len(batch)
        return failures

    def _pause(self) -> None:
        """Receive nothing until both probes succeed. The wait between probes doubles.

        A batch that is settled without a pause resets the wait.
        """
        begun_s, self._is_ready = time.monotonic(), False
        while not self._shutdown.is_set():
            if time.monotonic() - begun_s >= self._pause_restart_s:
                self._give_up()
                return
            delay_s = self._pause_backoff.next_s()
            self._observer.notify(
                Event(
                    "polling.paused",
                    f"polling is paused for {delay_s:.1f} s",
                    {"pause_s": round(delay_s, 3)},
                    logging.WARNING,
                )
            )
            self._notifier.status(f"paused for {delay_s:.0f} s: see the log")
            self._wait(delay_s)
            if not self._shutdown.is_set() and self._probe():
                self._settlement.flush_unrecorded()
                self._settlement.flush_undeleted()
                return

    def _give_up(self) -> None:
        self._observer.notify(
            Event(
                "consumer.gave_up",
                f"no message could succeed for {self._pause_restart_s:g} s: the process exits",
                {"pause_restart_s": self._pause_restart_s},
                logging.CRITICAL,
            )
        )
        self._gave_up = True
        self._shutdown.set()

    def _probe(self) -> bool:
        """Probe the queue and the handler, and report the result. Returns whether both probes succeeded."""
        self._leases.progress()
        try:
            self._queue.probe()
            self._handler.probe()
        except Exception as error:  # noqa: BLE001  # the taxonomy is applied here
            failure = classify_exception(error)
            self._observer.notify(
                Event(
                    "probe.failed",
                    f"no message can succeed now: {failure}",
                    {**failure_fields(failure)},
                    logging.ERROR,
                    unexpected(error),
                )
            )
            return False
        self._is_ready = True
        self._notifier.status(f"polling {self._queue}")
        queue, max_receive_count = str(self._queue), self._queue.max_receive_count
        self._observer.notify(
            Event(
                "consumer.ready",
                f"polling {queue}; a message may be received {max_receive_count} times",
                {"queue": queue, "max_receive_count": max_receive_count},
            )
        )
        return True

    def _wait(self, delay_s: float) -> None:
        """Wait, marking progress, for `delay_s` or until shutdown."""
        left_s = delay_s
        while left_s > 0 and not self._shutdown.is_set():
            self._leases.progress()
            self._leases.wait(min(left_s, self._wait_slice_s))
            left_s -= self._wait_slice_s


def _lease_times(settings: ConsumerSettings) -> LeaseTimes:
    return LeaseTimes(settings.visibility_timeout_s, settings.heartbeat_s, settings.stall_s, settings.shutdown_grace_s)
