"""One receive ahead, over the wire protocol: what it speeds up, and that it costs no message anything."""

from __future__ import annotations

import queue as queues
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from video_analysis.tests.support.consumer_harness import FAST, PATIENCE_S, Bench, Labour, MakeBench, ScriptedHandler
from video_analysis.worker_utils.consumer.consumer import Consumer
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.errors import EnvironmentFault, Interrupted, LeaseLost, Permanent, Transient

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass
class PreparingHandler(ScriptedHandler):
    """Keeps what it was asked to prepare, too."""

    asked: queues.Queue[Delivery] = field(default_factory=queues.Queue)

    def prefetch(self, delivery: Delivery) -> object:
        self.asked.put(delivery)
        return f"prepared {delivery.body}"

    def next_asked(self) -> Delivery:
        return self.asked.get(timeout=PATIENCE_S)


class AheadBench(Bench):
    """Its consumers receive one batch ahead."""

    def consumer(self, handler: ScriptedHandler, slots: int = 1) -> Consumer:
        prefetch = cast(PreparingHandler, handler).prefetch
        parts = self.queue, handler, self.config, self.shutdown
        return Consumer(*parts, observer=self.observer, slots=slots, prefetch=prefetch, exit_process=self.exits.put)


@pytest.fixture
def bench_type() -> type[Bench]:
    return AheadBench


def test_the_next_batch_is_received_and_prepared_while_one_is_worked_on_and_no_more(bench: Bench) -> None:
    labour = Labour()
    handler = PreparingHandler(labour)
    bench.send("first", "second", "third")
    with bench.running(handler):
        first, ahead = handler.next_delivery(), handler.next_asked()
        assert (first.body, ahead.body) == ("first", "second")
        assert bench.visible(wait_s=1) == 1, "the third is left to others"
        labour.finish()
        assert handler.next_delivery().prefetched == "prepared second"
    assert (first.prefetched, ahead.prefetched) == (None, None)


def test_without_anything_to_prepare_nothing_is_received_ahead(sqs: SQSClient, queue_name: str) -> None:
    bench = Bench(sqs, queue_name)
    labour = Labour()
    handler = ScriptedHandler(labour)
    bench.send("first", "second")
    with bench.running(handler):
        handler.next_delivery()
        assert bench.visible(wait_s=2) == 1
        assert bench.called("ReceiveMessage") == 1
        labour.finish()


def test_what_is_ahead_stays_hidden_past_its_timeout(make_bench: MakeBench) -> None:
    bench = make_bench(visibility_timeout_s=2)
    labour = Labour()
    handler = PreparingHandler(labour)
    bench.send("first", "second")
    with bench.running(handler):
        handler.next_asked()
        assert bench.visible(wait_s=3) is None
        labour.finish()
        assert [handler.next_delivery().receive_count for _ in range(2)] == [1, 1]
    assert bench.left() == 0


def test_a_single_message_is_handled_at_once_while_the_next_receive_is_running(bench: Bench) -> None:
    answered: list[int] = []
    bench.queue.receiver.meta.events.register("after-call.sqs.ReceiveMessage", lambda **_: answered.append(1))
    at_work = queues.Queue[int]()
    handler = PreparingHandler(lambda _: at_work.put(len(answered)))
    bench.send("lone")
    with bench.running(handler):
        assert at_work.get(timeout=PATIENCE_S) == 1
        bench.await_calls(lambda _: bench.called("ReceiveMessage") == 2)
        bench.send("next")
        assert at_work.get(timeout=PATIENCE_S) == 2, "the poll that was under way brings it"
    assert bench.left() == 0


def test_a_shutdown_with_a_batch_ahead_leaves_every_message_visible_at_once(bench: Bench) -> None:
    labour = Labour()
    handler = PreparingHandler(labour)
    bench.send("first", "second")
    with bench.running(handler) as consumer:
        handler.next_asked()
        bench.shutdown.set()
        consumer.join(PATIENCE_S)
    assert isinstance(labour.stopped_by, Interrupted)
    assert [delivery.body for delivery in handler.handled.queue] == ["first"]
    assert bench.sent_back_after_s() == [0, 0]
    assert [bench.visible(wait_s=2), bench.visible(wait_s=2)] == [2, 2]
    assert bench.exits.empty()


def test_a_shutdown_during_a_receive_ahead_waits_for_its_response_and_releases_it(bench: Bench) -> None:
    """The message is received after the shutdown, by a receive that was already running."""
    handler = PreparingHandler(Labour())
    bench.send("first")

    def send_another(model: Any, **_: Any) -> None:
        if bench.called("ReceiveMessage") == 2 and not bench.shutdown.is_set():
            bench.shutdown.set()
            bench.send("second")

    bench.queue.receiver.meta.events.register("before-call.sqs.ReceiveMessage", send_another)
    with bench.running(handler) as consumer:
        consumer.join(PATIENCE_S)
    assert [delivery.body for delivery in handler.handled.queue] == ["first"]
    assert {body for body, _, _ in handler.recorded.queue} == {"first", "second"}
    assert [bench.visible(wait_s=2), bench.visible(wait_s=2)] == [2, 2]


def test_an_outage_costs_no_receive_of_the_batch_ahead(bench: Bench) -> None:
    broken, came_ahead = threading.Event(), threading.Event()
    broken.set()

    def work(delivery: Delivery) -> EnvironmentFault | None:
        came_ahead.wait(PATIENCE_S)
        return EnvironmentFault("database down") if broken.is_set() else None

    handler = PreparingHandler(work)
    handler.probes = iter([None, *[EnvironmentFault("database down")] * 4])
    bench.send("first", "second", "third")
    with bench.running(handler):
        handler.next_asked()
        came_ahead.set()
        for _ in range(5):
            handler.probed.get(timeout=PATIENCE_S)
        assert bench.called("ReceiveMessage") == 2
        broken.clear()
        worked_on = [handler.next_delivery() for _ in range(4)]
    assert (worked_on[0].body, worked_on[1].body) == ("first", "second")
    assert {(one.body, one.receive_count) for one in worked_on[1:]} == {("first", 2), ("second", 1), ("third", 1)}
    assert bench.left() == 0


def test_an_outage_without_end_gives_back_what_is_ahead(make_bench: MakeBench) -> None:
    bench = make_bench(pause=FAST.pause.model_copy(update={"restart_s": 0.2}))
    came_ahead = threading.Event()

    def work(delivery: Delivery) -> EnvironmentFault:
        came_ahead.wait(PATIENCE_S)
        return EnvironmentFault("GPU lost")

    handler = PreparingHandler(work)
    handler.probes = iter([None, *[EnvironmentFault("GPU lost")] * 100])
    bench.send("first", "second")
    with bench.running(handler) as consumer:
        handler.next_asked()
        came_ahead.set()
        consumer.join(PATIENCE_S)
    assert handler.handled.qsize() == 1
    assert bench.sent_back_after_s()[1:] == [0]


def test_work_that_stalls_ends_the_process_while_messages_still_arrive(make_bench: MakeBench) -> None:
    bench = make_bench(stall_s=0.4)
    wake = threading.Event()

    def hang(delivery: Delivery) -> None:
        wake.wait(PATIENCE_S)

    handler = PreparingHandler(hang)
    bench.send("first", "second", "third")
    with bench.running(handler):
        handler.next_asked()
        assert bench.exits.get(timeout=5) == 1
        wake.set()


def test_a_message_received_again_while_it_is_worked_on_is_done_under_its_newest_handle(
    make_bench: MakeBench,
) -> None:
    bench = make_bench(heartbeat_s=10)
    labour, fresh = Labour(), queues.Queue[Delivery]()

    def work(delivery: Delivery) -> Transient | None:
        if delivery.receive_count == 1:
            return cast(Transient | None, labour(delivery))
        fresh.put(delivery)
        return None

    def let_it_out(**_: Any) -> None:
        if bench.called("ReceiveMessage") == 2:
            handle = handler.next_delivery().receipt_handle
            bench.sqs.change_message_visibility(QueueUrl=bench.url, ReceiptHandle=handle, VisibilityTimeout=0)

    handler = PreparingHandler(work)
    bench.queue.receiver.meta.events.register("before-call.sqs.ReceiveMessage", let_it_out)
    bench.send("x")
    with bench.running(handler):
        again = fresh.get(timeout=PATIENCE_S)
    assert isinstance(labour.stopped_by, LeaseLost)
    assert (again.receive_count, again.prefetched) == (2, None)
    assert [params["ReceiptHandle"] for name, params in bench.calls if name == "DeleteMessage"] == [
        again.receipt_handle
    ]
    assert handler.recorded.empty()
    assert bench.observer.codes().count("lease.lost") == 1
    assert bench.left() == 0


def test_a_refused_message_that_the_receive_ahead_gets_again_has_lost_no_lease(bench: Bench) -> None:
    released = threading.Event()

    def wait_for_the_release(**_: Any) -> None:
        if bench.called("ReceiveMessage") == 2:
            assert released.wait(PATIENCE_S)

    bench.queue.receiver.meta.events.register("before-call.sqs.ReceiveMessage", wait_for_the_release)
    bench.queue.client.meta.events.register("after-call.sqs.ChangeMessageVisibility", lambda **_: released.set())
    bench.send("refused")
    with bench.running(PreparingHandler(lambda _: Permanent("truncated"))):
        (again,) = bench.observer.wait_for("message.rejected_again")
    assert again.fields["receive_count"] == 2
    assert "lease.lost" not in bench.observer.codes()


def test_a_batch_whose_lease_was_lost_while_it_waited_is_not_worked_on(bench: Bench) -> None:
    labour = Labour()
    handler = PreparingHandler(labour)

    def refuse(parsed: dict[str, Any], **_: Any) -> None:
        asked = next(asked for name, asked in reversed(bench.calls) if name == "ChangeMessageVisibilityBatch")
        places = [entry["Id"] for entry in asked["Entries"] if entry["ReceiptHandle"] == ahead]
        parsed["Failed"] = [{"Id": place, "SenderFault": True, "Code": "ReceiptHandleIsInvalid"} for place in places]

    bench.send("first", "second")
    with bench.running(handler):
        ahead = handler.next_asked().receipt_handle
        bench.queue.client.meta.events.register("after-call.sqs.ChangeMessageVisibilityBatch", refuse)
        bench.await_calls(lambda calls: calls[-1][0] == "ChangeMessageVisibilityBatch" and ahead not in str(calls[-1]))
        labour.finish()
        bench.await_calls(lambda _: bench.called("DeleteMessage") == 1)
    assert handler.handled.qsize() == 1
    assert bench.called("ChangeMessageVisibility") == 0, "it is somebody else's"


def test_nothing_is_received_ahead_while_a_crash_suspect_is_handled(bench: Bench) -> None:
    labour = Labour()
    handler = PreparingHandler(labour)
    bench.send("deadly")
    (died,) = bench.sqs.receive_message(QueueUrl=bench.url, VisibilityTimeout=0)["Messages"]
    bench.send("innocent")
    with bench.running(handler):
        deadly = handler.next_delivery()
        assert (deadly.message_id, deadly.receive_count) == (died["MessageId"], 2)
        assert bench.visible(wait_s=2) == 1
        assert bench.called("ReceiveMessage") == 1
        labour.finish()


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), Transient("S3 did not answer")])
def test_a_message_that_cannot_be_prepared_has_its_turn_all_the_same(bench: Bench, error: Exception) -> None:
    class Failing(PreparingHandler):
        def prefetch(self, delivery: Delivery) -> object:
            super().prefetch(delivery)
            raise error

    gate = threading.Event()

    def work(delivery: Delivery) -> None:
        gate.wait(PATIENCE_S)

    handler = Failing(work)
    bench.send("first", "second")
    with bench.running(handler):
        handler.next_asked()
        gate.set()
        handler.next_delivery()
        second = handler.next_delivery()
    assert (second.body, second.receive_count, second.prefetched) == ("second", 1, None)
    assert bench.left() == 0
