"""Repeats a call that the environment refuses, while the message stays under lease: finished work is not thrown away.

The wait ends with the call's own failure before the lease would end, at SQS's limit of 12 hours: the message is then
released, and polling pauses. It also ends with the lease or the process: `RunContext.check` raises.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from video_analysis.worker_utils.consumer.backoff import Backoff
from video_analysis.worker_utils.errors import EnvironmentFault, Transient
from video_analysis.worker_utils.execution.run_context import RunContext
from video_analysis.worker_utils.observability.logs import failure_fields

CHECK_EVERY_S = 0.5
"""While a call is held, its lease and a shutdown are checked this often."""
RELEASE_MARGIN_S = 1800
"""The wait ends this long before the lease: longer than the delay after which the released message comes again."""


def _nothing(_fault: EnvironmentFault) -> None:
    """The default of `on_refused`."""


class HeldCalls:
    """The calls of one worker that are held. Several threads may call `run`; the first refusal alone is reported."""

    def __init__(self, first_s: float = 2, longest_s: float = 120, margin_s: float = RELEASE_MARGIN_S) -> None:
        """The wait between two attempts doubles, from `first_s` to `longest_s`."""
        self._margin_s = margin_s
        self._first_s = first_s
        self._longest_s = longest_s
        self._lock = threading.Lock()
        self._held = 0

    def run(
        self,
        call: Callable[[], None],
        run: RunContext,
        on_refused: Callable[[EnvironmentFault], None] = _nothing,
    ) -> None:
        """Run `call`, again and again after an EnvironmentFault. `on_refused` is called before the first wait.

        Both must be idempotent: `on_refused`, too, is repeated until it succeeds. Raises LeaseLost or Interrupted if
        the wait must end, and the EnvironmentFault if the lease is about to end.
        """
        try:
            call()
        except EnvironmentFault as fault:
            run.check()  # a call that was under way when the process was stopped is not held
            self._begin(fault, run)
            succeeded = False
            try:
                self._repeat(call, partial(on_refused, fault), fault, run)
                succeeded = True
            finally:
                self._end(run, succeeded=succeeded)

    def _repeat(
        self, call: Callable[[], None], report: Callable[[], None], fault: EnvironmentFault, run: RunContext
    ) -> None:
        backoff = Backoff(self._first_s, self._longest_s)
        reported = _succeeds(report)
        self._wait(backoff.next_s(), fault, run)
        while not _succeeds(call):
            reported = reported or _succeeds(report)
            self._wait(backoff.next_s(), fault, run)

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

    def _begin(self, fault: EnvironmentFault, run: RunContext) -> None:
        with self._lock:
            self._held += 1
            first = self._held == 1
        if first:
            run.report(
                "snapshot.held",
                f"the finished work is kept, and the refused call is repeated: {fault}",
                {**failure_fields(fault)},
                logging.ERROR,
            )

    def _end(self, run: RunContext, *, succeeded: bool) -> None:
        with self._lock:
            self._held -= 1
            last = self._held == 0
        if last and succeeded:
            run.report("snapshot.resumed", "the calls that were refused now succeed; the work continues")


def _succeeds(call: Callable[[], None]) -> bool:
    try:
        call()
    except (EnvironmentFault, Transient):
        return False
    return True
