"""What may befall a lease, each told once, for either broker."""

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
"""One each 5,000 s; those from 40,000 s on can add a part of a second: the seventh reached to the 12 hours."""
NOT_EXTENDED = fault_injection.entries_refused("InternalError")
"""The call succeeds and says that it did not: nothing that botocore would repeat."""


def heartbeats_fail(trial: Trial, times: int) -> None:
    """The next ones keep the message hidden past its timeout, from a second worker too."""
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
    assert idle.handled.empty(), "received by another while it was worked on"


def heartbeats_fail_for_ever(trial: Trial) -> None:
    """The work is cancelled before SQS gives the message away, and whoever gets it does it."""
    bench, other = trial.bench(**SHORT), trial.bench(**SHORT)
    trial.fault(bench, HEARTBEAT, fault_injection.cut_off)
    (work, handler), (second, heir) = trial.work(), trial.work()
    with bench.running(handler):
        handler.next_delivery()
        trial.fault(bench, RECEIVE, fault_injection.cut_off)
        with other.running(heir):
            assert heir.next_delivery().receive_count == 2
            assert work.enough.wait(0), "still at work when SQS gave its message away"
            _finish(second, other)
    _was_cancelled(work, bench, handler)


def stale_handle_at_a_heartbeat(trial: Trial) -> None:
    """Somebody else has the message: the first heartbeat that is refused ends the work."""
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
    """Committed, and then given to somebody else: it finds the work done, whether or not the old handle deletes."""
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
    """Work that failed gives back nothing of what is another's by now, and the loop goes on."""
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
    """Hidden by a receive that nobody saw, it comes again when its time is over."""
    bench = trial.bench(**SHORT)
    trial.fault(bench, RECEIVE, fault_injection.lost_answer, 1)
    work, handler = trial.work()
    with bench.running(handler):
        assert handler.next_delivery().receive_count == 2
        _finish(work, bench)


def the_answer_to_a_delete_is_lost(trial: Trial) -> None:
    """The repeat finds nothing to delete, and that is no failure of the work."""
    bench = trial.bench()
    trial.fault(bench, DELETE, fault_injection.lost_answer, 1)
    work, handler = trial.work()
    with bench.running(handler):
        handler.next_delivery()
        _finish(work, bench)


def everything_is_throttled_for_a_while(trial: Trial) -> None:
    """Polls, heartbeats and deletes are tried again: one receive is enough."""
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
    """Finished but not deleted: it comes again, is found done, and goes."""
    bench = trial.bench(**SHORT)
    trial.fault(bench, DELETE, fault_injection.throttled, 3)
    work, handler = trial.work()
    with bench.running(handler):
        handler.next_delivery()
        work.enough.set()
        assert handler.next_delivery().receive_count == 2
        bench.await_calls(lambda _: bench.called(DELETE) == 2)


def a_call_hangs(trial: Trial, operation: str) -> None:
    """A server that never answers costs the client's patience, not the message."""
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
    """Extended up to SQS's limit and never past it; work that ends before it counts, the rest is cancelled."""
    bench = trial.bench(**LONG)
    work, handler = trial.work()
    with bench.running(handler):
        delivery = handler.next_delivery()
        born_s = bench.now_s()
        trial.fault(bench, HEARTBEAT, fault_injection.twelve_hour_limit(lambda: bench.now_s() - born_s))
        bench.advance_clock(age_s)
        assert bench.called(HEARTBEAT) >= BEATS
        if age_s >= LONGEST_LEASE_S:
            assert work.enough.wait(PATIENCE_S), "still at work on what SQS gives away"
            _was_cancelled(work, bench, handler)
            trial.give_away(delivery)
            assert handler.next_delivery().receive_count == 2
        _finish(work, bench)


def _finish(work: Work, bench: AgingBench) -> None:
    """The work is over, and its message deleted."""
    work.enough.set()
    bench.await_calls(lambda _: bench.called(DELETE) == 1)


def _was_cancelled(work: Work, bench: AgingBench, handler: ScriptedHandler) -> None:
    assert isinstance(work.stopped_by, LeaseLost), work.stopped_by
    assert bench.called(DELETE) == bench.called(RELEASE) == 0, "acknowledged or released another's message"
    assert handler.recorded.empty(), "recorded on another's message"
