"""Outages over the wire protocol: they cost no receives and never end the loop."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, cast

import boto3
import pytest
from moto.server import ThreadedMotoServer

from video_analysis.devstack import services
from video_analysis.tests.support.consumer_harness import (
    FAST,
    PATIENCE_S,
    Bench,
    MakeBench,
    ScriptedHandler,
    cut_off,
    finished,
)
from video_analysis.worker_utils.aws.sqs import Received
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.errors import EnvironmentFault

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def test_an_outage_costs_one_receive_and_polling_continues_when_the_probe_succeeds(bench: Bench) -> None:
    broken = threading.Event()
    broken.set()
    handler = ScriptedHandler(lambda _: EnvironmentFault("database down") if broken.is_set() else None)
    handler.probes = iter([None, *[EnvironmentFault("database down")] * 4])
    bench.send("first", "second", "third")
    with bench.running(handler):
        burnt = handler.next_delivery()
        for _ in range(5):
            handler.probed.get(timeout=PATIENCE_S)
        assert bench.called("ReceiveMessage") == 1
        broken.clear()
        others = {(delivery.body, delivery.receive_count) for delivery in (handler.next_delivery() for _ in range(3))}
    assert burnt.receive_count == 1
    assert others == {("first", 2), ("second", 1), ("third", 1)}
    assert [final for _, _, final in handler.recorded.queue] == [False]
    assert bench.left() == 0


def test_pauses_grow_while_work_fails_although_the_probes_succeed(bench: Bench) -> None:
    handler = ScriptedHandler(lambda d: EnvironmentFault("GPU lost") if d.receive_count < 3 else None)
    bench.send("x")
    with bench.running(handler):
        while not handler.next_delivery().is_last:
            pass
    first, second = (event.fields["pause_s"] for event in bench.observer.events if event.code == "polling.paused")
    assert cast(float, first) < cast(float, second)
    assert bench.left() == 0


def test_a_start_during_an_outage_costs_no_receive(bench: Bench) -> None:
    handler = ScriptedHandler(finished)
    handler.probes = iter([EnvironmentFault("database down")] * 3)
    cut_off(bench.queue, "GetQueueAttributes", 2)
    bench.send("x")
    with bench.running(handler):
        assert handler.next_delivery().receive_count == 1
    assert handler.probed.qsize() == 4
    assert bench.left() == 0


def test_a_poll_error_does_not_end_the_loop(bench: Bench) -> None:
    handler = ScriptedHandler(finished)
    bench.send("x")
    cut_off(bench.queue, "ReceiveMessage", 3)
    with bench.running(handler):
        assert handler.next_delivery().receive_count == 1
    assert bench.left() == 0


def test_not_even_a_bug_in_polling_ends_the_loop(bench: Bench) -> None:
    handler = ScriptedHandler(finished)
    receive, bugs = bench.queue.receive, [KeyError("Messages")]

    def receive_with_a_bug(limit: int, longest_wait_s: int | None = None) -> list[Received]:
        if bugs:
            raise bugs.pop()
        return receive(limit, longest_wait_s)

    bench.queue.receive = receive_with_a_bug  # type: ignore[method-assign]
    bench.send("x")
    with bench.running(handler):
        handler.next_delivery()
    assert isinstance(bench.observer.wait_for("poll.failed")[0].error, KeyError)


def test_a_server_that_goes_and_comes_back_is_polled_again(
    sqs: SQSClient, queue_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = services.free_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    handler = ScriptedHandler(finished)
    server = started_server(port)
    bench = Bench(boto3.client("sqs"), queue_name)
    bench.send("before")
    with bench.running(handler):
        assert handler.next_delivery().body == "before"
        bench.await_calls(lambda _: bench.called("ReceiveMessage") >= 2)
        stop(server)
        bench.await_calls(lambda _: bench.called("ReceiveMessage") >= 4)
        server = started_server(port)
        bench.send("after")
        assert handler.next_delivery().body == "after"
    assert bench.left() == 0
    stop(server)


def started_server(port: int) -> ThreadedMotoServer:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    return server


def stop(server: ThreadedMotoServer) -> None:
    server.stop()
    server._server.server_close()


def test_an_outage_without_end_ends_the_process_for_a_fresh_one(make_bench: MakeBench) -> None:
    bench = make_bench(pause=FAST.pause.model_copy(update={"restart_s": 0.2}))
    handler = ScriptedHandler(finished)
    handler.probes = itertools.repeat(EnvironmentFault("GPU lost"))
    bench.send("x")
    assert bench.consumer(handler).run() is False
    assert "consumer.gave_up" in bench.observer.codes()
    assert bench.called("ReceiveMessage") == 0


def test_a_final_failure_that_could_not_be_recorded_is_recorded_when_the_outage_is_over(bench: Bench) -> None:
    down = EnvironmentFault("database down")
    outage = threading.Event()
    outage.set()

    def record(delivery: Delivery) -> None:
        if outage.is_set():
            if delivery.is_last:
                outage.clear()
            raise down

    handler = ScriptedHandler(lambda _: down, recording=record)
    bench.send("x")
    with bench.running(handler):
        finals = 0
        while finals < 2:
            body, failure, final = handler.next_record()
            finals += final
    assert (body, failure) == ("x", down)
    assert not outage.is_set()
