"""The loop over the wire protocol: leases kept, hung work ended, lines that name their message."""

from __future__ import annotations

import threading
from typing import Any

from video_analysis.tests.support.consumer_harness import (
    PATIENCE_S,
    Bench,
    Labour,
    MakeBench,
    ScriptedHandler,
    cut_off,
    finished,
)
from video_analysis.worker_utils.aws.sqs import Received
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.consumer.prefetch import newest
from video_analysis.worker_utils.errors import LeaseLost, WorkerError


def test_heartbeats_keep_a_message_hidden_past_its_timeout_even_if_one_fails(make_bench: MakeBench) -> None:
    bench = make_bench(visibility_timeout_s=2)
    labour = Labour()
    handler = ScriptedHandler(labour)
    cut_off(bench.queue, "ChangeMessageVisibilityBatch", 1)
    bench.send("x")
    with bench.running(handler):
        handler.next_delivery()
        assert bench.visible(wait_s=3) is None
        labour.finish()
    assert labour.stopped_by is None
    assert bench.left() == 0


def test_a_redelivery_while_the_first_delivery_still_runs_ends_the_first(make_bench: MakeBench) -> None:
    cut_short, sound = make_bench(visibility_timeout_s=2), make_bench(visibility_timeout_s=2)
    labour = Labour()
    first, second = ScriptedHandler(labour), ScriptedHandler(finished)
    cut_off(cut_short.queue, "ChangeMessageVisibilityBatch", 1000)
    sound.send("x")
    with cut_short.running(first):
        first.next_delivery()
        cut_off(cut_short.queue, "ReceiveMessage", 1000)  # or it may take its own message, a batch ahead
        with sound.running(second):
            assert second.next_delivery().receive_count == 2
    assert isinstance(labour.stopped_by, LeaseLost)
    assert cut_short.called("DeleteMessage") == 0
    assert first.recorded.empty()
    assert sound.left() == 0


def test_a_lost_lease_acknowledges_nothing(bench: Bench) -> None:
    """Whether the work notices or not: it neither deletes, nor records, nor gives back what is not its own."""
    done = threading.Event()

    def work(delivery: Delivery) -> WorkerError | None:
        try:
            while not done.wait(0.02):
                delivery.lease.check()
        except LeaseLost as lost:
            done.set()
            return lost if delivery.body == "noticed" else None
        return None

    def refuse(parsed: dict[str, Any], **_: Any) -> None:
        failed = [
            {"Id": entry["Id"], "SenderFault": True, "Code": "ReceiptHandleIsInvalid"} for entry in parsed["Successful"]
        ]
        parsed.update(Successful=[], Failed=failed)

    bench.queue.client.meta.events.register("after-call.sqs.ChangeMessageVisibilityBatch", refuse)
    handler = ScriptedHandler(work)
    bench.send("noticed", "ignored")
    with bench.running(handler):
        for _ in range(2):
            handler.next_delivery()
            assert done.wait(PATIENCE_S)
            done.clear()
    assert bench.left() == 2
    assert bench.called("DeleteMessage") == bench.called("ChangeMessageVisibility") == 0
    assert handler.recorded.empty()


def test_work_that_stalls_ends_the_process(make_bench: MakeBench) -> None:
    bench = make_bench(stall_s=0.4)
    wake = threading.Event()

    def hang(delivery: Delivery) -> None:
        wake.wait(PATIENCE_S)

    handler = ScriptedHandler(hang)
    bench.send("x")
    with bench.running(handler):
        assert bench.exits.get(timeout=PATIENCE_S) == 1
        wake.set()


def test_a_message_given_out_twice_at_once_is_worked_on_once_by_its_newest_handle() -> None:
    older, newer = Received("same", "x", 1, "old handle"), Received("same", "x", 2, "new handle")
    other = Received("other", "y", 1, "handle")
    assert newest([older, other, newer]) == [newer, other]
    assert newest([newer, older]) == [newer]


def test_every_event_names_the_message_and_the_video_it_is_about(bench: Bench) -> None:
    video_id = "50651c85-90ab-471b-8707-adc0ef16f91f"
    handler = ScriptedHandler(finished)
    bench.send(f'{{"event": "SNAPSHOT_READY", "video_id": "{video_id}", "track_id": 305}}', "garbage")
    with bench.running(handler):
        delivery, garbage = handler.next_delivery(), handler.next_delivery()
    settled = ("message.received", "message.finished")
    fields = [event.fields for event in bench.observer.events if event.code in settled]
    assert [field["message_id"] for field in fields] == [delivery.message_id] * 2 + [garbage.message_id] * 2
    assert [(field.get("video_id"), field.get("track_id")) for field in fields] == [(video_id, 305)] * 2 + [
        (None, None)
    ] * 2
