"""Faults of a lease; each case runs against both brokers."""

from __future__ import annotations

from video_analysis.tests.chaos import fault_injection
from video_analysis.tests.chaos.fault_injection import DELETE, HEARTBEAT, RECEIVE, RELEASE
from video_analysis.tests.chaos.lease_trial import AgingBench, Trial, Work
from video_analysis.tests.support.consumer_harness import PATIENCE_S, ScriptedHandler
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.consumer.lease import LONGEST_LEASE_S
from video_analysis.worker_utils.errors import LeaseLost, Transient

SHORT = {"visibility_timeout_s": 3, "heartbeat_s": 0.6}
LONG = {"visibility_timeout_s": 10_800, "heartbeat_s": 5_000, "stall_s": 20_000, "shutdown_grace_s": 2}
BEATS = 7
"""One per 5,000 s until 12 hours are reached; from the eighth on an extension would add less than a second."""
NOT_EXTENDED = fault_injection.entries_refused("InternalError")
"""The call succeeds, but reports a failed entry: botocore does not retry that."""


def heartbeats_fail(trial: Trial, times: int) -> None:
    """Later heartbeats keep the message hidden from a second worker beyond its first timeout."""
    bench, other = trial.bench(**SHORT), trial.bench(**SHORT)
    fault = trial.fault(bench, HEARTBEAT, NOT_EXTENDED, times)
    (work, handler), (_, idle) = trial.work(), trial.work()
    with bench.running(handler):
        assert handler.next_delivery().receive_count == 1
        with other.running(idle):
            fault.await_spent()
            bench.await_calls(lambda _: bench.called(HEARTBEAT) >= times + 6)
            work.enough.set()
            bench.await_calls(lambda _: bench.called(DELETE) == 1)
    assert work.stopped_by is None
    assert idle.handled.empty(), "received by another worker while in flight"


def heartbeats_fail_for_ever(trial: Trial) -> None:
    """The work is cancelled before SQS makes the message visible, and the next worker does it."""
    bench, other = trial.bench(**SHORT), trial.bench(**SHORT)
    trial.fault(bench, HEARTBEAT, fault_injection.cut_off)
    (work, handler), (second, heir) = trial.work(), trial.work()
    with bench.running(handler):
        handler.next_delivery()
        trial.fault(bench, RECEIVE, fault_injection.cut_off)
        with other.running(heir):
            assert heir.next_delivery().receive_count == 2
            assert work.enough.wait(0), "still working when the message became visible"
            _finish(second, other)
    _was_cancelled(work, bench, handler)


def stale_handle_at_a_heartbeat(trial: Trial) -> None:
    """Another worker has the message: the first refused heartbeat ends the work."""
    bench, other = trial.bench(), trial.bench()
    silenced = trial.fault(bench, HEARTBEAT, NOT_EXTENDED)
    (work, handler), (second, heir) = trial.work(), trial.work()
    with bench.running(handler):
        trial.give_away(handler.next_delivery())
        with other.running(heir):
            assert heir.next_delivery().receive_count == 2
            trial.old_handles_are_refused(bench)
            silenced.clear()
            assert work.enough.wait(PATIENCE_S), "a refused heartbeat did not cancel the work"
            _finish(second, other)
    _was_cancelled(work, bench, handler)


def stale_handle_at_the_delete(trial: Trial) -> None:
    """After the commit another worker receives the message and finds the work done, in both brokers."""
    bench, other = trial.bench(), trial.bench()
    (work, handler), (_, heir) = trial.work(), trial.work()
    held: list[Delivery] = []

    def hand_over(_request: object) -> None:
        trial.give_away(held[0])
        assert heir.next_delivery().receive_count == 2

    trial.fault(bench, DELETE, hand_over, 1)
    with bench.running(handler):
        held.append(handler.next_delivery())
        with other.running(heir):
            _finish(work, bench)
            other.await_calls(lambda _: other.called(DELETE) == 1)


def stale_handle_at_the_release(trial: Trial) -> None:
    """Failed work does not release a message that another worker has, and the loop continues."""
    bench, other = trial.bench(), trial.bench()
    trial.fault(bench, HEARTBEAT, NOT_EXTENDED)
    (work, handler), (second, heir) = trial.work(Transient("out of luck")), trial.work()
    with bench.running(handler):
        trial.give_away(handler.next_delivery())
        with other.running(heir):
            heir.next_delivery()
            trial.old_handles_are_refused(bench)
            work.enough.set()
            bench.await_calls(lambda calls: [name for name, _ in calls].count(RECEIVE) >= 2)
            assert bench.called(RELEASE) == 1
            _finish(second, other)


def the_answer_to_a_receive_is_lost(trial: Trial) -> None:
    """The message of a lost receive is received again after the visibility timeout."""
    bench = trial.bench(**SHORT)
    trial.fault(bench, RECEIVE, fault_injection.lost_answer, 1)
    work, handler = trial.work()
    with bench.running(handler):
        assert handler.next_delivery().receive_count == 2
        _finish(work, bench)


def the_answer_to_a_delete_is_lost(trial: Trial) -> None:
    """The retried delete finds no message, which is not a failure."""
    bench = trial.bench()
    trial.fault(bench, DELETE, fault_injection.lost_answer, 1)
    work, handler = trial.work()
    with bench.running(handler):
        handler.next_delivery()
        _finish(work, bench)


def everything_is_throttled_for_a_while(trial: Trial) -> None:
    """Polls, heartbeats and deletes are retried: the message is received once."""
    bench = trial.bench()
    trial.fault(bench, RECEIVE, fault_injection.throttled, 4)
    beats = trial.fault(bench, HEARTBEAT, fault_injection.throttled, 4)
    deletes = trial.fault(bench, DELETE, fault_injection.throttled, 2)
    work, handler = trial.work()
    with bench.running(handler):
        assert handler.next_delivery().receive_count == 1
        beats.await_spent()
        _finish(work, bench)
    deletes.await_spent()
    assert work.stopped_by is None


def a_delete_is_throttled_past_its_retries(trial: Trial) -> None:
    """Finished but not deleted: the message is received again, found done and deleted."""
    bench = trial.bench(**SHORT)
    trial.fault(bench, DELETE, fault_injection.throttled, 3)
    work, handler = trial.work()
    with bench.running(handler):
        handler.next_delivery()
        work.enough.set()
        assert handler.next_delivery().receive_count == 2
        bench.await_calls(lambda _: bench.called(DELETE) == 2)


def a_call_hangs(trial: Trial, operation: str) -> None:
    """A call without a response ends with the client's timeout and does not lose the message."""
    bench = trial.bench()
    work, handler = trial.work()
    with fault_injection.black_hole() as swallow:
        hung = trial.fault(bench, operation, swallow, 1)
        with bench.running(handler):
            assert handler.next_delivery().receive_count == 1
            hung.await_spent()
            _finish(work, bench)
    assert work.stopped_by is None


def the_twelve_hours(trial: Trial, age_s: float) -> None:
    """Extended up to SQS's 12 hours and no longer; work that ends before counts, later work is cancelled."""
    bench = trial.bench(**LONG)
    work, handler = trial.work()
    with bench.running(handler):
        delivery = handler.next_delivery()
        born_s = bench.now_s()
        trial.fault(bench, HEARTBEAT, fault_injection.twelve_hour_limit(lambda: bench.now_s() - born_s))
        bench.advance_clock(age_s)
        assert bench.called(HEARTBEAT) >= BEATS
        if age_s >= LONGEST_LEASE_S:
            assert work.enough.wait(PATIENCE_S), "still working after the 12 hours"
            _was_cancelled(work, bench, handler)
            trial.give_away(delivery)
            assert handler.next_delivery().receive_count == 2
        _finish(work, bench)


def _finish(work: Work, bench: AgingBench) -> None:
    """Let the work finish, and wait until its message is deleted."""
    work.enough.set()
    bench.await_calls(lambda _: bench.called(DELETE) == 1)


def _was_cancelled(work: Work, bench: AgingBench, handler: ScriptedHandler) -> None:
    assert isinstance(work.stopped_by, LeaseLost), work.stopped_by
    assert bench.called(DELETE) == bench.called(RELEASE) == 0, "acknowledged or released a message of another worker"
    assert handler.recorded.empty(), "recorded a failure of a message of another worker"
