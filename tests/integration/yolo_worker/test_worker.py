"""The video worker with a scripted pipeline, a real PostgreSQL and S3 over HTTP."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from video_analysis.tests.support import video_bench
from video_analysis.tests.support.video_bench import KEY, TASK, VIDEO, WORKSPACE, Bench, FakeLease
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.errors import (
    BadMessage,
    BadVideo,
    EnvironmentFault,
    LeaseLost,
    MissingObject,
    Permanent,
    Transient,
)
from video_analysis.worker_utils.imaging.jpeg_check import check_snapshot
from video_analysis.yolo_worker.source.damage import Damage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Sql = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def upload_workers() -> int:
    return 8


@pytest.fixture
def bench(database_url: str, sql: Sql, s3: S3Client, bucket: str, upload_workers: int) -> Iterator[Bench]:
    with video_bench.opened(database_url, sql, s3, bucket, upload_workers) as bench:
        yield bench


def test_every_vehicle_gets_its_object_then_its_row_then_its_message(bench: Bench) -> None:
    def both_exist(message: messages.SnapshotReady) -> None:
        answer = bench.s3.get_object(Bucket=bench.bucket, Key=message.snapshot.key)
        check_snapshot(answer["Body"].read(), answer["ContentType"])
        uris = {row["snapshot_s3_key"]: row["status"] for row in bench.rows()}
        assert uris[message.snapshot_s3_key] == "queued"

    bench.outbox.on_send = both_exist
    bench.deliver()
    assert [(message.track_id, message.detectedIn) for message in bench.outbox.by_track()] == [(1, 80), (2, 160)]
    first = bench.outbox.by_track()[0]
    assert first.snapshot_s3_key.endswith("/snapshots/CTX1005_CAM1_000001_000080.jpg")
    assert first.detectedAt == "2026-03-01T08:00:00.080000+08:00"
    assert len(bench.objects()) == len(bench.rows()) == 2
    assert bench.video()["status"] == "done"
    assert bench.video()["processing_finished_at"] is not None


def test_a_row_has_the_box_of_its_snapshot_s_frame_and_the_size_of_that_frame(bench: Bench) -> None:
    bench.deliver()
    assert [row["detected_box"] for row in bench.rows()] == [
        {"x1": 20, "y1": 20, "x2": 20 + size, "y2": 20 + size, "frame_width": 320, "frame_height": 240}
        for size in (100, 140)
    ]


def test_the_message_of_a_vehicle_is_sent_before_the_video_is_done(bench: Bench) -> None:
    seen: list[str] = []
    bench.outbox.on_send = lambda message: seen.append(bench.video()["status"])
    bench.deliver()
    assert seen == ["processing", "processing"]


def test_a_redelivery_changes_no_row_no_key_and_no_byte(bench: Bench) -> None:
    bench.deliver()
    before = (bench.video(), bench.rows(), bench.objects(), bench.outbox.by_track())
    bench.deliver(receive=2)
    assert (bench.video(), bench.rows(), bench.objects(), bench.outbox.by_track(since=2)) == before


def test_a_rerun_that_would_choose_another_frame_adopts_the_existing_row_and_object(bench: Bench) -> None:
    bench.deliver()
    before = (bench.rows(), bench.objects(), bench.outbox.by_track())
    bench.pipeline.growing = False
    bench.deliver(receive=2)
    assert (bench.rows(), bench.objects(), bench.outbox.by_track(since=2)) == before


def test_a_rerun_writes_the_missing_snapshot_of_an_existing_row(bench: Bench) -> None:
    bench.deliver()
    rows, sent = bench.rows(), bench.outbox.by_track()
    lost = sent[0].snapshot
    bench.s3.delete_object(Bucket=bench.bucket, Key=lost.key)
    bench.pipeline.growing = False  # another frame is the best one now
    bench.deliver(receive=2)
    assert (bench.rows(), bench.outbox.by_track(since=2)) == (rows, sent)
    assert lost.key in bench.objects()


def test_a_video_reports_each_vehicle_and_its_end(bench: Bench) -> None:
    bench.deliver()
    assert bench.observer.codes() == ["snapshot.ready", "snapshot.ready", "video.done"]
    done = bench.observer.events[-1].fields
    assert (done["video_id"], done["message_id"], done["frames"], done["vehicles"]) == (VIDEO, "m-1", 6, 2)
    assert set(done["seconds"]) == {"decode", "detect", "track", "select"}  # type: ignore[call-overload]
    assert sum(items for stage, _, items in bench.pulls if stage == "decode") == done["frames"]
    assert {stage for stage, *_ in bench.pulls} == set(done["seconds"])  # type: ignore[call-overload]


def test_a_rerun_after_a_failure_in_the_middle_finishes_the_rest(bench: Bench) -> None:
    def fail(message: messages.SnapshotReady) -> None:
        if message.track_id == 2:
            raise Transient("SQS did not answer")

    bench.outbox.on_send = fail
    with pytest.raises(Transient):
        bench.deliver()
    assert bench.video()["status"] == "processing"
    bench.outbox.on_send = lambda message: None
    bench.deliver(receive=2)
    assert bench.video()["status"] == "done"
    assert {message.track_id for message in bench.outbox.sent} == {1, 2}
    assert len(bench.rows()) == len(bench.objects()) == 2


def test_another_stride_is_another_run_with_rows_of_its_own(bench: Bench) -> None:
    bench.pipeline.vehicles = ((11, 1, 3),)
    bench.deliver()
    bench.deliver(TASK | {"frame_stride": 2}, message_id="m-2")
    assert len({row["run_key"] for row in bench.rows()}) == 2


@pytest.mark.parametrize("upload_workers", [1])
def test_a_lost_lease_commits_nothing_more(bench: Bench) -> None:
    lease = FakeLease()
    bench.outbox.on_send = lambda message: setattr(lease, "lost_at", lease.checks + 1)
    with pytest.raises(LeaseLost):
        bench.deliver(lease=lease)
    assert len(bench.outbox.sent) == len(bench.rows()) == 1
    assert bench.video()["status"] == "processing"


def test_a_lost_lease_ends_the_threads_before_it_is_raised(bench: Bench) -> None:
    lease = FakeLease(lost_at=3)
    with pytest.raises(LeaseLost) as loss:
        bench.deliver(lease=lease)
    assert loss.tb is not None, "the traceback keeps the frames in memory"
    assert bench.pipeline.ended == 1


def test_a_video_that_breaks_off_is_refused_and_its_file_is_deleted(bench: Bench) -> None:
    bench.pipeline.breaks_at = 4
    with pytest.raises(BadVideo):
        bench.deliver()
    assert not bench.pipeline.paths[0].exists()
    assert bench.video()["status"] == "processing"


TO_THE_END = ((11, 1, 2), (12, 2, 5))
"""The second vehicle is there in the last frame."""
MINOR, MAJOR = Damage(850, 900, 40.0, is_cut=True), Damage(435, 905, 40.0, is_cut=True)


def test_a_video_that_lacks_a_little_is_done_with_the_damage_in_its_row(bench: Bench) -> None:
    bench.pipeline.vehicles, bench.pipeline.damage = TO_THE_END, MINOR
    bench.deliver()
    row = bench.video()
    text = "truncated: 850 of 900 frames"
    assert (row["status"], row["attempt_state"], row["error_code"], row["error_msg"]) == ("done", None, "damaged", text)
    assert [message.track_id for message in bench.outbox.by_track()] == [1, 2]
    assert bench.observer.events[-1].fields["damage"] == text
    before = (bench.video(), bench.rows(), bench.objects(), bench.outbox.by_track())
    bench.deliver(receive=2)
    assert (bench.video(), bench.rows(), bench.objects(), bench.outbox.by_track(since=2)) == before


def test_a_video_that_lacks_much_is_refused_after_all_its_vehicles_are_sent(bench: Bench) -> None:
    bench.pipeline.vehicles, bench.pipeline.damage = TO_THE_END, MAJOR
    with pytest.raises(BadVideo, match=r"^truncated: 435 of 905 frames$") as refusal:
        bench.deliver()
    assert refusal.value.code == "truncated"
    assert [message.track_id for message in bench.outbox.by_track()] == [1, 2]
    assert len(bench.rows()) == len(bench.objects()) == 2
    assert bench.video()["status"] == "processing"
    assert "video.done" not in bench.observer.codes()


def test_a_refused_video_that_is_sent_again_gives_the_same_rows_and_objects(bench: Bench) -> None:
    bench.pipeline.vehicles, bench.pipeline.damage = TO_THE_END, MAJOR
    for receive in (1, 2):
        with pytest.raises(BadVideo):
            bench.deliver(receive=receive)
    assert bench.outbox.by_track()[::2] == bench.outbox.by_track()[1::2]
    assert len(bench.rows()) == len(bench.objects()) == 2


def test_a_refused_video_whose_object_was_repaired_is_done_with_the_rows_that_it_had(bench: Bench) -> None:
    bench.pipeline.vehicles, bench.pipeline.damage, bench.pipeline.frame_count = TO_THE_END, MAJOR, 4
    with pytest.raises(BadVideo):
        bench.deliver()
    before = (bench.rows(), bench.objects())
    bench.pipeline.damage, bench.pipeline.frame_count = None, 6
    bench.pipeline.vehicles = (*TO_THE_END, (13, 3, 5))
    bench.deliver()
    assert (bench.video()["status"], bench.video()["error_code"]) == ("done", None)
    assert bench.rows()[:2] == before[0]
    assert {key: bench.objects()[key] for key in before[1]} == before[1]
    assert [row["track_id"] for row in bench.rows()] == [1, 2, 3]


def test_the_compatibility_form_is_resolved_from_the_row(bench: Bench) -> None:
    bench.deliver({"event": "PROCESS_VIDEO_DB", "video_id": VIDEO, "workspace_id": WORKSPACE})
    assert [message.recordedAt for message in bench.outbox.sent] == ["2026-03-01T00:00:00+00:00"] * 2
    bench.sql("UPDATE videos SET camera_code = NULL")
    with pytest.raises(Permanent, match="camera_code"):
        bench.deliver({"event": "PROCESS_VIDEO_DB", "video_id": VIDEO, "workspace_id": WORKSPACE})


def test_the_compatibility_form_without_a_row_waits_for_the_api(bench: Bench) -> None:
    bench.sql("DELETE FROM videos")
    with pytest.raises(Transient, match="no row"):
        bench.deliver({"event": "PROCESS_VIDEO_DB", "video_id": VIDEO, "workspace_id": WORKSPACE})


def unknown_fields_reported(bench: Bench) -> list[object]:
    events = [event for event in bench.observer.events if event.code == "message.unknown_fields"]
    assert {event.level for event in events} <= {logging.WARNING}
    return [event.fields["unknown_fields"] for event in events]


@pytest.mark.parametrize(
    "task", [TASK, {"event": "PROCESS_VIDEO_DB", "video_id": VIDEO, "workspace_id": WORKSPACE}], ids=["full", "short"]
)
def test_unknown_fields_are_ignored_with_one_warning_that_names_them(bench: Bench, task: dict[str, object]) -> None:
    bench.deliver(task | {"variant": "cmt", "a\nb": None})
    bench.deliver(task | {"variant": "cmt", "a\nb": None}, receive=2)
    assert bench.video()["status"] == "done"
    assert unknown_fields_reported(bench) == [[r"a\x0ab", "variant"]]


def test_a_warning_of_unknown_fields_is_short_however_many_and_long_they_are(bench: Bench) -> None:
    bench.deliver(TASK | {f"{number:03}{'x' * 1000}": number for number in range(100)})
    [event] = [event for event in bench.observer.events if event.code == "message.unknown_fields"]
    assert event.message.startswith("100 fields are ignored, since PROCESS_VIDEO does not have them: 000xxx")
    assert len(event.message) < 1000
    assert len(json.dumps(event.fields)) < 1000


def test_a_message_without_unknown_fields_has_no_warning(bench: Bench) -> None:
    bench.deliver()
    assert unknown_fields_reported(bench) == []


def test_nulls_are_filled_from_the_row(bench: Bench) -> None:
    bench.sql("UPDATE videos SET workspace_code = 'CTX7777', camera_code = 'CAM8', frame_stride = 2")
    bench.deliver(TASK | {"workspace_code": None, "camera_code": None, "frame_stride": None})
    names = [message.snapshot_s3_key.rpartition("/")[2] for message in bench.outbox.by_track()]
    assert names == ["CTX7777_CAM8_000001_000080.jpg", "CTX7777_CAM8_000002_000160.jpg"]
    assert {message.recordedAt for message in bench.outbox.sent} == {TASK["recordedAt"]}, "from the message"


def test_nulls_wait_for_the_row_and_a_null_code_in_it_is_refused(bench: Bench) -> None:
    bench.sql("UPDATE videos SET camera_code = NULL")
    with pytest.raises(Permanent, match=r"videos\.camera_code: null") as refusal:
        bench.deliver(TASK | {"camera_code": None})
    assert refusal.value.code == "incomplete_row"
    bench.sql("DELETE FROM videos")
    with pytest.raises(Transient) as absence:
        bench.deliver(TASK | {"frame_stride": None})
    assert absence.value.code == "no_video_row"


def test_a_raw_key_that_ends_in_upper_case_is_processed(bench: Bench) -> None:
    key = KEY.replace(".mp4", ".MP4")
    bench.s3.put_object(Bucket=bench.bucket, Key=key, Body=b"bytes of a video")
    bench.s3.delete_object(Bucket=bench.bucket, Key=KEY)
    bench.deliver(TASK | {"s3_key_raw": key})
    assert bench.video()["status"] == "done"


def test_a_byte_order_mark_and_a_stride_of_three_point_zero_are_accepted(bench: Bench) -> None:
    body = "\ufeff" + json.dumps(TASK | {"frame_stride": 3.0})
    assert bench.worker.handle([Delivery("m-1", body, 1, False, FakeLease())]) == [None]
    assert [message.detectedIn for message in bench.outbox.by_track()] == [0, 120], "frames 0 and 3"


def test_a_full_message_without_a_row_is_processed(bench: Bench) -> None:
    bench.sql("DELETE FROM videos")
    bench.deliver()
    assert len(bench.outbox.sent) == 2


def test_a_video_whose_object_is_missing_names_the_key(bench: Bench) -> None:
    bench.s3.delete_object(Bucket=bench.bucket, Key=KEY)
    with pytest.raises(MissingObject, match=r"clip\.mp4"):
        bench.deliver()


def test_the_last_receive_of_a_video_that_always_crashed_the_worker_does_no_work(bench: Bench) -> None:
    bench.sql("UPDATE videos SET status = 'processing'")
    with pytest.raises(Permanent, match="died in every attempt") as given_up:
        bench.deliver(receive=5)
    assert given_up.value.code == bench.video()["error_code"] == bench.video()["attempt_state"] == "crashed"
    assert bench.pipeline.paths == []


def test_a_crash_in_the_last_receive_leaves_an_error(bench: Bench) -> None:
    bench.sql("UPDATE videos SET status = 'processing', error_msg = 'interrupted'")
    seen: list[dict[str, Any]] = []
    bench.outbox.on_send = lambda message: seen.append(bench.video())
    bench.deliver(receive=5)
    assert (seen[0]["status"], seen[0]["attempt_state"]) == ("error", "last_attempt")
    assert "last attempt" in seen[0]["error_msg"]
    after = bench.video()
    assert (after["status"], after["attempt_state"], after["error_code"], after["error_msg"]) == ("done", *[None] * 3)


def test_a_bad_message_that_names_its_video_leaves_the_reason_in_the_row(bench: Bench) -> None:
    bad = TASK | {"frame_stride": 0}
    delivery = Delivery("m-1", json.dumps(bad), 1, False, FakeLease())
    with pytest.raises(BadMessage) as refusal:
        bench.worker.handle([delivery])
    bench.worker.record(delivery, refusal.value, final=True)
    assert bench.video()["status"] == "error"
    assert bench.video()["error_code"] == "bad_message"
    assert "frame_stride" in bench.video()["error_msg"]


def test_the_probe_tests_pipeline_queue_and_database(bench: Bench) -> None:
    bench.worker.probe()
    bench.pipeline.broken = True
    with pytest.raises(EnvironmentFault, match="GPU"):
        bench.worker.probe()
    bench.outbox.closed = True
    with pytest.raises(EnvironmentFault, match="queue"):
        bench.worker.probe()
    bench.s3.delete_object(Bucket=bench.bucket, Key=KEY)
    bench.s3.delete_bucket(Bucket=bench.bucket)
    with pytest.raises(EnvironmentFault, match=f"no bucket {bench.bucket}"):
        bench.worker.probe()
    bench.sql("DROP TABLE videos")
    with pytest.raises(EnvironmentFault, match="videos"):
        bench.worker.probe()


def test_two_runs_whose_vehicles_would_have_the_same_key_keep_both(bench: Bench) -> None:
    bench.deliver()
    before = (bench.rows(), bench.objects())
    bench.pipeline.weights = "other weights"
    bench.deliver(message_id="m-2")
    assert len(bench.rows()) == len(bench.objects()) == 4
    assert [row for row in bench.rows() if row in before[0]] == before[0]
    assert {key: bench.objects()[key] for key in before[1]} == before[1]
    assert sorted(message.detectedIn for message in bench.outbox.sent) == [80, 81, 160, 161]
    bench.deliver(message_id="m-2")
    assert len(bench.rows()) == len(bench.objects()) == 4
