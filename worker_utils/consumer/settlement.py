"""What becomes of each message of a batch: outcome decided, recorded, deleted or released, remembered."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from video_analysis.worker_utils.aws.sqs import Queue
from video_analysis.worker_utils.consumer.delivery import Delivery, Handler
from video_analysis.worker_utils.consumer.failure_cache import DeniedKeys, Verdicts
from video_analysis.worker_utils.consumer.lease import HeldLease
from video_analysis.worker_utils.consumer.lease_manager import LeaseKeeper
from video_analysis.worker_utils.consumer.retry_policy import Outcome, RetryPolicy, decide, give_up_after_s, verdict_on
from video_analysis.worker_utils.errors import (
    EnvironmentFault,
    Interrupted,
    LeaseLost,
    Permanent,
    Transient,
    WorkerError,
    bare,
)
from video_analysis.worker_utils.execution import concurrency
from video_analysis.worker_utils.execution.memory_pressure import doubted
from video_analysis.worker_utils.observability.logs import failure_fields

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InHand:
    """A delivery as the handler sees it, and the lease on it as the consumer does."""

    delivery: Delivery
    lease: HeldLease


class Settlement:
    """Acts on outcomes. Nothing it meets on the way hides an outcome or stops the loop."""

    def __init__(  # one argument a part
        self,
        queue: Queue,
        handler: Handler,
        keeper: LeaseKeeper,
        *,
        policy: RetryPolicy,
        denied_keys_limit: int,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._queue = queue
        self._handler = handler
        self._keeper = keeper
        self._policy = policy
        self._jitter = jitter
        self._verdicts = Verdicts()
        self._denied_keys = DeniedKeys(denied_keys_limit)
        self._unwritten: list[tuple[Delivery, WorkerError]] = []

    def repeats(self, held: InHand) -> bool:
        """Send a message whose verdict is known on its way to the dead-letter queue; False where there is none."""
        verdict = self._verdicts.recall(held.delivery.message_id)
        if verdict is None:
            return False
        log.info(
            "message rejected again without work: %s",
            verdict,
            extra={"event": "message.rejected_again", **failure_fields(verdict), **held.delivery.log_fields},
        )
        receive_count = held.delivery.receive_count
        self._let_go(held, give_up_after_s(receive_count, self._queue.max_receive_count, self._policy))
        return True

    def settle(self, batch: Sequence[InHand], failures: Sequence[WorkerError | None]) -> bool:
        """Act on the outcome of every member: recorded in order, then told to the queue all at once.

        Whether polling must pause.
        """
        judged = self._denied_keys.judge([doubted(failure) for failure in failures])
        outcomes = [self._settle(held, failure) for held, failure in zip(batch, judged, strict=True)]
        settled = zip(batch, outcomes, strict=True)
        for _ in concurrency.mapped(lambda pair: self._part(*pair), settled, max(1, len(batch)), "settle"):
            self._keeper.progress()
        return any(outcome.pause for outcome in outcomes)

    def write_down(self) -> None:
        """Record the final failures that an outage kept from being recorded, so that no row stays `processing`."""
        while self._unwritten and self._obstacle_to_recording(*self._unwritten[0], final=True) is None:
            del self._unwritten[0]

    def _settle(self, held: InHand, failure: WorkerError | None) -> Outcome:
        """Decide, record and remember."""
        if held.lease.lost:
            failure = LeaseLost(f"lease lost; what became of it here does not count: {failure or 'finished'}")
        outcome = self._decide(held, failure)
        _log_outcome(held.delivery, failure, outcome)
        if failure is not None and outcome.record != "nothing":
            outcome = self._record(held, failure, outcome)
        if isinstance(failure, Permanent) and outcome.remember:
            self._verdicts.remember(held.delivery.message_id, failure)
        return outcome

    def _part(self, held: InHand, outcome: Outcome) -> None:
        if outcome.delete:
            self._acknowledge(held)
        else:
            self._let_go(held, outcome.release_after_s)

    def _decide(self, held: InHand, failure: WorkerError | None) -> Outcome:
        return decide(
            failure,
            receive_count=held.delivery.receive_count,
            max_receive_count=self._queue.max_receive_count,
            policy=self._policy,
            jitter=self._jitter(),
        )

    def _record(self, held: InHand, failure: WorkerError, outcome: Outcome) -> Outcome:
        """Write the failure down; the outcome as it stands afterwards."""
        obstacle = self._obstacle_to_recording(held.delivery, failure, final=outcome.record == "error")
        return outcome if obstacle is None else self._unrecorded(held, failure, obstacle, outcome)

    def _obstacle_to_recording(self, delivery: Delivery, failure: WorkerError, *, final: bool) -> Exception | None:
        """Record a failure; what kept it from its row, if anything did, which is logged and hides no outcome."""
        self._keeper.progress()
        try:
            self._handler.record(delivery, failure, final)
        except Exception as error:  # a failure to record never stops the loop
            foreseen = isinstance(error, WorkerError)
            log.error(
                "the failure could not be recorded: %s",
                error,
                exc_info=not foreseen,
                extra={"event": "message.record_failed", **failure_fields(verdict_on(error)), **delivery.log_fields},
            )
            return error
        return None

    def _unrecorded(self, held: InHand, failure: WorkerError, error: Exception, outcome: Outcome) -> Outcome:
        """Where the database could not be written to, the message comes again when it perhaps can."""
        outcome = replace(outcome, remember=False)
        if isinstance(failure, Interrupted) or not isinstance(error, EnvironmentFault | Transient):
            return outcome
        if held.delivery.is_last:
            self._unwritten.append((replace(held.delivery, prepared=None), bare(failure)))
        later = self._decide(held, error)
        return replace(outcome, release_after_s=later.release_after_s, pause=outcome.pause or later.pause)

    def _acknowledge(self, held: InHand) -> None:
        self._keeper.drop(held.lease)
        try:
            self._queue.delete(held.delivery.receipt_handle)
        except WorkerError as fault:
            log.warning(
                "the message is finished but could not be deleted, it will be received again: %s",
                fault,
                extra={"event": "message.delete_failed", **failure_fields(fault), **held.delivery.log_fields},
            )

    def _let_go(self, held: InHand, after_s: int | None) -> None:
        self._keeper.drop(held.lease)
        if after_s is None or held.lease.lost:
            return
        try:
            self._queue.release(held.delivery.receipt_handle, held.lease.allowed_s(after_s))
        except WorkerError as fault:
            log.warning(
                "the message could not be released, it is visible again after the visibility timeout: %s",
                fault,
                extra={"event": "message.release_failed", **failure_fields(fault), **held.delivery.log_fields},
            )


def _log_outcome(delivery: Delivery, failure: WorkerError | None, outcome: Outcome) -> None:
    """One line: what became of this receive, why, and when the next one is due."""
    if failure is None:
        log.info("message finished", extra={"event": "message.finished", **delivery.log_fields})
        return
    quiet = isinstance(failure, Interrupted)
    level = logging.ERROR if outcome.record == "error" else logging.INFO if quiet else logging.WARNING
    log.log(
        level,
        "message failed: %s",
        failure,
        extra={
            "event": "message.failed",
            **failure_fields(failure),
            "receive_count": delivery.receive_count,
            "last_receive": delivery.is_last,
            "released_after_s": outcome.release_after_s,
            **delivery.log_fields,
        },
    )
