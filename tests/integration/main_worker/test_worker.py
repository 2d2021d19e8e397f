"""Stage 2: micro-batches of snapshots, with one outcome for each member."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from video_analysis.main_worker.attributes import color
from video_analysis.main_worker.attributes.attribute_reader import AttributeReader
from video_analysis.main_worker.batch import SnapshotBatch
from video_analysis.main_worker.classification.classifier import Classifier
from video_analysis.main_worker.ports import Model
from video_analysis.main_worker.types import Logits, SnapshotImage
from video_analysis.main_worker.worker import SnapshotWorker
from video_analysis.tests.support.recording_observer import RecordingObserver
from video_analysis.tests.support.snapshot_stage import (
    BLACK,
    BLUE,
    GREEN,
    RED,
    Row,
    Stage,
    Watched,
    jpeg,
)
from video_analysis.tests.support.snapshot_task import BUCKET, Lease, delivery, message
from video_analysis.tests.support.video_task import VIDEO, WORKSPACE
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.db.attempt_status import (
    DIED_EVERY_TIME,
    LAST_ATTEMPT,
    Status,
)
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.row_types import (
    AnalysisRequest,
    FinishedAnalysis,
    Variant,
)
from video_analysis.worker_utils.errors import (
    BadMessage,
    BadSnapshot,
    EnvironmentFault,
    Interrupted,
    LeaseLost,
    MissingObject,
    Permanent,
    Transient,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def test_a_micro_batch_is_one_forward_pass_and_one_transaction(stage: Stage) -> None:
    sent = [stage.put(message(place + 1), colour) for place, colour in enumerate((RED, GREEN, BLUE))]
    assert stage.worker.handle([delivery(one) for one in sent]) == [None, None, None]
    assert (stage.model.passes, stage.records.finishes) == ([3], [3])
    assert [stage.row(one).status for one in sent] == ["done"] * 3
    results = [stage.row(one).results["baseline"] for one in sent]
    assert [(r.type_label, r.make_label, r.model_label) for r in results] == [
        ("Car", "Toyota", "Vios"),
        ("SUV", "Honda", "CR-V"),
        ("Van", "Nissan", "Urvan"),
    ]


def test_a_result_has_checkpoint_evidence_and_cost(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(color, "colors", lambda picture, kind: [color.Color(None, "Red", None, 0.9)])
    sent = stage.put(message(1, yolo_type="SUV"), RED)
    stage.worker.handle([delivery(sent)])
    result = stage.row(sent).results["baseline"]
    assert result.checkpoint == "colours@1"
    assert result.assets == {"snapshot": sent.snapshot.key}
    assert result.colors == [{"finish": None, "base": "Red", "lightness": None, "conf": 0.9}]
    assert (result.plate_text, result.plate_conf) == (None, None)
    assert (result.type_label, result.evidence["yolo_type"]) == ("Car", "SUV")
    assert result.type_conf is not None
    assert result.type_conf > 0.99
    assert result.latency_ms >= 0
    assert result.gflops == 0.5
    assert result.memory_usage > 0
    assert len(json.dumps(dict(result.evidence), allow_nan=False)) < 4000


def test_a_failed_colour_reading_affects_nothing_else(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(picture: SnapshotImage, kind: str) -> list[color.Color]:
        raise ZeroDivisionError("no paint at all")

    monkeypatch.setattr(color, "colors", fail)
    sent = stage.put(message(1), RED)
    assert stage.worker.handle([delivery(sent)]) == [None]
    result = stage.row(sent).results["baseline"]
    assert (result.colors, result.type_label) == (None, "Car")
    assert result.evidence["colors"] == {"null": "read_failed", "detail": "ZeroDivisionError: no paint at all"}


def test_a_type_that_the_detector_saw_too_is_not_repeated_in_the_evidence(stage: Stage) -> None:
    sent = stage.put(message(1, yolo_type="Car"), RED)
    stage.worker.handle([delivery(sent)])
    assert "yolo_type" not in stage.row(sent).results["baseline"].evidence


def test_a_row_is_made_from_the_message_where_there_is_none(stage: Stage) -> None:
    seen: list[AnalysisRequest] = []
    stage.records.begin_fault = seen.extend
    stage.worker.handle([delivery(stage.put(message(7)))])
    (request,) = seen
    assert (request.workspace_id, request.video_id, request.track_id) == (WORKSPACE, VIDEO, 7)
    assert (request.workspace_code, request.camera_code, request.yolo_type) == ("CTX1005", "CAM1", "Car")
    assert request.detected_in_ms == 2272
    assert request.recorded_at is not None
    assert request.detected_at is not None
    assert request.recorded_at.isoformat() == "2026-01-31T00:30:00+00:00"
    assert request.detected_at.isoformat() == "2026-01-31T00:30:02.272000+00:00"


def test_compare_mode_gives_two_results_by_one_pass_each(colours: Classifier) -> None:
    stage = Stage(colours, ("baseline", "cmt"))
    sent = [stage.put(message(1)), stage.put(message(2))]
    assert stage.worker.handle([delivery(one) for one in sent]) == [None, None]
    assert [model.passes for model in stage.models.values()] == [[2], [2]]
    assert all(set(stage.row(one).results) == {"baseline", "cmt"} for one in sent)


def test_a_row_is_processing_before_inference_begins(stage: Stage) -> None:
    sent = stage.put(message(1))
    seen: list[Status] = []
    stage.model.before = lambda pictures: seen.append(stage.row(sent).status)
    stage.worker.handle([delivery(sent)])
    assert seen == ["processing"]


def test_a_snapshot_done_by_the_same_checkpoint_is_acknowledged_without_work(stage: Stage) -> None:
    sent = stage.put(message(1))
    stage.worker.handle([delivery(sent)])
    stage.model.passes.clear()
    stage.bucket.fetched.clear()
    assert stage.worker.handle([delivery(sent, receive_count=2)]) == [None]
    assert (stage.model.passes, stage.bucket.fetched, stage.records.finishes) == ([], [], [1])
    assert stage.observer.codes() == ["snapshot.classified", "snapshot.already_done"]
    classified, already_done = stage.observer.events
    assert set(classified.fields) == {*already_done.fields, "baseline", "latency_ms", "null_codes"}
    assert classified.fields["baseline"] == ["Car", "Toyota", "Vios"]
    assert set(cast(dict[str, int], classified.fields["latency_ms"])) == {"baseline"}
    nulls = cast(dict[str, dict[str, str | None]], classified.fields["null_codes"])["baseline"]
    assert {name: nulls[name] for name in ("type", "make", "model")} == {"type": None, "make": None, "model": None}
    assert set(already_done.fields) == {"message_id", "video_id", "track_id", "snapshot"}


def test_a_snapshot_done_by_another_checkpoint_is_classified_again_and_stays_done_meanwhile(stage: Stage) -> None:
    sent = stage.put(message(1))
    stage.worker.handle([delivery(sent)])
    stage.model.checkpoint = "colours@2"
    seen: list[Status] = []
    stage.model.before = lambda pictures: seen.append(stage.row(sent).status)
    assert stage.worker.handle([delivery(sent)]) == [None]
    assert seen == ["done"]
    assert stage.row(sent).results["baseline"].checkpoint == "colours@2"


def test_a_done_snapshot_whose_picture_has_expired_keeps_its_results_and_blames_no_permission(stage: Stage) -> None:
    sent = stage.put(message(1))
    stage.worker.handle([delivery(sent)])
    results = dict(stage.row(sent).results)
    stage.model.checkpoint = "colours@2"
    stage.bucket.objects.clear()
    (outcome,) = stage.worker.handle([delivery(sent)])
    assert type(outcome) is Permanent  # a MissingObject would count towards a role that may read nothing
    assert "the results remain" in str(outcome)
    assert (stage.row(sent).status, stage.row(sent).results) == ("done", results)


def test_a_redelivered_done_snapshot_is_classified_alone_and_last(stage: Stage) -> None:
    again = stage.put(message(1))
    stage.worker.handle([delivery(again)])
    stage.model.checkpoint = "colours@2"
    stage.model.passes.clear()
    stage.records.finishes.clear()
    orders: list[list[str]] = []
    stage.records.finish_fault = lambda finished: orders.append([one.id for one in finished])
    others = [stage.put(message(2)), stage.put(message(3))]
    assert stage.worker.handle([delivery(again, receive_count=2), *map(delivery, others)]) == [None] * 3
    assert orders == [[stage.row(one).id for one in others], [stage.row(again).id]]


def test_results_of_the_same_checkpoint_do_not_excuse_a_row_that_is_not_done(stage: Stage) -> None:
    sent = stage.put(message(1))
    stage.worker.handle([delivery(sent)])
    stage.row(sent).status = "queued"
    assert stage.worker.handle([delivery(sent)]) == [None]
    assert (stage.model.passes, stage.row(sent).status) == ([1, 1], "done")


def test_a_snapshot_done_in_single_mode_is_classified_again_to_compare(colours: Classifier, stage: Stage) -> None:
    sent = stage.put(message(1))
    stage.worker.handle([delivery(sent)])
    both: Mapping[Variant, Model] = {"baseline": Watched(colours), "cmt": Watched(colours)}
    comparing = SnapshotWorker(
        stage.bucket, stage.records, both, AttributeReader(5), BUCKET, observer=RecordingObserver()
    )
    assert comparing.handle([delivery(sent)]) == [None]
    assert set(stage.row(sent).results) == {"baseline", "cmt"}


def test_bad_members_fail_alone_each_with_its_own_reason(stage: Stage) -> None:
    good, gone, small, text, slow, broken = (message(track) for track in range(1, 7))
    stage.put(good)
    stage.bucket.objects[small.snapshot.key] = (jpeg(RED, 320), "image/jpeg")
    stage.bucket.objects[text.snapshot.key] = (b"hello", "text/plain")
    stage.bucket.faults[slow.snapshot.key] = Transient("S3 did not answer")
    stage.bucket.faults[broken.snapshot.key] = RuntimeError("a bug")
    elsewhere = message(8).to_json().replace(BUCKET, "somebody-elses-bucket")
    bodies: list[messages.SnapshotReady | str] = [good, gone, small, text, slow, broken, "{}", elsewhere]
    outcomes = stage.worker.handle([delivery(body) for body in bodies])
    kinds = [type(outcome) for outcome in outcomes]
    codes = [outcome and outcome.code for outcome in outcomes]
    assert codes[:4] == [None, "missing_object", "wrong_size", "wrong_content_type"]
    assert codes[4:] == ["transient", "unexpected", "unknown_event", "wrong_bucket"]
    assert kinds == [type(None), MissingObject, BadSnapshot, BadSnapshot, Transient, Transient, BadMessage, BadMessage]
    assert str(outcomes[5]) == "unexpected RuntimeError: a bug"
    assert stage.row(good).status == "done"
    assert stage.model.passes == [1]


def test_a_picture_that_breaks_the_forward_pass_fails_alone(stage: Stage) -> None:
    sent = [stage.put(message(1), RED), stage.put(message(2), BLUE), stage.put(message(3), GREEN)]

    def choke(pictures: Sequence[SnapshotImage]) -> None:
        if any(picture[0, 0, 0] > 200 for picture in pictures):
            raise RuntimeError("an operator overflowed")

    stage.model.before = choke
    outcomes = stage.worker.handle([delivery(one) for one in sent])
    assert [type(outcome) for outcome in outcomes] == [type(None), Permanent, type(None)]
    assert str(outcomes[1]) == "inference (baseline) fails on this snapshot: an operator overflowed"
    assert stage.model.passes == [3, 1, 1, 1]
    assert stage.records.finishes == [2]
    (event,) = stage.observer.wait_for("inference.failed")
    assert (event.level, str(event.error)) == (logging.ERROR, "an operator overflowed")
    assert (event.fields["track_id"], event.fields["snapshot"]) == (2, sent[1].snapshot_s3_key)
    assert (event.fields["variant"], event.fields["video_id"]) == ("baseline", VIDEO)


def test_a_picture_whose_logits_are_not_finite_fails_alone(stage: Stage) -> None:
    sent = [stage.put(message(1), RED), stage.put(message(2), BLUE)]

    def overflow(logits: Logits) -> Logits:
        return replace(logits, make=logits.make * np.inf) if logits.type.argmax() == 2 else logits

    stage.model.after = overflow
    outcomes = stage.worker.handle([delivery(one) for one in sent])
    assert [type(outcome) for outcome in outcomes] == [type(None), Permanent]


def test_inference_that_fails_on_a_blank_picture_too_is_the_environments_fault(stage: Stage) -> None:
    sent = [stage.put(message(1)), stage.put(message(2))]

    def lost(pictures: Sequence[SnapshotImage]) -> None:
        raise RuntimeError("CUDA error: unspecified launch failure")

    stage.model.before = lost
    outcomes = stage.worker.handle([delivery(one) for one in sent])
    assert [type(outcome) for outcome in outcomes] == [EnvironmentFault] * 2
    assert [stage.row(one).status for one in sent] == ["processing"] * 2


def test_a_lost_gpu_is_not_tried_again_picture_by_picture(stage: Stage) -> None:
    sent = [stage.put(message(1)), stage.put(message(2))]

    def lost(pictures: Sequence[SnapshotImage]) -> None:
        raise EnvironmentFault("the GPU fails")

    stage.model.before = lost
    assert [type(one) for one in stage.worker.handle([delivery(one) for one in sent])] == [EnvironmentFault] * 2
    assert stage.model.passes == [2]


def test_a_picture_that_one_variant_cannot_do_gets_no_result_of_the_other(colours: Classifier) -> None:
    stage = Stage(colours, ("baseline", "cmt"))
    sent = [stage.put(message(1), RED), stage.put(message(2), BLUE)]

    def choke(pictures: Sequence[SnapshotImage]) -> None:
        if any(picture[0, 0, 0] > 200 for picture in pictures):
            raise RuntimeError("an operator overflowed")

    stage.models["cmt"].before = choke
    outcomes = stage.worker.handle([delivery(one) for one in sent])
    assert [type(outcome) for outcome in outcomes] == [type(None), Permanent]
    assert stage.row(sent[1]).results == {}


def test_a_snapshot_with_two_messages_is_computed_once_and_acknowledged_twice(stage: Stage) -> None:
    sent = stage.put(message(1))
    assert stage.worker.handle([delivery(sent), delivery(sent, receive_count=2)]) == [None, None]
    assert (stage.model.passes, stage.bucket.fetched) == ([1], [sent.snapshot.key])


def test_a_duplicate_whose_lease_is_lost_does_not_hold_up_the_other(stage: Stage) -> None:
    sent = stage.put(message(1))
    outcomes = stage.worker.handle([delivery(sent, lease=Lease(1)), delivery(sent)])
    assert [type(outcome) for outcome in outcomes] == [LeaseLost, type(None)]
    assert stage.row(sent).status == "done"


@pytest.mark.parametrize("checks", range(4))
def test_a_lost_lease_commits_nothing_whenever_it_is_lost(stage: Stage, checks: int) -> None:
    kept, lost = stage.put(message(1)), stage.put(message(2))
    outcomes = stage.worker.handle([delivery(kept), delivery(lost, lease=Lease(checks))])
    assert [type(outcome) for outcome in outcomes] == [type(None), LeaseLost]
    assert stage.row(kept).status == "done"
    if checks == 0:
        assert lost.snapshot_s3_key not in stage.records.rows
    else:
        assert (stage.row(lost).status, stage.row(lost).results) == ("processing", {})


def test_an_interrupted_batch_commits_nothing_for_any_delivery(stage: Stage) -> None:
    sent = [stage.put(message(1)), stage.put(message(2))]
    interrupted = Interrupted("SIGTERM")
    outcomes = stage.worker.handle([delivery(one, lease=Lease(2, interrupted)) for one in sent])
    assert outcomes == [interrupted, interrupted]
    assert stage.records.finishes == []


def test_a_database_outage_is_the_outcome_of_all_but_bad_bodies(stage: Stage) -> None:
    def down(requests: Sequence[AnalysisRequest]) -> None:
        raise EnvironmentFault("database cannot be reached")

    stage.records.begin_fault = down
    bodies: list[messages.SnapshotReady | str] = [stage.put(message(1)), "{}", stage.put(message(2))]
    outcomes = stage.worker.handle([delivery(body) for body in bodies])
    assert [type(outcome) for outcome in outcomes] == [EnvironmentFault, BadMessage, EnvironmentFault]
    assert stage.bucket.fetched == []


def test_a_row_that_the_database_refuses_fails_alone(stage: Stage) -> None:
    sent = [stage.put(message(1)), stage.put(message(2)), stage.put(message(3))]

    def refuse(requests: Sequence[AnalysisRequest]) -> None:
        if any(request.track_id == 2 for request in requests):
            raise Permanent("database refuses the data")

    stage.records.begin_fault = refuse
    outcomes = stage.worker.handle([delivery(one) for one in sent])
    assert [type(outcome) for outcome in outcomes] == [type(None), Permanent, type(None)]


def test_results_that_are_not_committed_acknowledge_nothing(stage: Stage) -> None:
    def busy(finished: Sequence[FinishedAnalysis]) -> None:
        raise Transient("database busy")

    stage.records.finish_fault = busy
    sent = [stage.put(message(1)), stage.put(message(2))]
    outcomes = stage.worker.handle([delivery(one) for one in sent])
    assert [type(outcome) for outcome in outcomes] == [Transient] * 2


def test_a_snapshot_that_killed_every_worker_is_given_up_without_work(stage: Stage) -> None:
    sent = stage.put(message(1))
    stage.records.rows[sent.snapshot_s3_key] = Row("0", "processing")
    (outcome,) = stage.worker.handle([delivery(sent, receive_count=5)])
    assert isinstance(outcome, Permanent)
    assert (outcome.code, str(outcome)) == ("crashed", DIED_EVERY_TIME)
    assert (stage.row(sent).status, stage.row(sent).attempt_state) == ("error", "crashed")
    assert (stage.row(sent).error_code, stage.row(sent).error_msg) == ("crashed", DIED_EVERY_TIME)
    assert (stage.bucket.fetched, stage.model.passes) == ([], [])


def test_two_snapshots_that_kill_the_process_take_no_other_with_them(stage: Stage) -> None:
    """Black pictures kill. Ten messages are received together until each is done or dead-lettered."""
    sent = [stage.put(message(track), BLACK if track in (1, 4) else RED) for track in range(1, 11)]

    def kill(pictures: Sequence[SnapshotImage]) -> None:
        if any(picture.max() < 10 for picture in pictures):
            raise SystemExit("killed")

    stage.model.before = kill
    open_messages = list(sent)
    for receive_count in range(1, 6):
        with suppress(SystemExit):
            outcomes = stage.worker.handle([delivery(one, receive_count) for one in open_messages])
            assert all(outcome is None or outcome.code == "crashed" for outcome in outcomes)
        open_messages = [one for one in open_messages if stage.row(one).status != "done"]
    assert [(one.track_id, stage.row(one).attempt_state) for one in open_messages] == [(1, "crashed"), (4, "crashed")]


def test_the_last_attempt_is_recorded_as_an_error_until_it_succeeds(stage: Stage) -> None:
    sent = stage.put(message(1))
    stage.records.rows[sent.snapshot_s3_key] = Row("0", "processing", None, "transient", "S3 did not answer")
    seen: list[tuple[Status, str | None, str | None]] = []
    stage.model.before = lambda pictures: seen.append(
        (stage.row(sent).status, stage.row(sent).attempt_state, stage.row(sent).error_msg)
    )
    assert stage.worker.handle([delivery(sent, receive_count=5)]) == [None]
    assert seen == [("error", "last_attempt", LAST_ATTEMPT)]
    assert (stage.row(sent).status, stage.row(sent).attempt_state) == ("done", None)
    assert (stage.row(sent).error_code, stage.row(sent).error_msg) == (None, None)


def test_of_two_duplicates_the_one_with_the_most_receives_decides(stage: Stage) -> None:
    sent = stage.put(message(1))
    stage.records.rows[sent.snapshot_s3_key] = Row("0", "processing")
    outcomes = stage.worker.handle([delivery(sent), delivery(sent, receive_count=5)])
    assert [type(outcome) for outcome in outcomes] == [Permanent] * 2
    assert stage.model.passes == []


@pytest.mark.parametrize(("final", "status"), [(True, "error"), (False, "processing")])
def test_a_failure_leaves_its_reason_in_the_row(stage: Stage, final: bool, status: Status) -> None:
    sent = message(1)
    stage.worker.handle([delivery(sent)])
    stage.worker.record(delivery(sent), Transient("S3 did not answer"), final)
    assert (stage.row(sent).status, stage.row(sent).error_msg) == (status, "S3 did not answer")
    assert stage.row(sent).error_code == "transient"


def test_a_body_that_breaks_the_contract_names_no_row(stage: Stage) -> None:
    stage.records.rows = {}
    stage.worker.record(delivery('{"event": "SNAPSHOT_READY"}'), BadMessage("video_id: missing"), True)
    assert stage.records.rows == {}


def test_the_probe_checks_the_database_and_the_models(stage: Stage) -> None:
    stage.worker.probe()
    stage.records.down = True
    with pytest.raises(EnvironmentFault, match="database cannot be reached"):
        stage.worker.probe()
    stage.records.down = False

    def lost(pictures: Sequence[SnapshotImage]) -> None:
        raise RuntimeError("CUDA error")

    stage.model.before = lost
    with pytest.raises(EnvironmentFault, match=r"inference \(baseline\) fails even on a blank image: CUDA error"):
        stage.worker.probe()


def test_a_delivery_that_is_not_settled_does_not_count_as_finished() -> None:
    batch = SnapshotBatch([delivery(message(1))])
    batch.read(lambda body: messages.parse_snapshot_ready(body, BUCKET))
    with pytest.raises(KeyError):
        batch.outcomes()


def test_an_empty_batch_is_no_work(stage: Stage) -> None:
    assert stage.worker.handle([]) == []
    assert (stage.model.passes, stage.records.finishes) == ([], [])


def test_a_micro_batch_lands_in_postgresql_with_all_its_columns(
    colours: Classifier, s3: S3Client, bucket: str, database_url: str, sql: Callable[..., list[dict[str, object]]]
) -> None:
    sent, gone = (message(track).to_json().replace(BUCKET, bucket) for track in (1, 2))
    key = message(1).snapshot.key
    s3.put_object(Bucket=bucket, Key=key, Body=jpeg(GREEN), ContentType="image/jpeg")
    records = ImageAnalysisRepository(Database(database_url, "test"))
    worker = SnapshotWorker(
        ObjectStore(s3, bucket),
        records,
        {"baseline": colours},
        AttributeReader(5),
        bucket,
        observer=RecordingObserver(),
    )
    for _ in range(2):
        outcomes = worker.handle([delivery(sent), delivery(gone)])
        assert [type(outcome) for outcome in outcomes] == [type(None), MissingObject]
    worker.record(delivery(gone), MissingObject("not there", key), True)
    rows = sql("SELECT track_id, status::text, error_code, error_msg, run_key FROM image_analyses ORDER BY track_id")
    assert [tuple(row.values()) for row in rows] == [
        (1, "done", None, None, None),
        (2, "error", "missing_object", "not there", None),
    ]
    (row,) = sql("SELECT * FROM image_analysis_results")
    assert (row["variant"], row["type_label"], row["make_label"], row["model_label"]) == (
        "baseline",
        "SUV",
        "Honda",
        "CR-V",
    )
    assert row["assets"] == {"snapshot": key}
    evidence = row["evidence"]
    assert isinstance(evidence, dict)
    assert evidence["yolo_type"] == "Car"
    assert evidence["type"]["top"][0][0] == "SUV"
    assert row["checkpoint"] == colours.checkpoint
    assert all(row[column] is not None for column in ("latency_ms", "gflops", "memory_usage", "type_conf"))


@pytest.mark.parametrize(
    "module", ["worker", "classification.classifier", "classification.checkpoint", "classification.hierarchy"]
)
def test_importing_loads_no_model_library_and_no_client(module: str, tmp_path: Path) -> None:
    code = (
        f"import sys, video_analysis.main_worker.{module}; "
        "print([m for m in ('torch', 'openvino', 'ultralytics', 'boto3', 'psycopg2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"
