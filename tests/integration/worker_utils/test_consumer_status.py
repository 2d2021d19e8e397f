"""The state of a consumer, as metrics and health checks read it, and the times in its events."""

from __future__ import annotations

import threading
from typing import cast

from video_analysis.tests.support.consumer_harness import Bench, Labour, ScriptedHandler, running
from video_analysis.worker_utils.errors import EnvironmentFault, Permanent


def test_the_status_follows_the_start_the_work_and_the_stop(bench: Bench) -> None:
    labour = Labour()
    handler = ScriptedHandler(labour)
    consumer = bench.consumer(handler)
    begun = consumer.status()
    assert (begun.is_ready, begun.in_flight, begun.lease_left_s, begun.poll_age_s) == (False, 0, None, None)
    bench.send("x")
    with running(consumer, bench.shutdown):
        handler.next_delivery()
        working = consumer.status()
        assert (working.is_ready, working.in_flight, working.is_stalled) == (True, 1, False)
        assert 0 < cast(float, working.lease_left_s) <= bench.config.visibility_timeout_s
        assert 0 <= cast(float, working.poll_age_s) < bench.config.visibility_timeout_s
        labour.finish()
        bench.observer.wait_for("message.finished")
    assert (consumer.status().is_ready, consumer.status().in_flight) == (False, 0)


def test_a_consumer_is_not_ready_while_polling_is_paused(bench: Bench) -> None:
    broken = threading.Event()
    broken.set()
    handler = ScriptedHandler(lambda _: None)
    handler.probes = iter(lambda: EnvironmentFault("database down") if broken.is_set() else None, 1)
    consumer = bench.consumer(handler)
    with running(consumer, bench.shutdown):
        bench.observer.wait_for("polling.paused")
        assert not consumer.status().is_ready
        broken.clear()
        bench.observer.wait_for("consumer.ready")
        assert consumer.status().is_ready


def test_events_have_the_time_in_the_queue_and_the_time_of_the_work(bench: Bench) -> None:
    handler = ScriptedHandler(lambda _: Permanent("broken", code="truncated"))
    bench.send("x")
    with bench.running(handler):
        bench.observer.wait_for("message.rejected_again", count=2)
    received = [event for event in bench.observer.events if event.code == "message.received"]
    assert cast(float, received[0].fields["queue_time_s"]) >= 0
    assert [event.fields["queue_time_s"] for event in received[1:]] == [None, None]
    (failed,) = bench.observer.wait_for("message.failed")
    assert cast(float, failed.fields["elapsed_s"]) >= 0
    rejected = bench.observer.wait_for("message.rejected_again", count=2)
    assert [(event.fields["receive_count"], event.fields["last_receive"]) for event in rejected] == [
        (2, False),
        (3, True),
    ]
