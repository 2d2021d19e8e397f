"""Keeps the visibility timeouts of all in-flight messages extended while the work makes progress.

One thread per process. It extends every lease and feeds systemd's watchdog. It ends the process if the work stalls, or
if the work does not stop within the grace period of a shutdown.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol, Self

from video_analysis.worker_utils.consumer.lease import HeldLease, LeaseTimes, since_boot_s
from video_analysis.worker_utils.consumer.retry_policy import classify_exception
from video_analysis.worker_utils.errors import EnvironmentFault, WorkerError
from video_analysis.worker_utils.observability import systemd
from video_analysis.worker_utils.observability.logs import failure_fields
from video_analysis.worker_utils.observability.observer import Event, Observer


class Visibility(Protocol):
    """The part of the queue that leases need."""

    def extend(self, timeouts_s: Mapping[str, int]) -> Mapping[str, str]:
        """Set how long each message stays hidden: receipt handle → seconds from now.

        Returns receipt handle → `extended`, `lost` or `failed`.
        """

    def release(self, receipt_handle: str, after_s: int) -> None:
        """Make a message visible again in `after_s` seconds."""


class LeaseManager:
    """The leases of all in-flight messages. A context manager: its thread runs inside the block."""

    def __init__(
        self,
        queue: Visibility,
        times: LeaseTimes,
        shutdown: threading.Event,
        *,
        notifier: systemd.Notifier,
        observer: Observer,
        exit_process: Callable[[int], object] = os._exit,
        clock: Callable[[], float] = since_boot_s,
    ) -> None:
        self.times = times
        self._shutdown = shutdown
        self._clock = clock
        self._queue = queue
        self._notifier = notifier
        self._observer = observer
        self._exit_process = exit_process
        self._held: set[HeldLease] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self._progress_s = clock()
        self._next_heartbeat_s = clock() + times.heartbeat_s
        self._refused = False
        self._shutdown_since_s: float | None = None
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Release every message that is still in flight."""
        self._closed.set()
        self._thread.join()
        self._release_all()

    def take(self, message_id: str, receipt_handle: str) -> HeldLease:
        """A lease on a message that has just been received."""
        lease = HeldLease(self, message_id, receipt_handle)
        with self._lock:
            self._held.add(lease)
        self.progress()
        return lease

    def forget(self, lease: HeldLease) -> None:
        """Stop extending the lease. Waits for a running heartbeat, which could hide a released message again."""
        with self._lock:
            self._held.discard(lease)
        self.progress()

    def keep(self, lease: HeldLease) -> bool:
        """Extend a forgotten lease again. Returns False, and does nothing, if it is lost."""
        with self._lock:
            if not lease.lost:
                self._held.add(lease)
        return lease in self._held

    def holds(self, lease: HeldLease) -> bool:
        """Whether the lease is in flight: neither forgotten nor released. Does not wait."""
        return lease in self._held

    def take_refusal(self) -> bool:
        """Whether an extension or a release was refused by the environment since the last call: a probe must follow."""
        refused, self._refused = self._refused, False
        return refused

    def release(self, lease: HeldLease, after_s: int, log_fields: Mapping[str, object]) -> None:
        """Make the message visible again in `after_s` seconds. A failure is only reported, with `log_fields`."""
        try:
            self._queue.release(lease.receipt_handle, after_s)
        except WorkerError as fault:
            self._note_refusal(fault)
            self._observer.notify(
                Event(
                    "message.release_failed",
                    f"the message could not be released, it is visible again after the visibility timeout: {fault}",
                    {**failure_fields(fault), **log_fields},
                    logging.WARNING,
                )
            )

    def now_s(self) -> float:
        """The clock of all leases, in seconds."""
        return self._clock()

    def lefts_s(self) -> list[float]:
        """Seconds until each in-flight message becomes visible, if its lease is not extended. Does not wait."""
        now_s = self.now_s()
        return [lease.hidden_until_s - now_s for lease in tuple(self._held)]

    def progress_age_s(self) -> float:
        """Seconds since the main thread made progress."""
        return self.now_s() - self._progress_s

    def shutdown_requested(self) -> bool:
        """Whether the process is shutting down."""
        return self._shutdown.is_set()

    def progress(self) -> None:
        """Mark that the main thread makes progress."""
        self._progress_s = self.now_s()

    def wait(self, seconds: float) -> None:
        """Wait for `seconds` or until shutdown.

        It does not wait on the shutdown event. A signal handler sets that event and runs in the main thread. If the
        main thread waited on the event, it could hold the event's lock at that moment, and the handler would deadlock.
        """
        self._stopping.wait(seconds)

    def tick(self) -> None:
        """Run the tasks that are due: heartbeat, watchdog, forced exit. The thread calls it every `tick_s`."""
        now_s = self.now_s()
        if self._shutdown.is_set() and self._shutdown_since_s is None:
            self._shutdown_since_s = now_s
            self._stopping.set()
            self._notifier.send(systemd.STOPPING)
        if self._shutdown_since_s is not None and now_s - self._shutdown_since_s >= self.times.shutdown_grace_s:
            self._force_exit()
        elif now_s - self._progress_s <= self.times.stall_s:
            self._notifier.send(systemd.WATCHDOG)
            if now_s >= self._next_heartbeat_s:
                self._heartbeat()
        elif self._held:
            self._abort_stalled()

    def _run(self) -> None:
        while not self._closed.wait(self.times.tick_s):
            self.tick()

    def _heartbeat(self) -> None:
        with self._lock:
            try:
                complete = self._extend_all()
            except Exception as error:  # noqa: BLE001  # no failure of a heartbeat may end the thread
                complete = False
                failure = classify_exception(error)
                self._note_refusal(failure)
                self._observer.notify(
                    Event(
                        "heartbeat.failed",
                        f"heartbeat failed, it is retried soon: {failure}",
                        {**failure_fields(failure)},
                        logging.WARNING,
                    )
                )
        self._next_heartbeat_s = self.now_s() + self.times.heartbeat_s * (1 if complete else 1 / 6)

    def _note_refusal(self, failure: WorkerError) -> None:
        self._refused = self._refused or isinstance(failure, EnvironmentFault)

    def _extend_all(self) -> bool:
        """Extend every lease that is not lost. Returns whether all calls succeeded."""
        now_s = self.now_s()
        timeout_s = self.times.visibility_timeout_s
        allowed = {lease: lease.allowed_s(timeout_s) for lease in self._held if not lease.lost}
        longer = {lease: s for lease, s in allowed.items() if now_s + s > lease.hidden_until_s}
        if not longer:
            return True
        results = self._queue.extend({lease.receipt_handle: s for lease, s in longer.items()})
        for lease, extension_s in longer.items():
            self._apply(lease, results[lease.receipt_handle], now_s + extension_s)
        return all(result != "failed" for result in results.values())

    def _apply(self, lease: HeldLease, result: str, hidden_until_s: float) -> None:
        if result == "extended":
            lease.hidden_until_s = hidden_until_s
        elif result == "lost":
            lease.refused = True
            self._observer.notify(
                Event(
                    "lease.lost",
                    "lease lost: SQS refuses to extend it",
                    {"message_id": lease.message_id},
                    logging.WARNING,
                )
            )

    def _force_exit(self) -> None:
        """The grace period has passed: release all messages and end the process, with status 0."""
        self._observer.notify(
            Event(
                "shutdown.forced",
                f"the work did not stop within {self.times.shutdown_grace_s:g} s after the signal:"
                " its messages are released and the process exits",
                {"shutdown_grace_s": self.times.shutdown_grace_s},
                logging.WARNING,
            )
        )
        self._release_all()
        self._end(0)

    def _abort_stalled(self) -> None:
        """End the process with status 1. Its messages become visible after their visibility timeout."""
        message_ids = sorted(lease.message_id for lease in tuple(self._held))
        self._observer.notify(
            Event(
                "worker.stalled",
                f"no progress for {self.times.stall_s:g} s on {', '.join(message_ids)}: the process exits",
                {"stall_s": self.times.stall_s, "message_ids": message_ids},
                logging.CRITICAL,
            )
        )
        self._notifier.status(f"no progress for {self.times.stall_s:g} s")
        self._end(1)

    def _end(self, status: int) -> None:
        self._closed.set()
        self._exit_process(status)

    def _release_all(self) -> None:
        with self._lock:
            leases, self._held = self._held, set()
        for lease in leases:
            lease.refused = True
            self.release(lease, 0, {"message_id": lease.message_id})
