"""Prefetch in stage 2: the next batch is fetched early but not recorded; existing results are not computed again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from video_analysis.main_worker.classification.classifier import Classifier
from video_analysis.main_worker.types import SnapshotImage
from video_analysis.tests.support.consumer_harness import FAST, PATIENCE_S, Bench, running
from video_analysis.tests.support.snapshot_stage import BLUE, GREEN, RED, Stage
from video_analysis.tests.support.snapshot_task import delivery, message
from video_analysis.worker_utils.consumer.consumer import Consumer
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.errors import BadSnapshot, EnvironmentFault

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def prefetched(stage: Stage, one: Delivery) -> Delivery:
    """The delivery as the consumer passes it to `handle`, once its fetch has ended."""
    fetched = stage.worker.prefetch(one)
    if fetched is not None:
        fetched.exception(PATIENCE_S)
    return replace(one, prefetched=fetched)


def test_the_next_batch_is_fetched_during_a_forward_pass(stage: Stage, sqs: SQSClient, queue_name: str) -> None:
    bench = Bench(sqs, queue_name, FAST)
    sent = [stage.put(message(track), colour) for track, colour in ((1, RED), (2, GREEN))]
    looking, go_on, fetched = threading.Event(), threading.Event(), threading.Event()
    fetch = stage.bucket.fetch_bytes

    def fetch_bytes(key: str, limit_bytes: int) -> tuple[bytes, str]:
        try:
            return fetch(key, limit_bytes)
        finally:
            if key == sent[1].snapshot.key:
                fetched.set()

    def hold(pictures: Sequence[SnapshotImage]) -> None:
        looking.set()
        assert go_on.wait(PATIENCE_S)

    stage.bucket.fetch_bytes = fetch_bytes  # type: ignore[method-assign]
    parts = bench.queue, stage.worker, FAST, bench.shutdown
    consumer = Consumer(*parts, observer=bench.observer, prefetch=stage.worker.prefetch)
    with running(consumer, bench.shutdown), ExitStack() as at_end:
        at_end.callback(go_on.set)
        bench.send(sent[0].to_json())
        bench.await_calls(lambda _: bench.called("DeleteMessage") == 1)
        stage.model.before = hold
        stage.put(message(3), BLUE)
        bench.send(message(3).to_json())
        assert looking.wait(PATIENCE_S)
        bench.send(sent[1].to_json())
        assert fetched.wait(PATIENCE_S)
        assert sent[1].snapshot_s3_key not in stage.records.rows, "its own turn has not come"
        go_on.set()
        bench.await_calls(lambda _: bench.called("DeleteMessage") == 3)
    assert stage.row(sent[1]).status == "done"
    assert stage.bucket.fetched.count(sent[1].snapshot.key) == 1


def test_a_prefetched_snapshot_is_not_fetched_again_and_no_row_was_written_for_it(stage: Stage) -> None:
    sent = stage.put(message(1))
    one = prefetched(stage, delivery(sent))
    assert (stage.bucket.fetched, stage.records.rows) == ([sent.snapshot.key], {})
    assert stage.worker.handle([one]) == [None]
    assert stage.bucket.fetched == [sent.snapshot.key]


def test_a_snapshot_whose_prefetch_failed_is_fetched_again(stage: Stage) -> None:
    sent = stage.put(message(1))
    stage.bucket.faults[sent.snapshot.key] = EnvironmentFault("the credentials have expired")
    one = prefetched(stage, delivery(sent))
    del stage.bucket.faults[sent.snapshot.key]
    assert stage.worker.handle([one]) == [None]


def test_a_bad_prefetched_snapshot_fails_alone(stage: Stage) -> None:
    good, bad = stage.put(message(1)), message(2)
    stage.bucket.objects[bad.snapshot.key] = (b"hello", "text/plain")
    outcomes = stage.worker.handle([prefetched(stage, delivery(one)) for one in (good, bad)])
    assert [type(outcome) for outcome in outcomes] == [type(None), BadSnapshot]


def test_nothing_is_prefetched_for_a_body_that_breaks_the_contract(stage: Stage) -> None:
    assert stage.worker.prefetch(delivery('{"event": "SNAPSHOT_READY"}')) is None


def test_in_compare_mode_only_missing_variants_are_computed(colours: Classifier) -> None:
    stage = Stage(colours, ("baseline", "cmt"))
    there, other, new = (stage.put(message(track)) for track in (1, 2, 3))
    stage.worker.handle([delivery(one) for one in (there, other)])
    first = stage.row(there).results["baseline"]
    del stage.row(there).results["cmt"]
    stage.row(other).results["cmt"] = replace(stage.row(other).results["cmt"], checkpoint="colours@old")
    for model in stage.models.values():
        model.passes.clear()
    assert stage.worker.handle([delivery(one) for one in (there, other, new)]) == [None] * 3
    assert {variant: model.passes for variant, model in stage.models.items()} == {"baseline": [1], "cmt": [3]}
    assert stage.row(there).results["baseline"] is first
    checkpoints = [{v: r.checkpoint for v, r in stage.row(one).results.items()} for one in (there, other, new)]
    assert checkpoints == [{"baseline": "colours@1", "cmt": "colours@1"}] * 3


def test_a_row_set_to_queued_by_hand_is_computed_in_full(colours: Classifier) -> None:
    """An operator sets a row to `queued` to have all its results computed again."""
    stage = Stage(colours, ("baseline", "cmt"))
    sent = stage.put(message(1))
    stage.worker.handle([delivery(sent)])
    stage.row(sent).status = "queued"
    assert stage.worker.handle([delivery(sent)]) == [None]
    assert [model.passes for model in stage.models.values()] == [[1, 1], [1, 1]]
