"""Calls that the environment refuses are repeated under lease; one line reports them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from video_analysis.tests.support.recording_observer import RecordingObserver
from video_analysis.worker_utils.errors import (
    BadVideo,
    EnvironmentFault,
    Interrupted,
    LeaseLost,
    Permanent,
    Transient,
    WorkerError,
)
from video_analysis.worker_utils.execution.held_calls import RELEASE_MARGIN_S, HeldCalls
from video_analysis.worker_utils.execution.run_context import RunContext

DENIED = EnvironmentFault("s3:PutObject is denied", code="permission_denied")
NO_BUCKET = EnvironmentFault("there is no bucket", code="no_bucket")


@dataclass
class Lease:
    """Raises `ends_with` from the `checks`-th check on, and is a second older at each."""

    checks: int = 1_000_000
    ends_with: WorkerError = field(default_factory=lambda: LeaseLost("lost"))
    rest_s: float = 43_200

    def check(self) -> None:
        self.checks -= 1
        self.rest_s -= 1
        if self.checks <= 0:
            raise self.ends_with

    def left_s(self) -> float:
        return self.rest_s


def context(observer: RecordingObserver, lease: Lease | None = None) -> RunContext:
    return RunContext("key", lease or Lease(), observer, {"message_id": "m"})


def repeat(
    run: RunContext, *faults: WorkerError, records: Sequence[WorkerError | None] = ()
) -> tuple[int, list[WorkerError]]:
    """Run a call that fails with these faults first. Returns its attempts, and the refusals that were recorded.

    The first records fail with `records`; None: it succeeds.
    """
    attempts, left, failures, refusals = 0, iter(faults), iter(records), list[WorkerError]()

    def call() -> None:
        nonlocal attempts
        attempts += 1
        if fault := next(left, None):
            raise fault

    def record(fault: EnvironmentFault) -> None:
        if failure := next(failures, None):
            raise failure
        refusals.append(fault)

    HeldCalls(0.001, 0.001).run(call, run, record)
    return attempts, refusals


def test_a_call_that_succeeds_is_not_reported() -> None:
    observer = RecordingObserver()
    assert repeat(context(observer)) == (1, [])
    assert observer.codes() == []


def test_a_refused_call_is_repeated_until_it_succeeds_also_after_failures_of_another_kind() -> None:
    observer = RecordingObserver()
    assert repeat(context(observer), DENIED, Transient("slow"), DENIED) == (4, [DENIED])
    assert observer.codes() == ["snapshot.held", "snapshot.resumed"]
    assert "s3:PutObject is denied" in observer.events[0].message


@pytest.mark.parametrize("failure", [Transient("slow"), BadVideo("bad"), LeaseLost("lost")])
def test_other_failures_are_not_held(failure: WorkerError) -> None:
    observer = RecordingObserver()
    with pytest.raises(type(failure)):
        repeat(context(observer), failure)
    assert observer.codes() == []


@pytest.mark.parametrize("end", [LeaseLost("lost"), Interrupted("shutting down")])
def test_a_lost_lease_or_a_shutdown_ends_the_wait(end: WorkerError) -> None:
    observer = RecordingObserver()
    with pytest.raises(type(end)):
        repeat(context(observer, Lease(5, end)), *[DENIED] * 100)
    assert observer.codes() == ["snapshot.held"]


def test_a_call_that_is_refused_during_a_shutdown_is_not_held() -> None:
    """Else the last uploads of a stopped worker would be reported as held once more."""
    observer = RecordingObserver()
    with pytest.raises(Interrupted):
        repeat(context(observer, Lease(1, Interrupted("shutting down"))), DENIED)
    assert observer.codes() == []


def test_the_wait_ends_with_the_latest_refusal_before_the_lease_does() -> None:
    observer, lease = RecordingObserver(), Lease(rest_s=RELEASE_MARGIN_S + 50)
    faults = [DENIED, Transient("slow"), *[NO_BUCKET] * 100]
    with pytest.raises(EnvironmentFault) as fault:
        repeat(context(observer, lease), *faults)
    assert fault.value is NO_BUCKET
    assert lease.rest_s == RELEASE_MARGIN_S


def test_a_changed_reason_is_reported_and_recorded_once_per_change() -> None:
    observer, by_kms = RecordingObserver(), EnvironmentFault("kms:Decrypt is denied", code="permission_denied")
    faults = [DENIED, DENIED, by_kms, Transient("slow"), by_kms, NO_BUCKET, NO_BUCKET, DENIED]
    assert repeat(context(observer), *faults) == (9, [DENIED, by_kms, NO_BUCKET, DENIED])
    held = [event for event in observer.events if event.code == "snapshot.held"]
    assert [str(event.message).rsplit(": ", 1)[-1] for event in held] == [
        *("s3:PutObject is denied", "kms:Decrypt is denied", "there is no bucket", "s3:PutObject is denied")
    ]
    assert [event.fields["error_code"] for event in held] == [
        *("permission_denied", "permission_denied", "no_bucket", "permission_denied")
    ]


def test_a_changed_reason_that_cannot_be_recorded_yet_is_recorded_later() -> None:
    records = [None, Transient("busy")]
    assert repeat(context(RecordingObserver()), DENIED, NO_BUCKET, NO_BUCKET, records=records) == (
        4,
        [DENIED, NO_BUCKET],
    )


@pytest.mark.parametrize("down", [EnvironmentFault("database down"), Transient("database busy")])
def test_a_refusal_that_cannot_be_recorded_yet_costs_no_work_and_is_recorded_later(down: WorkerError) -> None:
    assert repeat(context(RecordingObserver()), DENIED, DENIED, DENIED, records=[down]) == (4, [DENIED])


def test_a_held_call_that_can_never_succeed_ends_the_wait() -> None:
    observer = RecordingObserver()
    with pytest.raises(Permanent):
        repeat(context(observer), DENIED, Permanent("too long"))
    assert observer.codes() == ["snapshot.held"]


def test_several_held_calls_are_one_line_per_reason() -> None:
    """The texts of their refusals differ in the key of the object."""
    observer, calls, reasons = RecordingObserver(), HeldCalls(0.001, 0.001), ["denied", "no bucket", ""]
    every_call_was_refused = [threading.Barrier(4) for _ in reasons[:-1]]

    def hold(key: str) -> None:
        current = iter(zip(reasons, [*every_call_was_refused, None], strict=True))
        refused_for, barrier = next(current)

        def call() -> None:
            if refused_for:
                raise EnvironmentFault(f"{key}: {refused_for}")

        def meet(_fault: EnvironmentFault) -> None:
            nonlocal refused_for, barrier
            assert barrier is not None
            barrier.wait(60)
            refused_for, barrier = next(current)

        calls.run(call, context(observer), meet, key)

    with ThreadPoolExecutor(4) as pool:
        for one in [pool.submit(hold, f"key{number}") for number in range(4)]:
            one.result(60)
    assert observer.codes() == ["snapshot.held", "snapshot.held", "snapshot.resumed"]
    assert ["denied" in event.message for event in observer.events[:2]] == [True, False]


def test_calls_that_are_held_for_different_reasons_are_a_line_each() -> None:
    observer, calls, held = RecordingObserver(), HeldCalls(0.001, 0.001), threading.Barrier(2)

    def hold(fault: EnvironmentFault) -> None:
        faults = iter([fault])

        def call() -> None:
            if refusal := next(faults, None):
                raise refusal

        def meet(_fault: EnvironmentFault) -> None:
            held.wait(60)

        calls.run(call, context(observer), meet)

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(hold, fault) for fault in (DENIED, NO_BUCKET)]:
            one.result(60)
    assert observer.codes() == ["snapshot.held", "snapshot.held", "snapshot.resumed"]
