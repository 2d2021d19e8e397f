"""The loop of a worker: receive, let the handler work under a lease, settle; pause while nothing could succeed.

The handler runs in the calling thread. It never sees the queue, and the consumer never looks into a body.
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
from video_analysis.worker_utils.consumer.lease_manager import LeaseKeeper
from video_analysis.worker_utils.consumer.prefetch import Intake, Prepare
from video_analysis.worker_utils.consumer.retry_policy import RetryPolicy, verdict_on
from video_analysis.worker_utils.consumer.settlement import InHand, Settlement
from video_analysis.worker_utils.errors import Transient, WorkerError
from video_analysis.worker_utils.observability import systemd
from video_analysis.worker_utils.observability.logs import failure_fields
from video_analysis.worker_utils.settings import ConsumerSettings

log = logging.getLogger(__name__)


class Consumer:
    """One worker's consumer. `run` returns when `shutdown` is set and what was in hand has been settled."""

    def __init__(  # one argument a part
        self,
        queue: Queue,
        handler: Handler,
        settings: ConsumerSettings,
        shutdown: threading.Event,
        *,
        slots: int = 1,
        prepare: Prepare | None = None,
        exit_process: Callable[[int], object] = os._exit,
    ) -> None:
        """`slots`: messages worked on as one batch (1 to 10). `exit_process` ends a process that hangs.

        With `prepare` the next batch is received, and each message of it prepared, while one is being handled.
        """
        self._queue = queue
        self._handler = handler
        self._shutdown = shutdown
        self._wait_slice_s = settings.stall_s / 4
        self._pause_restart_s = settings.pause.restart_s
        self._gave_up = False
        self._notifier = systemd.Notifier(settings.notify_socket)
        self._breaker = Backoff(settings.pause.first_s, settings.pause.longest_s)
        self._poll_failures = Backoff(settings.pause.first_s, settings.pause.longest_s)
        times = LeaseTimes(
            settings.visibility_timeout_s, settings.heartbeat_s, settings.stall_s, settings.shutdown_grace_s
        )
        self._keeper = LeaseKeeper(queue, times, shutdown, notifier=self._notifier, exit_process=exit_process)
        self._intake = Intake(queue, self._keeper, slots, prepare)
        self._settlement = Settlement(
            queue,
            handler,
            self._keeper,
            policy=RetryPolicy(settings.transient_delays_s, settings.missing_delays_s),
            denied_keys_limit=settings.denied_keys_limit,
        )

    def run(self) -> bool:
        """Work until told to stop: True. An outage at the start is sat out before the first receive.

        False where an outage lasted for `pause.restart_s`: the process should end, for another to be started.
        """
        with self._keeper, self._intake:
            self._notifier.send(systemd.READY)
            if not self._environment_is_well():
                self._pause()
            while not self._shutdown.is_set() or self._intake.is_ahead:
                self._work(self._poll())
        log.info("consumer stopped; no message is in flight", extra={"event": "consumer.stopped"})
        return not self._gave_up

    def _poll(self) -> list[InHand]:
        """What the next receive gives; nothing, after a wait, where it fails."""
        self._keeper.progress()
        try:
            received = self._intake.next()
        except Exception as error:  # a poll error never ends the loop
            delay_s = self._poll_failures.next_s()
            failure = verdict_on(error)
            log.warning(
                "poll failed, next poll in %.1f s: %s",
                delay_s,
                failure,
                exc_info=_unforeseen(error),
                extra={"event": "poll.failed", **failure_fields(failure), "retry_after_s": round(delay_s, 3)},
            )
            self._wait(delay_s)
            return []
        self._poll_failures.reset()
        return received

    def _work(self, received: Sequence[InHand]) -> None:
        batch = [held for held in received if self._may_begin(held)]
        if not batch:
            return
        if not self._shutdown.is_set():
            self._intake.look_ahead(batch)
        failures = self._handle(batch)
        if self._shutdown.is_set():
            self._intake.wait()  # or the poll under way would receive, and burn, what is released at 0 now
        if self._settlement.settle(batch, failures):
            self._pause()
        else:
            self._breaker.reset()

    def _may_begin(self, held: InHand) -> bool:
        """Whether there is work to do on it; where its lease was lost, or the process told to stop, it is settled."""
        try:
            held.lease.check()
        except WorkerError as unbegun:
            self._settlement.settle([held], [unbegun])
            return False
        return not self._settlement.repeats(held)

    def _handle(self, batch: Sequence[InHand]) -> Sequence[WorkerError | None]:
        """The handler's outcomes; what it raises is every member's."""
        try:
            failures = self._handler.handle([held.delivery for held in batch])
        except Exception as error:  # here the taxonomy is applied
            if _unforeseen(error):
                log.exception(
                    "the handler raised an unexpected exception",
                    extra={"event": "handler.failed", **batch[0].delivery.log_fields},
                )
            return [verdict_on(error)] * len(batch)
        if len(failures) != len(batch):
            text = f"the handler answered {len(failures)} outcomes for {len(batch)} messages"
            fault = Transient(text, code="unexpected")
            return [fault] * len(batch)
        return failures

    def _pause(self) -> None:
        """Receive nothing until both probes succeed; longer between them each time, until a batch goes well."""
        begun_s = time.monotonic()
        while not self._shutdown.is_set():
            if time.monotonic() - begun_s >= self._pause_restart_s:
                log.critical(
                    "no message could succeed for %g s: the process exits",
                    self._pause_restart_s,
                    extra={"event": "consumer.gave_up", "pause_restart_s": self._pause_restart_s},
                )
                self._gave_up = True
                self._shutdown.set()
                return
            delay_s = self._breaker.next_s()
            log.warning(
                "polling is paused for %.1f s",
                delay_s,
                extra={"event": "polling.paused", "pause_s": round(delay_s, 3)},
            )
            self._notifier.status(f"paused for {delay_s:.0f} s: see the log")
            self._wait(delay_s)
            if not self._shutdown.is_set() and self._environment_is_well():
                self._settlement.write_down()
                return

    def _environment_is_well(self) -> bool:
        self._keeper.progress()
        try:
            self._queue.probe()
            self._handler.probe()
        except Exception as error:  # here the taxonomy is applied
            failure = verdict_on(error)
            log.error(
                "no message can succeed now: %s",
                failure,
                exc_info=_unforeseen(error),
                extra={"event": "probe.failed", **failure_fields(failure)},
            )
            return False
        self._notifier.status(f"polling {self._queue}")
        queue, max_receive_count = str(self._queue), self._queue.max_receive_count
        log.info(
            "polling %s; a message may be received %d times",
            queue,
            max_receive_count,
            extra={"event": "consumer.ready", "queue": queue, "max_receive_count": max_receive_count},
        )
        return True

    def _wait(self, delay_s: float) -> None:
        """Wait, alive to the watchdog, or until told to stop."""
        left_s = delay_s
        while left_s > 0 and not self._shutdown.is_set():
            self._keeper.progress()
            self._keeper.wait(min(left_s, self._wait_slice_s))
            left_s -= self._wait_slice_s


def _unforeseen(error: Exception) -> Exception | None:
    """The error itself where it is none of the taxonomy: its traceback belongs in the log."""
    return None if isinstance(error, WorkerError) else error
