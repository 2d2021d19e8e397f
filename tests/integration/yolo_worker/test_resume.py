"""An interrupted video goes on from its checkpoints, and a replay uses those of its parent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from video_analysis.tests.support import iam, video_bench
from video_analysis.tests.support.video_bench import TASK, VIDEO, WORKSPACE, Bench, FakeLease, Sql
from video_analysis.worker_config import TrackSettings
from video_analysis.worker_utils.errors import Interrupted, LeaseLost, Paused, Permanent, Transient
from video_analysis.yolo_worker.runs import checkpoint_writer, checkpoints, progress

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FRAMES = 60


@pytest.fixture
def bench(database_url: str, sql: Sql, s3: S3Client, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    with video_bench.opened(database_url, sql, s3, bucket, upload_workers=1) as bench:
        bench.pipeline.frame_count = FRAMES
        bench.pipeline.vehicles = ((11, 1, 10), (12, 2, 30), (13, 3, 50))
        yield bench


def interrupt(bench: Bench, at_vehicle: int, failure: Exception | None = None) -> None:
    """Let the message of a vehicle fail."""

    def on_send(message: Any) -> None:
        if message.track_id == at_vehicle:
            raise failure or Transient("SQS did not answer")

    bench.outbox.on_send = on_send


def resume(bench: Bench, receive: int = 2) -> list[int]:
    """Deliver the message again. Returns the frames on which the detector ran."""
    bench.outbox.on_send = lambda message: None
    bench.pipeline.detected.clear()
    bench.pipeline.embedded.clear()
    bench.deliver(receive=receive)
    assert bench.pipeline.embedded == bench.pipeline.detected
    return bench.pipeline.detected


def undisturbed(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["track_id"], row["snapshot_s3_key"], row["detected_box"], row["run_key"]) for row in rows]


def events(bench: Bench, code: str) -> list[Any]:
    return [event for event in bench.observer.events if event.code == code]


def test_an_interrupted_video_goes_on_where_it_was(bench: Bench) -> None:
    interrupt(bench, 2)
    bench.fail()
    [part] = bench.parts()
    assert part["first_frame"] == 0
    assert (part["s3_key"], part["run_id"]) == (
        f"runs/{WORKSPACE}/{VIDEO}/{bench.runs()[0]['id']}/detect-000000.npz",
        bench.runs()[0]["id"],
    )
    detected = resume(bench)
    assert detected == list(range(part["last_frame"] + 1, FRAMES))
    assert 30 < part["last_frame"] < FRAMES
    assert bench.runs()[0]["status"] == "completed"
    assert bench.runs()[0]["frames_done"] == FRAMES
    [event] = events(bench, "run.continued")
    assert event.fields["frames"] == part["last_frame"] + 1
    resumed = undisturbed(bench.rows()), bench.objects()
    bench.sql("DELETE FROM image_analyses; DELETE FROM video_runs; DELETE FROM stage_checkpoints")
    resume(bench, receive=1)
    assert (undisturbed(bench.rows()), bench.objects()) == resumed, "as an undisturbed run"


def test_a_vehicle_that_main_worker_has_is_not_emitted_again(bench: Bench) -> None:
    interrupt(bench, 3)
    bench.fail()
    bench.sql("UPDATE image_analyses SET status = 'done' WHERE track_id = 1")
    bench.sql("UPDATE image_analyses SET status = 'error' WHERE track_id = 2")
    before = len(bench.outbox.sent)
    resume(bench)
    assert [message.track_id for message in bench.outbox.by_track(since=before)] == [2, 3]
    resume(bench, receive=3)
    assert len(bench.outbox.sent) == before + 5, "a completed run is repeated as a whole"


def test_a_paused_run_goes_on_where_it_was(bench: Bench) -> None:
    def pause(message: object) -> None:
        bench.sql("UPDATE video_runs SET requested = 'pause' WHERE status = 'running'")

    bench.outbox.on_send = pause
    assert isinstance(bench.fail(), Paused)
    [part] = bench.parts()
    bench.outbox.on_send = lambda message: None
    bench.pipeline.detected.clear()
    bench.deliver(message_id="m-2")
    assert bench.pipeline.detected == list(range(part["last_frame"] + 1, FRAMES))


@pytest.mark.parametrize("failure", [LeaseLost("x"), Permanent("x")])
def test_a_lost_lease_or_a_refused_video_stores_nothing(bench: Bench, failure: Exception) -> None:
    interrupt(bench, 2, failure)
    bench.fail()
    assert bench.parts() == []


def test_a_shutdown_stores_the_frames_that_are_finished(bench: Bench) -> None:
    with pytest.raises(Interrupted):
        bench.deliver(lease=FakeLease(lost_at=40, failure=Interrupted("shutting down")))
    [part] = bench.parts()
    assert 20 < part["last_frame"] < 40
    assert resume(bench) == list(range(part["last_frame"] + 1, FRAMES))


def test_parts_are_stored_while_the_video_runs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_writer, "EVERY_S", 0.0)
    bench.deliver()
    parts = bench.parts()
    assert len(parts) > 1
    assert [part["part"] for part in parts] == list(range(len(parts)))
    spans = [(part["first_frame"], part["last_frame"]) for part in parts]
    assert [first for first, _ in spans] == [0, *(last + 1 for _, last in spans[:-1])]
    assert spans[-1][1] == FRAMES - 1
    assert resume(bench) == []


def damage(bench: Bench, how: str) -> None:
    [part] = bench.parts()
    if how == "lost":
        bench.s3.delete_object(Bucket=bench.bucket, Key=part["s3_key"])
    elif how == "damaged":
        bench.s3.put_object(Bucket=bench.bucket, Key=part["s3_key"], Body=b"x" * part["bytes"])
    elif how == "no row":
        bench.sql("DELETE FROM stage_checkpoints")
    elif how == "other video":
        bench.s3.put_object(Bucket=bench.bucket, Key=video_bench.KEY, Body=b"another video")
    elif how == "other weights":
        bench.sql("UPDATE stage_checkpoints SET traits_hash = 'other'")
    elif how == "no grant":
        bench.sql("ALTER TABLE stage_checkpoints RENAME TO elsewhere")


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("lost", "checkpoint.ignored"),
        ("damaged", "checkpoint.ignored"),
        ("no row", None),
        ("other video", "checkpoint.outdated"),
        ("other weights", "checkpoint.outdated"),
        ("no grant", "checkpoint.unavailable"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_costs_time_only(bench: Bench, how: str, code: str | None) -> None:
    interrupt(bench, 2)
    bench.fail()
    of_other_file = len(bench.rows()) if how == "other video" else 0  # each file has rows of its own
    damage(bench, how)
    assert resume(bench) == list(range(FRAMES))
    assert bench.video()["status"] == "done"
    assert len(bench.rows()) == len(bench.objects()) == of_other_file + 3
    assert len(bench.sql("SELECT * FROM current_image_analyses")) == 3
    found = {event.code for event in bench.observer.events if event.code.startswith("checkpoint.")}
    assert found == ({code} if code else set())


def test_after_a_damaged_part_its_frames_are_stored_again(bench: Bench) -> None:
    interrupt(bench, 2)
    bench.fail()
    damage(bench, "damaged")
    interrupt(bench, 3)
    bench.fail(receive=2)
    assert [part["part"] for part in bench.parts()] == [0, 1]
    last = bench.parts()[1]["last_frame"]
    assert resume(bench, receive=3) == list(range(last + 1, FRAMES))


def test_without_the_permission_one_warning_names_it_and_the_worker_works_as_before(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(params: dict[str, Any], **_: Any) -> None:
        if params["url_path"].split("/")[-1].startswith("detect-"):
            raise iam.denial("PutObject", "s3:PutObject")

    bench.s3.meta.events.register("before-call.s3.PutObject", deny)
    try:
        bench.deliver()
        bench.deliver(TASK | {"frame_stride": 2}, message_id="m-2")
    finally:
        bench.s3.meta.events.unregister("before-call.s3.PutObject", deny)
    [event] = events(bench, "checkpoint.unavailable")
    assert "s3:PutObject and s3:GetObject on runs/*" in event.message
    assert [run["status"] for run in bench.runs()] == ["completed", "completed"]
    bench.worker.probe()


def pending_replay(bench: Bench, stage: str, overrides: dict[str, object]) -> dict[str, object]:
    """A replay of the first run. Returns its message."""
    parent = bench.runs()[0]
    [row] = bench.sql(
        "INSERT INTO video_runs (video_id, workspace_id, run_type, parent_run_id, root_run_id, replay_from_stage,"
        " config_overrides, config_snapshot) VALUES (%s, %s, 'replay', %s, %s, %s, %s, %s) RETURNING id",
        *(VIDEO, WORKSPACE, parent["id"], parent["id"], stage, json.dumps(overrides)),
        json.dumps(parent["config_snapshot"]),
    )
    return {"event": "REPLAY_VIDEO", "run_id": row["id"], "video_id": VIDEO, "workspace_id": WORKSPACE}


def replay(bench: Bench, stage: str, overrides: dict[str, object]) -> list[int]:
    """Process a replay of the first run. Returns the frames on which the detector ran."""
    message = pending_replay(bench, stage, overrides)
    bench.pipeline.detected.clear()
    bench.deliver(message, message_id="m-replay")
    assert bench.runs()[-1]["status"] == "completed"
    return bench.pipeline.detected


@pytest.mark.parametrize(
    ("stage", "overrides", "detects"),
    [
        ("track", {"track.max_age_s": 3}, False),
        ("select", {"best.edge_px": 9}, False),
        ("track", {}, False),
        ("detect", {}, True),
        ("detect", {"detector.iou": 0.4}, True),
    ],
)
def test_a_replay_runs_networks_only_from_detect(
    bench: Bench, stage: str, overrides: dict[str, object], detects: bool
) -> None:
    bench.deliver()
    before = undisturbed(bench.rows())
    assert replay(bench, stage, overrides) == (list(range(FRAMES)) if detects else [])
    if not overrides:
        assert undisturbed(bench.rows()) == before, "the same run key and the same rows"
    else:
        assert len(bench.rows()) == 2 * len(before)
        assert len(bench.sql("SELECT * FROM current_image_analyses")) == len(before)


def test_a_run_whose_frames_were_all_stored_has_a_rate(bench: Bench) -> None:
    bench.deliver()
    assert replay(bench, "track", {"track.max_age_s": 3}) == []
    assert all(run["fps"] > 0 for run in bench.runs())


@pytest.mark.parametrize("gap_s", [2.0, 3.0])
def test_a_replay_from_detect_keeps_its_own_detections(bench: Bench, gap_s: float) -> None:
    bench.deliver()
    message = pending_replay(bench, "detect", {})
    bench.pipeline.tracking = TrackSettings(gap_s=2)
    interrupt(bench, 2)
    bench.pipeline.detected.clear()
    bench.fail(message, message_id="m-2")
    assert bench.pipeline.detected[0] == 0, "those of the completed run are not used"
    bench.pipeline.tracking = TrackSettings(gap_s=gap_s)
    bench.outbox.on_send = lambda message: None
    bench.pipeline.detected.clear()
    bench.deliver(message, message_id="m-2", receive=2)
    statuses = [(run["status"], run["replay_from_stage"]) for run in bench.runs()]
    replaced = [("failed", "detect")] if gap_s == 3 else []
    assert statuses == [("completed", None), *replaced, ("completed", "detect")]
    assert bench.pipeline.detected == list(range(bench.parts()[1]["last_frame"] + 1, FRAMES))


def test_a_replay_keeps_the_settings_of_the_stages_that_do_not_run_again(bench: Bench) -> None:
    bench.deliver()
    settings = {"detector.iou": 0.4, "frame_stride": 2, "track.gap_s": 2}
    bench.sql("INSERT INTO camera_settings VALUES (%s, 'CAM1', %s)", WORKSPACE, json.dumps(settings))
    assert replay(bench, "track", {"track.max_age_s": 3}) == []
    snapshots = [run["config_snapshot"] for run in bench.runs()]
    assert [(one["stride"], one["detector"]["iou"]) for one in snapshots] == [(1, 0.5), (1, 0.5)]
    assert [one["tracker"]["gap_s"] for one in snapshots] == [1.0, 2.0], "the camera's, since tracking runs again"


def test_a_reader_never_gets_a_larger_object_than_its_row_states(bench: Bench) -> None:
    interrupt(bench, 2)
    bench.fail()
    [part] = bench.parts()
    bench.s3.put_object(Bucket=bench.bucket, Key=part["s3_key"], Body=b"x" * (part["bytes"] + 1))
    assert resume(bench) == list(range(FRAMES))
    [event] = events(bench, "checkpoint.ignored")
    assert event.fields["error_code"] == "object_too_large"


def test_the_traits_leave_out_what_the_tracker_does() -> None:
    fields = {"stride": 1, "detector": {"iou": 0.5}, "embedder": {}, "tracker": {"max_age_s": 1}, "snapshot": {}}
    base = checkpoints.traits_hash(fields)
    assert checkpoints.traits_hash(fields | {"tracker": {"max_age_s": 3}, "snapshot": {"x": 1}}) == base
    for changed in ({"stride": 2}, {"detector": {"iou": 0.4}}, {"embedder": {"weights": "x"}}):
        assert checkpoints.traits_hash(fields | changed) != base
