"""Shutdowns over the wire protocol: whatever they meet, no message is lost or hidden for long."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from video_analysis.tests.support.consumer_harness import (
    PATIENCE_S,
    Bench,
    Labour,
    MakeBench,
    ScriptedHandler,
    finished,
)
from video_analysis.worker_config import PauseSettings
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.errors import EnvironmentFault, Interrupted


def test_a_shutdown_during_work_gives_the_message_back_at_once(bench: Bench) -> None:
    labour = Labour()
    handler = ScriptedHandler(labour)
    bench.send("x")
    with bench.running(handler) as consumer:
        handler.next_delivery()
        bench.shutdown.set()
        consumer.join(PATIENCE_S)
    assert isinstance(labour.stopped_by, Interrupted)
    assert [final for _, _, final in handler.recorded.queue] == [False]
    assert bench.visible() == 2
    assert bench.exits.empty()


def test_a_sigterm_while_the_main_thread_polls_and_works_loses_nothing(bench: Bench) -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: bench.shutdown.set())
    labour = Labour()
    handler = ScriptedHandler(labour)
    bench.send("x")

    def terminate() -> None:
        handler.next_delivery()
        os.kill(os.getpid(), signal.SIGTERM)

    operator = threading.Thread(target=terminate)
    operator.start()
    try:
        bench.consumer(handler).run()
    finally:
        signal.signal(signal.SIGTERM, before)
        operator.join(PATIENCE_S)
    assert isinstance(labour.stopped_by, Interrupted)
    assert bench.visible() == 2


def test_work_that_finishes_in_spite_of_a_shutdown_is_acknowledged(bench: Bench) -> None:
    def finish(delivery: Delivery) -> None:
        bench.shutdown.set()

    handler = ScriptedHandler(finish)
    bench.send("x")
    with bench.running(handler):
        handler.next_delivery()
    assert bench.left() == 0


def test_what_a_poll_brings_after_the_shutdown_goes_back_unworked(bench: Bench) -> None:
    def stop_once_there_are_messages(parsed: dict[str, Any], **_: Any) -> None:
        if parsed.get("Messages"):
            bench.shutdown.set()

    bench.queue.receiver.meta.events.register("after-call.sqs.ReceiveMessage", stop_once_there_are_messages)
    handler = ScriptedHandler(finished)
    bench.send("x")
    with bench.running(handler, slots=10) as consumer:
        consumer.join(PATIENCE_S)
    assert handler.handled.empty()
    assert isinstance(handler.next_record()[1], Interrupted)
    assert bench.visible() == 2


def test_a_shutdown_while_polling_waits_for_the_answer_and_loses_nothing(bench: Bench) -> None:
    handler = ScriptedHandler(finished)
    with bench.running(handler) as consumer:
        bench.await_calls(lambda _: bench.called("ReceiveMessage") >= 1)
        bench.shutdown.set()
        consumer.join(PATIENCE_S)
        assert not consumer.is_alive()
    bench.send("x")
    assert bench.visible() == 1


def test_a_shutdown_ends_a_pause(make_bench: MakeBench) -> None:
    bench = make_bench(pause=PauseSettings(first_s=3600, longest_s=3600))
    handler = ScriptedHandler(finished)
    handler.probes = iter([EnvironmentFault("database down")])
    with bench.running(handler) as consumer:
        handler.probed.get(timeout=PATIENCE_S)
        bench.shutdown.set()
        consumer.join(PATIENCE_S)
        assert not consumer.is_alive()
    assert bench.called("ReceiveMessage") == 0


def test_work_that_ignores_a_shutdown_is_ended_and_its_message_released(make_bench: MakeBench) -> None:
    bench = make_bench(shutdown_grace_s=0.4)
    wake = threading.Event()

    def hang(delivery: Delivery) -> None:
        wake.wait(PATIENCE_S)

    handler = ScriptedHandler(hang)
    bench.send("x")
    with bench.running(handler):
        handler.next_delivery()
        bench.shutdown.set()
        assert bench.exits.get(timeout=PATIENCE_S) == 0
        assert bench.visible() == 2
        wake.set()
    assert bench.called("DeleteMessage") == 0
    assert handler.recorded.empty()
