"""Repeats a call that the environment refuses, while the message stays under lease: finished work is not thrown away.

The wait ends with the call's own failure before the lease would end, at SQS's limit of 12 hours: the message is then
released, and polling pauses. It also ends with the lease or the process: `RunContext.check` raises.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from video_analysis.worker_utils.consumer.backoff import Backoff
from video_analysis.worker_utils.errors import EnvironmentFault, Transient, WorkerError
from video_analysis.worker_utils.execution.run_context import RunContext
from video_analysis.worker_utils.observability.logs import failure_fields

CHECK_EVERY_S = 0.5
"""While a call is held, its lease and a shutdown are checked this often."""
RELEASE_MARGIN_S = 1800
"""The wait ends this long before the lease: longer than the delay after which the released message comes again."""


Reason = tuple[str, str]
"""Code and text of a refusal, without the subject of the call."""


def _nothing(_fault: EnvironmentFault) -> None:
    """The default of `on_refused`."""


@dataclass(slots=True)
class _Refusal:
    """The latest refusal of a held call. `subject` names what the call is about, see `HeldCalls.run`."""

    fault: EnvironmentFault
    subject: str

    @property
    def reason(self) -> Reason:
        text = str(self.fault)
        return self.fault.code, text.replace(self.subject, "") if self.subject else text

    def note(self, failure: WorkerError) -> bool:
        """Note the failure of a repeated call. Returns whether it is a refusal for another reason."""
        if not isinstance(failure, EnvironmentFault):
            return False
        before, self.fault = self.reason, failure
        return self.reason != before


class HeldCalls:
    """The calls of one worker that are held. Several threads may call `run`; they report each reason once.

    A reason is reported when the first call is held for it: another one, if a repeated call is refused for it.
    """

    def __init__(self, first_s: float = 2, longest_s: float = 120, margin_s: float = RELEASE_MARGIN_S) -> None:
        """The wait between two attempts doubles, from `first_s` to `longest_s`."""
        self._margin_s = margin_s
        self._first_s = first_s
        self._longest_s = longest_s
        self._lock = threading.Lock()
        self._reasons: dict[int, Reason] = {}
        """The reason of each call that is held, by the id of its refusal."""

    def run(
        self,
        call: Callable[[], None],
        run: RunContext,
        on_refused: Callable[[EnvironmentFault], None] = _nothing,
        subject: str = "",
    ) -> None:
        """Run `call`, again and again after an EnvironmentFault. `on_refused` is called once per reason.

        Both must be idempotent: `on_refused`, too, is repeated until it succeeds. Texts that differ in `subject` alone,
        such as the S3 key of the call, are one reason. Raises LeaseLost or Interrupted if the wait must end, and the
        latest EnvironmentFault if the lease is about to end.
        """
        try:
            call()
        except EnvironmentFault as fault:
            run.check()  # a call that was under way when the process was stopped is not held
            refusal = _Refusal(fault, subject)
            succeeded = False
            try:
                self._repeat(call, on_refused, refusal, run)
                succeeded = True
            finally:
                self._end(refusal, run, succeeded=succeeded)

    def _repeat(
        self,
        call: Callable[[], None],
        on_refused: Callable[[EnvironmentFault], None],
        refusal: _Refusal,
        run: RunContext,
    ) -> None:
        backoff = Backoff(self._first_s, self._longest_s)
        failure: WorkerError | None = refusal.fault
        is_new, is_recorded = True, False
        while failure is not None:
            if is_new:
                self._report(refusal, run)
            if is_new or not is_recorded:
                is_recorded = _failure_of(partial(on_refused, refusal.fault)) is None
            self._wait(backoff.next_s(), refusal.fault, run)
            failure = _failure_of(call)
            is_new = failure is not None and refusal.note(failure)

    def _wait(self, delay_s: float, fault: EnvironmentFault, run: RunContext) -> None:
        until_s = time.monotonic() + delay_s
        while True:
            run.check()
            if run.lease.left_s() <= self._margin_s:
                raise fault
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return
            time.sleep(min(left_s, CHECK_EVERY_S))

    def _report(self, refusal: _Refusal, run: RunContext) -> None:
        """Report the reason, unless another call is held for it."""
        with self._lock:
            is_known = refusal.reason in self._reasons.values()
            self._reasons[id(refusal)] = refusal.reason
        if not is_known:
            run.report(
                "snapshot.held",
                f"the finished work is kept, and the refused call is repeated: {refusal.fault}",
                {**failure_fields(refusal.fault)},
                logging.ERROR,
            )

    def _end(self, refusal: _Refusal, run: RunContext, *, succeeded: bool) -> None:
        with self._lock:
            self._reasons.pop(id(refusal), None)
            is_last = not self._reasons
        if is_last and succeeded:
            run.report("snapshot.resumed", "the calls that were refused now succeed; the work continues")


def _failure_of(call: Callable[[], None]) -> EnvironmentFault | Transient | None:
    """The failure after which the call is repeated; None if it succeeds."""
    try:
        call()
    except (EnvironmentFault, Transient) as failure:
        return failure
    return None
