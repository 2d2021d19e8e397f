"""LeaseManager: ends a stalled process, releases messages, feeds the watchdog."""

from __future__ import annotations

import logging
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from video_analysis.tests.support.lease_harness import Bench
from video_analysis.worker_utils.aws.sqs import Queue
from video_analysis.worker_utils.errors import LeaseLost


@pytest.fixture
def bench(queue: Queue) -> Bench:
    return Bench(queue)


def test_work_that_stalls_ends_the_process(bench: Bench) -> None:
    lease = bench.receive()
    bench.now_s += 239
    lease.check()
    bench.now_s += 239
    bench.keeper.tick()
    assert bench.exits == []
    bench.now_s += 2
    bench.keeper.tick()
    assert bench.exits == [1]
    assert [(event.code, event.level) for event in bench.observer.events] == [("worker.stalled", logging.CRITICAL)]


def test_an_idle_process_is_not_ended(bench: Bench) -> None:
    bench.keeper.forget(bench.receive())
    bench.now_s += 1000
    bench.keeper.tick()
    assert bench.exits == []


def test_work_that_ignores_a_shutdown_is_released_and_the_process_ends(bench: Bench) -> None:
    lease = bench.receive()
    bench.shutdown.set()
    bench.keeper.tick()
    bench.now_s += 19
    bench.keeper.tick()
    assert bench.exits == []
    bench.now_s += 1
    bench.keeper.tick()
    assert (bench.exits, bench.releases_s) == ([0], [0])
    with pytest.raises(LeaseLost):
        lease.check()
    assert [message.receive_count for message in bench.queue.receive(1)] == [2]


def test_messages_still_in_flight_at_the_end_are_released_at_once(bench: Bench) -> None:
    with bench.keeper:
        bench.receive()
    assert [message.receive_count for message in bench.queue.receive(1)] == [2]


def test_the_watchdog_is_fed_while_the_main_thread_lives(queue: Queue, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        bench = Bench(queue, notify_socket=str(tmp_path / "notify"))
        bench.keeper.tick()
        assert manager.recv(100) == b"WATCHDOG=1"
        bench.now_s += 241
        bench.keeper.tick()
        with pytest.raises(BlockingIOError):
            manager.recv(100)


def test_systemd_hears_of_the_shutdown_once(queue: Queue, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        bench = Bench(queue, notify_socket=str(tmp_path / "notify"))
        bench.shutdown.set()
        bench.keeper.tick()
        bench.keeper.tick()
        assert [manager.recv(100) for _ in range(3)] == [b"STOPPING=1", b"WATCHDOG=1", b"WATCHDOG=1"]


def test_a_release_waits_for_the_heartbeat_under_way(bench: Bench) -> None:
    """Or the heartbeat would hide for minutes what was just released."""
    lease = bench.receive()
    in_flight, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def hold(**_: Any) -> None:
        in_flight.set()
        go_on.wait(10)
        order.append("extended")

    def forget() -> None:
        bench.keeper.forget(lease)
        order.append("dropped")

    bench.queue.client.meta.events.register("after-call.sqs.ChangeMessageVisibilityBatch", hold)
    bench.now_s += 60
    beat = threading.Thread(target=bench.keeper.tick)
    beat.start()
    assert in_flight.wait(10)
    dropper = threading.Thread(target=forget)
    dropper.start()
    dropper.join(0.2)
    go_on.set()
    for thread in (beat, dropper):
        thread.join(10)
    assert order == ["extended", "dropped"]
