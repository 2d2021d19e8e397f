"""Keeps what is in hand hidden from others, as long as the work moves on and SQS lets it.

One thread a process: it extends every lease, ends a process whose work stands still or outlasts a shutdown, and feeds
systemd's watchdog.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol, Self

from video_analysis.worker_utils.consumer.lease import HeldLease, LeaseTimes, since_boot_s
from video_analysis.worker_utils.consumer.retry_policy import verdict_on
from video_analysis.worker_utils.errors import WorkerError
from video_analysis.worker_utils.observability import systemd
from video_analysis.worker_utils.observability.logs import failure_fields

log = logging.getLogger(__name__)


class Visibility(Protocol):
    """What a lease needs of the queue."""

    def extend(self, timeouts_s: Mapping[str, int]) -> Mapping[str, str]:
        """Hide each message, by receipt handle, so many seconds from now: extended, lost or failed."""

    def release(self, receipt_handle: str, after_s: int) -> None:
        """Make a message visible again."""


class LeaseKeeper:
    """All leases in hand, and the thread that keeps them. A context manager: the thread lives inside the block."""

    def __init__(  # its ways out of the process are parts of their own
        self,
        queue: Visibility,
        times: LeaseTimes,
        shutdown: threading.Event,
        *,
        notifier: systemd.Notifier,
        exit_process: Callable[[int], object] = os._exit,
        clock: Callable[[], float] = since_boot_s,
    ) -> None:
        self.times = times
        self._shutdown = shutdown
        self._clock = clock
        self._queue = queue
        self._notifier = notifier
        self._exit_process = exit_process
        self._in_hand: set[HeldLease] = set()
        self._hands = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)
        self._progress_s = clock()
        self._next_beat_s = clock() + times.heartbeat_s
        self._told_to_stop_s: float | None = None
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Whatever is still in hand goes back at once."""
        self._closed.set()
        self._thread.join()
        self._release_all()

    def take(self, message_id: str, receipt_handle: str) -> HeldLease:
        """A lease on a message that was received just now."""
        lease = HeldLease(self, message_id, receipt_handle)
        with self._hands:
            self._in_hand.add(lease)
        self.progress()
        return lease

    def drop(self, lease: HeldLease) -> None:
        """Extend it no more. A heartbeat under way ends first, or it would hide again what is released next."""
        with self._hands:
            self._in_hand.discard(lease)
        self.progress()

    def now_s(self) -> float:
        """The clock of all leases, in seconds."""
        return self._clock()

    def told_to_stop(self) -> bool:
        """Whether the process is shutting down."""
        return self._shutdown.is_set()

    def progress(self) -> None:
        """Say that the main thread is alive."""
        self._progress_s = self.now_s()

    def wait(self, seconds: float) -> None:
        """Wait, or until the process is told to stop.

        Never on the shutdown event itself: the signal handler that sets it runs in the waiting thread, and would wait
        for ever for the lock that this thread holds for a moment.
        """
        self._stopping.wait(seconds)

    def tick(self) -> None:
        """One look at everything; the thread does it every `tick_s`."""
        now_s = self.now_s()
        if self._shutdown.is_set() and self._told_to_stop_s is None:
            self._told_to_stop_s = now_s
            self._stopping.set()
            self._notifier.send(systemd.STOPPING)
        if self._told_to_stop_s is not None and now_s - self._told_to_stop_s >= self.times.shutdown_grace_s:
            self._leave_behind()
        elif now_s - self._progress_s <= self.times.stall_s:
            self._notifier.send(systemd.WATCHDOG)
            if now_s >= self._next_beat_s:
                self._beat()
        elif self._in_hand:
            self._die()

    def _keep(self) -> None:
        while not self._closed.wait(self.times.tick_s):
            self.tick()

    def _beat(self) -> None:
        with self._hands:
            try:
                complete = self._extend_all()
            except Exception as error:  # noqa: BLE001  # the thread must outlive whatever one beat meets
                complete = False
                failure = verdict_on(error)
                log.warning(
                    "heartbeat failed, it is retried soon: %s",
                    failure,
                    extra={"event": "heartbeat.failed", **failure_fields(failure)},
                )
        self._next_beat_s = self.now_s() + self.times.heartbeat_s * (1 if complete else 1 / 6)

    def _extend_all(self) -> bool:
        now_s = self.now_s()
        timeout_s = self.times.visibility_timeout_s
        wanted = {lease: lease.allowed_s(timeout_s) for lease in self._in_hand if not lease.lost}
        longer = {lease: s for lease, s in wanted.items() if now_s + s > lease.hidden_until_s}
        if not longer:
            return True
        answers = self._queue.extend({lease.receipt_handle: s for lease, s in longer.items()})
        for lease, extension_s in longer.items():
            self._note(lease, answers[lease.receipt_handle], now_s + extension_s)
        return all(answer != "failed" for answer in answers.values())

    def _note(self, lease: HeldLease, answer: str, hidden_until_s: float) -> None:
        if answer == "extended":
            lease.hidden_until_s = hidden_until_s
        elif answer == "lost":
            lease.refused = True
            log.warning(
                "lease lost: SQS refuses to extend it",
                extra={"event": "lease.lost", "message_id": lease.message_id},
            )

    def _leave_behind(self) -> None:
        """The work took no notice of the shutdown: its messages go back, and the process ends with it."""
        log.warning(
            "the work did not stop within %g s after the signal: its messages are released and the process exits",
            self.times.shutdown_grace_s,
            extra={"event": "shutdown.forced", "shutdown_grace_s": self.times.shutdown_grace_s},
        )
        self._release_all()
        self._end(0)

    def _die(self) -> None:
        message_ids = sorted(lease.message_id for lease in tuple(self._in_hand))
        log.critical(
            "no progress for %g s on %s: the process exits",
            self.times.stall_s,
            ", ".join(message_ids),
            extra={"event": "worker.stalled", "stall_s": self.times.stall_s, "message_ids": message_ids},
        )
        self._notifier.status(f"no progress for {self.times.stall_s:g} s")
        self._end(1)

    def _end(self, status: int) -> None:
        self._closed.set()
        self._exit_process(status)

    def _release_all(self) -> None:
        with self._hands:
            leases, self._in_hand = self._in_hand, set()
        for lease in leases:
            lease.refused = True
            try:
                self._queue.release(lease.receipt_handle, 0)
            except WorkerError as fault:
                log.warning(
                    "the message could not be released, it is visible again after the visibility timeout: %s",
                    fault,
                    extra={
                        "event": "message.release_failed",
                        **failure_fields(fault),
                        "message_id": lease.message_id,
                    },
                )
