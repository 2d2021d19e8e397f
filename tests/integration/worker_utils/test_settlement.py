"""What becomes of messages, over the wire protocol: deleted, released, recorded, dead-lettered, remembered."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

from video_analysis.tests.support.consumer_harness import (
    FAST,
    Bench,
    Labour,
    MakeBench,
    ScriptedHandler,
    cut_off,
    finished,
)
from video_analysis.tests.support.iam import denial
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.errors import (
    BadMessage,
    Cancelled,
    EnvironmentFault,
    LeaseLost,
    MissingObject,
    Paused,
    Transient,
    WorkerError,
)

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def refused_if_bad(delivery: Delivery) -> WorkerError | None:
    return BadMessage("event: is missing") if delivery.body.startswith("bad") else None


def test_a_finished_message_is_deleted(bench: Bench) -> None:
    handler = ScriptedHandler(finished)
    bench.send("x")
    with bench.running(handler):
        assert handler.next_delivery().receive_count == 1
    assert bench.left() == 0
    assert handler.recorded.empty()


def test_garbage_reaches_the_dead_letter_queue_whole_and_the_worker_continues(bench: Bench) -> None:
    handler = ScriptedHandler(refused_if_bad)
    garbage = "bad " + "\u00f1\t{" * 60_000
    bench.send(garbage)
    with bench.running(handler):
        assert bench.dead_letter() == garbage
        bench.send("good")
        while handler.next_delivery().body != "good":
            pass
    assert bench.left() == 0
    assert bench.called("ReceiveMessage") >= 4
    assert [final for _, _, final in handler.recorded.queue] == [True], "the repeats cost no work"
    (error,) = (event for event in bench.observer.events if event.level == logging.ERROR)
    assert (error.code, error.message) == ("message.failed", "message failed: event: is missing")
    assert error.fields["failure"] == "BadMessage"


def test_a_transient_failure_comes_again_and_leaves_its_reason(bench: Bench) -> None:
    handler = ScriptedHandler(lambda delivery: Transient("timeout") if delivery.receive_count == 1 else None)
    bench.send("x")
    with bench.running(handler):
        first, second = handler.next_delivery(), handler.next_delivery()
    assert (first.message_id, first.receive_count) == (second.message_id, 1)
    assert second.receive_count == 2
    assert [final for _, _, final in handler.recorded.queue] == [False]
    assert bench.sent_back_after_s() == [1]
    assert bench.left() == 0


def test_on_the_last_receive_the_redrive_policy_allows_any_failure_is_final(bench: Bench) -> None:
    handler = ScriptedHandler(lambda delivery: Transient("timeout"))
    bench.send("x")
    with bench.running(handler):
        assert bench.dead_letter() == "x"
    assert [delivery.is_last for delivery in handler.handled.queue] == [False, False, True]
    assert [final for _, _, final in handler.recorded.queue] == [False, False, True]
    assert bench.sent_back_after_s() == [1, 1, 0]


@pytest.mark.parametrize(("stop", "final"), [(Paused("x"), False), (Cancelled("x"), True)])
def test_work_that_an_operator_stopped_is_recorded_and_its_message_deleted(
    bench: Bench, stop: WorkerError, final: bool
) -> None:
    handler = ScriptedHandler(lambda delivery: stop)
    bench.send("x")
    with bench.running(handler):
        assert handler.next_record() == ("x", stop, final)
        (event,) = bench.observer.wait_for("message.stopped")
    assert (event.level, event.fields["error_code"]) == (logging.INFO, stop.code)
    assert bench.left() == 0


def test_a_stop_that_could_not_be_recorded_comes_again(bench: Bench) -> None:
    def down_at_first(delivery: Delivery) -> None:
        if delivery.receive_count == 1:
            raise EnvironmentFault("database down")

    handler = ScriptedHandler(lambda delivery: Paused("x"), recording=down_at_first)
    bench.send("x")
    with bench.running(handler):
        assert [handler.next_delivery().receive_count for _ in range(2)] == [1, 2]
        bench.await_calls(lambda _: bench.called("DeleteMessage") == 1)
    assert bench.left() == 0


def test_an_unexpected_exception_is_retried_and_reported_with_its_traceback(bench: Bench) -> None:
    def stumble(delivery: Delivery) -> None:
        if delivery.receive_count == 1:
            raise ZeroDivisionError("no frames")

    handler = ScriptedHandler(stumble)
    bench.send("x")
    with bench.running(handler):
        handler.next_delivery()
        assert handler.next_delivery().receive_count == 2
    assert "ZeroDivisionError: no frames" in str(handler.next_record()[1])
    (failed,) = bench.observer.wait_for("handler.failed")
    assert isinstance(failed.error, ZeroDivisionError)


def test_a_bad_member_fails_alone(bench: Bench) -> None:
    handler = ScriptedHandler(refused_if_bad)
    bench.send("good 1", "bad", "good 2")
    with bench.running(handler, slots=10):
        assert bench.dead_letter() == "bad"
    assert bench.left() == 0
    assert [body for body, _, _ in handler.recorded.queue] == ["bad"]


def test_outcomes_that_do_not_fit_the_batch_acknowledge_nothing(bench: Bench) -> None:
    handler = ScriptedHandler(finished)
    handler.handle = lambda batch: [None] * (len(batch) + 1)  # type: ignore[method-assign]
    bench.send("x")
    with bench.running(handler):
        assert "2 outcomes for 1" in str(handler.next_record()[1])
    assert bench.called("DeleteMessage") == 0


def test_a_failure_to_record_never_hides_the_outcome(bench: Bench) -> None:
    def broken(delivery: Delivery) -> None:
        raise ValueError("no such column")

    handler = ScriptedHandler(refused_if_bad, recording=broken)
    bench.send("bad")
    with bench.running(handler):
        assert bench.dead_letter() == "bad"
    (failed, *_) = bench.observer.wait_for("message.record_failed")
    assert "no such column" in failed.message
    assert isinstance(failed.error, ValueError)


def test_a_failure_that_could_not_be_recorded_is_recorded_at_a_later_receive(bench: Bench) -> None:
    def down_at_first(delivery: Delivery) -> None:
        if delivery.receive_count == 1:
            raise EnvironmentFault("database down")

    handler = ScriptedHandler(refused_if_bad, recording=down_at_first)
    bench.send("bad")
    with bench.running(handler):
        assert bench.dead_letter() == "bad"
    assert [final for _, _, final in handler.recorded.queue] == [True, True]
    assert bench.sent_back_after_s() == [1, 0, 0]
    assert handler.probed.qsize() >= 2, "polling paused until the database answered"


def test_a_finished_message_that_could_not_be_deleted_comes_again(sqs: SQSClient, queue_name: str) -> None:
    bench = Bench(sqs, queue_name, FAST.model_copy(update={"visibility_timeout_s": 1}))
    handler = ScriptedHandler(finished)
    cut_off(bench.queue, "DeleteMessage", 1)
    bench.send("x")
    with bench.running(handler):
        assert [handler.next_delivery().receive_count for _ in range(2)] == [1, 2]
    assert bench.left() == 0


def test_a_finished_message_whose_deletion_is_denied_is_deleted_once_it_is_permitted(make_bench: MakeBench) -> None:
    bench, denied = make_bench(visibility_timeout_s=2), threading.Event()

    def refuse(params: dict[str, Any], **_: Any) -> None:
        if denied.is_set():
            raise denial("DeleteMessage", "sqs:DeleteMessage")

    bench.queue.client.meta.events.register("before-call.sqs.DeleteMessage", refuse)
    handler = ScriptedHandler(lambda delivery: denied.set())
    bench.send("x")
    with bench.running(handler):
        bench.observer.wait_for("message.delete_failed")
        bench.await_calls(lambda _: bench.called("ChangeMessageVisibilityBatch") >= 15)  # 3 s: longer than its timeout
        assert bench.left() == 1
        denied.clear()
        bench.await_calls(lambda _: bench.called("DeleteMessage") >= 2)
    assert [delivery.receive_count for delivery in handler.handled.queue] == [1]
    assert bench.left() == 0


def test_a_heartbeat_that_is_denied_pauses_polling_once_the_lease_is_lost(make_bench: MakeBench) -> None:
    bench, denied = make_bench(visibility_timeout_s=2), threading.Event()

    def refuse(params: dict[str, Any], **_: Any) -> None:
        if denied.is_set():
            raise denial("ChangeMessageVisibility", "sqs:ChangeMessageVisibility")

    for operation in ("ChangeMessageVisibility", "ChangeMessageVisibilityBatch"):
        bench.queue.client.meta.events.register(f"before-call.sqs.{operation}", refuse)
    labour = Labour()

    def work(delivery: Delivery) -> WorkerError | None:
        if delivery.receive_count > 1:
            return None
        denied.set()
        return labour(delivery)

    bench.send("x")
    with bench.running(ScriptedHandler(work)):
        (line,) = bench.observer.wait_for("probe.failed")
        assert "sqs:ChangeMessageVisibility" in line.message
        bench.observer.wait_for("probe.failed", 3)
        assert bench.observer.codes().count("message.received") == 1
        denied.clear()
        bench.observer.wait_for("message.finished")
    assert isinstance(labour.stopped_by, LeaseLost)
    assert bench.left() == 0


def test_a_message_that_could_not_be_released_is_reported_and_received_after_its_timeout(make_bench: MakeBench) -> None:
    bench = make_bench(visibility_timeout_s=1)
    handler = ScriptedHandler(lambda delivery: Transient("S3 is slow") if delivery.receive_count == 1 else None)
    cut_off(bench.queue, "ChangeMessageVisibility", 1)
    bench.send("x")
    with bench.running(handler):
        received = [handler.next_delivery() for _ in range(2)]
    assert [delivery.receive_count for delivery in received] == [1, 2]
    (failed,) = [event for event in bench.observer.events if event.code == "message.release_failed"]
    assert failed.fields["message_id"] == received[0].message_id
    assert failed.fields["failure"] == "Transient"
    assert bench.left() == 0


def test_missing_objects_come_again_and_three_in_a_row_pause_polling(bench: Bench) -> None:
    denied = threading.Event()
    denied.set()

    def fetch(delivery: Delivery) -> WorkerError | None:
        return MissingObject("s3:GetObject is denied", delivery.body) if denied.is_set() else None

    handler = ScriptedHandler(fetch)
    bench.send("key a", "key b", "key c")
    with bench.running(handler):
        records = [handler.next_record() for _ in range(3)]
        denied.clear()
        verdicts = [type(failure) for _, failure, _ in records]
        assert verdicts == [MissingObject, MissingObject, EnvironmentFault]
        assert [final for _, _, final in records] == [True, True, False]
        counts = [handler.next_delivery().receive_count for _ in range(6)]
    assert counts == [1, 1, 1, 2, 2, 2]
    assert handler.probed.qsize() == 2
    assert bench.left() == 0


def test_without_a_dead_letter_queue_garbage_does_not_spin(sqs: SQSClient, queue_name: str) -> None:
    config = FAST.model_copy(update={"max_receive_count": 1, "transient_delays_s": (1, 600)})
    bench = Bench(sqs, queue_name, config)
    sqs.set_queue_attributes(QueueUrl=bench.url, Attributes={"RedrivePolicy": ""})
    handler = ScriptedHandler(refused_if_bad)
    bench.send("bad")
    with bench.running(handler):
        bench.await_calls(lambda _: len(bench.sent_back_after_s()) == 2)
    assert bench.sent_back_after_s() == [0, 600]
    assert bench.left() == 1
