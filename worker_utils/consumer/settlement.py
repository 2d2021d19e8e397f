"""Settles each message of a batch: decides its outcome, records its failure, deletes or releases it."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from video_analysis.worker_utils.aws.sqs import Queue
from video_analysis.worker_utils.consumer.delivery import Delivery, Handler
from video_analysis.worker_utils.consumer.failure_cache import DeniedKeys, FailureCache
from video_analysis.worker_utils.consumer.lease import HeldLease
from video_analysis.worker_utils.consumer.lease_manager import LeaseManager
from video_analysis.worker_utils.consumer.retry_policy import (
    Outcome,
    RetryPolicy,
    classify_exception,
    decide,
    give_up_after_s,
    unexpected,
)
from video_analysis.worker_utils.errors import (
    Cancelled,
    EnvironmentFault,
    Interrupted,
    LeaseLost,
    Paused,
    Permanent,
    Transient,
    WorkerError,
    strip_traceback,
)
from video_analysis.worker_utils.execution import concurrency
from video_analysis.worker_utils.execution.memory_pressure import reclassify_under_memory_pressure
from video_analysis.worker_utils.observability.logs import failure_fields
from video_analysis.worker_utils.observability.observer import Event, Observer


@dataclass(frozen=True, slots=True)
class LeasedDelivery:
    """A delivery for the handler, and the consumer's lease on it."""

    delivery: Delivery
    lease: HeldLease


class Settlement:
    """Acts on outcomes. If an action fails, this is logged: every outcome is still reported, and the loop continues."""

    def __init__(
        self,
        queue: Queue,
        handler: Handler,
        leases: LeaseManager,
        *,
        policy: RetryPolicy,
        denied_keys_limit: int,
        observer: Observer,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._queue = queue
        self._handler = handler
        self._leases = leases
        self._policy = policy
        self._observer = observer
        self._jitter = jitter
        self._known_failures = FailureCache()
        self._denied_keys = DeniedKeys(denied_keys_limit)
        self._unrecorded: list[tuple[Delivery, WorkerError]] = []
        self._undeleted: list[LeasedDelivery] = []

    def release_known_failure(self, held: LeasedDelivery) -> bool:
        """If a permanent failure of the message is known, release it without work. Returns whether it was released."""
        failure = self._known_failures.recall(held.delivery.message_id)
        if failure is None:
            return False
        receive_count = held.delivery.receive_count
        self._observer.notify(
            Event(
                "message.rejected_again",
                f"message rejected again without work: {failure}",
                {
                    **failure_fields(failure),
                    "receive_count": receive_count,
                    "last_receive": held.delivery.is_last,
                    **held.delivery.log_fields,
                },
            )
        )
        self._release(held, give_up_after_s(receive_count, self._queue.max_receive_count, self._policy))
        return True

    def settle(
        self,
        batch: Sequence[LeasedDelivery],
        failures: Sequence[WorkerError | None],
        elapsed_s: float | None = None,
    ) -> bool:
        """Act on the outcome of every message: record failures in order, then delete or release in parallel.

        `elapsed_s`: time in which the handler processed the batch; None if it did not. Returns whether polling must
        pause.
        """
        final = self._denied_keys.apply([reclassify_under_memory_pressure(failure) for failure in failures])
        outcomes = [self._settle(held, failure, elapsed_s) for held, failure in zip(batch, final, strict=True)]
        settled = zip(batch, outcomes, strict=True)
        for _ in concurrency.parallel_map(
            lambda pair: self._acknowledge_or_release(*pair), settled, max(1, len(batch)), "settle"
        ):
            self._leases.progress()
        return any(outcome.pause for outcome in outcomes) or bool(self._undeleted)

    def flush_undeleted(self) -> None:
        """Delete the finished messages whose deletion was refused. Their leases were kept meanwhile."""
        undeleted, self._undeleted = self._undeleted, []
        for held in undeleted:
            self._acknowledge(held)

    def flush_unrecorded(self) -> None:
        """Record the final failures that could not be recorded during an outage, so that no row stays `processing`."""
        while self._unrecorded and self._try_to_record(*self._unrecorded[0], final=True) is None:
            del self._unrecorded[0]

    def _settle(self, held: LeasedDelivery, failure: WorkerError | None, elapsed_s: float | None) -> Outcome:
        """Decide the outcome of one message and report it; record and remember a failure."""
        if held.lease.lost:
            failure = LeaseLost(f"lease lost; this worker's outcome is ignored: {failure or 'finished'}")
        outcome = self._decide(held, failure)
        self._report(held.delivery, failure, outcome, elapsed_s)
        if failure is not None and outcome.record != "nothing":
            outcome = self._record(held, failure, outcome)
        if isinstance(failure, Permanent) and outcome.remember:
            self._known_failures.remember(held.delivery.message_id, failure)
        return outcome

    def _acknowledge_or_release(self, held: LeasedDelivery, outcome: Outcome) -> None:
        if outcome.delete:
            self._acknowledge(held)
        else:
            self._release(held, outcome.release_after_s)

    def _decide(self, held: LeasedDelivery, failure: WorkerError | None) -> Outcome:
        return decide(
            failure,
            receive_count=held.delivery.receive_count,
            max_receive_count=self._queue.max_receive_count,
            policy=self._policy,
            jitter=self._jitter(),
        )

    def _record(self, held: LeasedDelivery, failure: WorkerError, outcome: Outcome) -> Outcome:
        """Write the failure into its row. If that fails, the outcome may change."""
        error = self._try_to_record(held.delivery, failure, final=outcome.record == "error")
        return outcome if error is None else self._retry_recording(held, failure, error, outcome)

    def _try_to_record(self, delivery: Delivery, failure: WorkerError, *, final: bool) -> Exception | None:
        """Write a failure into its row. Returns the error that prevented this, or None."""
        self._leases.progress()
        try:
            self._handler.record(delivery, failure, final)
        except Exception as error:  # noqa: BLE001  # a failure to record never stops the loop
            self._observer.notify(
                Event(
                    "message.record_failed",
                    f"the failure could not be recorded: {error}",
                    {**failure_fields(classify_exception(error)), **delivery.log_fields},
                    logging.ERROR,
                    unexpected(error),
                )
            )
            return error
        return None

    def _retry_recording(
        self, held: LeasedDelivery, failure: WorkerError, error: Exception, outcome: Outcome
    ) -> Outcome:
        """The outcome of a message whose failure was not recorded: after a database fault it is released later.

        It is not deleted: without its row, an operator's pause or cancellation would be lost.
        """
        outcome = replace(outcome, remember=False, delete=False)
        if isinstance(failure, Interrupted) or not isinstance(error, EnvironmentFault | Transient):
            return outcome
        if held.delivery.is_last:
            self._unrecorded.append((replace(held.delivery, prefetched=None), strip_traceback(failure)))
        later = self._decide(held, error)
        return replace(outcome, release_after_s=later.release_after_s, pause=outcome.pause or later.pause)

    def _acknowledge(self, held: LeasedDelivery) -> None:
        self._leases.forget(held.lease)
        try:
            self._queue.delete(held.delivery.receipt_handle)
        except WorkerError as fault:
            kept = isinstance(fault, EnvironmentFault) and self._leases.keep(held.lease)
            if kept:
                self._undeleted.append(held)
            follows = "its lease is kept until it is deleted" if kept else "it will be received again"
            self._observer.notify(
                Event(
                    "message.delete_failed",
                    f"the message is finished but could not be deleted, {follows}: {fault}",
                    {**failure_fields(fault), **held.delivery.log_fields},
                    logging.WARNING,
                )
            )

    def _release(self, held: LeasedDelivery, after_s: int | None) -> None:
        self._leases.forget(held.lease)
        if after_s is not None and not held.lease.lost:
            self._leases.release(held.lease, held.lease.allowed_s(after_s), held.delivery.log_fields)

    def _report(
        self, delivery: Delivery, failure: WorkerError | None, outcome: Outcome, elapsed_s: float | None
    ) -> None:
        """One event: the outcome of this receive, its failure, and when the message becomes visible again."""
        elapsed_s = None if elapsed_s is None else round(elapsed_s, 3)
        if failure is None:
            self._observer.notify(
                Event("message.finished", "message finished", {"elapsed_s": elapsed_s, **delivery.log_fields})
            )
            return
        if isinstance(failure, Paused | Cancelled):
            self._observer.notify(
                Event(
                    "message.stopped",
                    f"the message is acknowledged, an operator stopped its work: {failure}",
                    {**failure_fields(failure), "elapsed_s": elapsed_s, **delivery.log_fields},
                )
            )
            return
        interrupted = isinstance(failure, Interrupted)
        level = logging.ERROR if outcome.record == "error" else logging.INFO if interrupted else logging.WARNING
        self._observer.notify(
            Event(
                "message.failed",
                f"message failed: {failure}",
                {
                    **failure_fields(failure),
                    "receive_count": delivery.receive_count,
                    "last_receive": delivery.is_last,
                    "released_after_s": outcome.release_after_s,
                    "elapsed_s": elapsed_s,
                    **delivery.log_fields,
                },
                level,
            )
        )
