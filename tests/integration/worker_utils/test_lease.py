"""Leases over the wire protocol, with a clock that the test controls; ticks are called one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from video_analysis.tests.support.lease_harness import LONG_TIMES, TWELVE_HOURS_S, Bench
from video_analysis.worker_utils.aws.sqs import Queue
from video_analysis.worker_utils.errors import Interrupted, LeaseLost

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def bench(queue: Queue) -> Bench:
    return Bench(queue)


def test_a_held_lease_is_extended_at_every_heartbeat_and_no_more_once_dropped(bench: Bench) -> None:
    lease = bench.receive()
    bench.wait(180)
    assert bench.extensions_s == [300, 300, 300]
    bench.keeper.forget(lease)
    bench.wait(180)
    assert bench.extensions_s == [300, 300, 300]


def test_extensions_end_at_the_twelve_hours_sqs_allows_and_the_lease_with_them(queue: Queue) -> None:
    bench = Bench(queue, LONG_TIMES)
    lease = bench.receive()
    bench.wait(TWELVE_HOURS_S - 20)
    lease.check()
    assert bench.extensions_s[:3] == [3000, 3000, 3000]
    assert 0 < bench.extensions_s[-1] < 3000
    bench.wait(20)
    with pytest.raises(LeaseLost):
        lease.check()


@pytest.mark.parametrize("failures", [1, 3])
def test_a_few_failed_heartbeats_lose_nothing_and_are_repeated_sooner(bench: Bench, failures: int) -> None:
    lease = bench.receive()
    bench.fail_heartbeats(failures)
    bench.wait(60)
    for _ in range(failures):
        bench.wait(10)
    assert bench.extensions_s == [300] * (failures + 1), "one attempt at the heartbeat, one each ten seconds after"
    bench.wait(240)
    lease.check()


def test_a_lease_that_could_not_be_extended_is_lost_before_sqs_ends_it(bench: Bench) -> None:
    lease = bench.receive()
    bench.fail_heartbeats(1000)
    bench.wait(290)
    lease.check()
    bench.wait(6)
    with pytest.raises(LeaseLost):
        lease.check()


def test_a_lease_is_lost_by_the_clock_alone_where_the_thread_has_died(bench: Bench) -> None:
    lease = bench.receive()
    bench.now_s += 296
    with pytest.raises(LeaseLost):
        lease.check()


def test_a_lost_lease_is_not_taken_back(bench: Bench) -> None:
    lease = bench.receive()
    bench.now_s += 296
    bench.keeper.progress()
    bench.keeper.tick()
    assert bench.extensions_s == []
    with pytest.raises(LeaseLost):
        lease.check()


def test_a_handle_sqs_refuses_loses_its_own_lease_and_no_other(sqs: SQSClient, bench: Bench) -> None:
    kept = bench.receive()
    gone = bench.keeper.take("gone", "a handle of nobody")
    bench.wait(60)
    kept.check()
    with pytest.raises(LeaseLost, match="gone"):
        gone.check()


def test_a_shutdown_interrupts_at_the_next_check_unless_the_lease_is_lost_anyway(bench: Bench) -> None:
    lease = bench.receive()
    bench.shutdown.set()
    with pytest.raises(Interrupted):
        lease.check()
    bench.now_s += 300
    with pytest.raises(LeaseLost):
        lease.check()


def test_a_delay_never_asks_for_more_than_the_twelve_hours(bench: Bench) -> None:
    lease = bench.receive()
    assert lease.allowed_s(810) == 810
    bench.now_s += TWELVE_HOURS_S - 100
    assert lease.allowed_s(810) == 95
    bench.now_s += 1000
    assert lease.allowed_s(810) == 0
