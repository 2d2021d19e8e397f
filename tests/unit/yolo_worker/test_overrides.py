"""The settings that a run may override: names, types, bounds and stages."""

from __future__ import annotations

from typing import Any

import pytest

from video_analysis.tests.support.fake_pipeline import FakePipeline
from video_analysis.tests.support.video_task import TASK
from video_analysis.worker_config import BestSettings, SnapshotSettings, TrackSettings
from video_analysis.worker_utils.db.run_types import ReplayStage, StoredRun
from video_analysis.worker_utils.errors import Permanent
from video_analysis.yolo_worker.run_key import OutputSettings
from video_analysis.yolo_worker.runs import overrides, snapshot_settings
from video_analysis.yolo_worker.runs.plan import Plan

OUTPUT = OutputSettings("bucket", BestSettings(), SnapshotSettings())


def test_a_value_gets_the_type_of_its_setting() -> None:
    found = overrides.checked({"track.max_age_s": 3, "track.n_init": 2, "frame_stride": 5}, "detect")
    assert found == {"track.max_age_s": 3.0, "track.n_init": 2, "frame_stride": 5}
    assert isinstance(found["track.max_age_s"], float)


REFUSED: list[tuple[dict[str, object], str]] = [
    ({"track.max_age": 3}, "track.max_age: cannot be overridden; did you mean track.max_age_s?"),
    ({"max_age_s": 3}, "max_age_s: cannot be overridden; did you mean track.max_age_s?"),
    ({"tracker.conf": 1}, "tracker.conf: cannot be overridden; possible are best.area_step, "),
    (
        {"confidence": 1},
        "confidence: cannot be overridden; did you mean detector.confidence or track.confidence?",
    ),
    ({"yolo_weights": "other.pt"}, "yolo_weights: cannot be overridden; possible are best.area_step, "),
    ({"snapshot.jpeg_quality": 50}, "snapshot.jpeg_quality: cannot be overridden; possible are "),
    ({"detector.batch": 1}, "detector.batch: cannot be overridden; possible are "),
    ({"track.max_age_s": "3"}, "track.max_age_s: is '3': Input should be a valid number"),
    ({"track.max_age_s": True}, "track.max_age_s: is True"),
    ({"track.max_age_s": 0}, "track.max_age_s: is 0: Input should be greater than 0"),
    ({"track.max_age_s": float("inf")}, "track.max_age_s: is inf"),
    ({"track.n_init": 2.5}, "track.n_init: is 2.5"),
    ({"detector.size_px": 650}, "detector.size_px: is 650: Input should be a multiple of 32"),
    ({"best.area_step": None}, "best.area_step: is None"),
    ({"frame_stride": 0}, "frame_stride: is 0, should be an integer from 1"),
    ({"frame_stride": True}, "frame_stride: is True"),
]


@pytest.mark.parametrize(("given", "reason"), REFUSED)
def test_a_wrong_override_is_refused_by_its_name(given: dict[str, object], reason: str) -> None:
    with pytest.raises(Permanent) as refusal:
        overrides.checked(given, "detect")
    assert str(refusal.value).startswith(reason)
    assert refusal.value.code == "override_refused"


@pytest.mark.parametrize(
    ("name", "value", "stages"),
    [
        ("frame_stride", 2, {"detect"}),
        ("detector.confidence", 0.5, {"detect"}),
        ("track.link_s", 5, {"detect", "track"}),
        ("best.edge_px", 5, {"detect", "track", "select"}),
        ("snapshot.crop_margin", 0.2, {"detect", "track", "select"}),
    ],
)
def test_an_override_of_a_stage_that_does_not_run_again_is_refused(
    name: str, value: object, stages: set[ReplayStage]
) -> None:
    for stage in overrides.STAGES:
        if stage in stages:
            assert overrides.checked({name: value}, stage) == {name: value}
        else:
            with pytest.raises(Permanent, match=f"but the replay begins at {stage}"):
                overrides.checked({name: value}, stage)


LARGEST = {
    "frame_stride": 2**31 - 1,
    "detector.size_px": 4096,
    "track.n_init": 1000,
    "track.nn_budget": 1000,
    "track.speed": 1000,
    **dict.fromkeys(
        ("track.confirm_s", "track.max_age_s", "track.gap_s", "track.link_s", "track.embed_interval_s"), 600
    ),
    **dict.fromkeys(("best.area_step", "best.sharpness_step"), 10),
    "best.outlier_area": 1000,
    "best.edge_px": 10_000,
}
"""All others are shares."""


@pytest.mark.parametrize("name", overrides.ALLOWED)
def test_each_override_has_a_largest_value(name: str) -> None:
    largest = LARGEST.get(name, 1)
    assert overrides.checked({name: largest}, "detect") == {name: largest}
    for value in (largest + 32, 10**30, 10**400, 1e300):
        with pytest.raises(Permanent, match=f"^{name}: is "):
            overrides.checked({name: value}, "detect")


def test_of_stored_settings_those_that_are_refused_are_left_out() -> None:
    stored = {"track.max_age_s": 3, "track.nn_budget": 10**30, "track.old_name": 1, "best.edge_px": 9}
    values, refusals = overrides.usable(stored)
    assert values == {"track.max_age_s": 3.0, "best.edge_px": 9}
    assert [one.split(":")[0] for one in refusals] == ["track.nn_budget", "track.old_name"]
    assert overrides.usable([]) == ({}, ["overrides: is [], should be an object"])


@pytest.mark.parametrize("stored", [None, [], "track.max_age_s", 3])
def test_overrides_that_are_no_object_are_refused(stored: object) -> None:
    with pytest.raises(Permanent, match="should be an object"):
        overrides.checked(stored, "detect")


def test_an_override_that_the_parent_has_is_kept() -> None:
    assert overrides.checked({"detector.iou": 0.4}, "select", {"detector.iou": 0.4}) == {"detector.iou": 0.4}
    with pytest.raises(Permanent):
        overrides.checked({"detector.iou": 0.4}, "select", {"detector.iou": 0.3})


def replay(changed: dict[str, Any], **columns: Any) -> Plan:
    run = StoredRun("1", "replay", "pending", "0", replay_from_stage="detect", config_overrides=changed, **columns)
    return Plan.build(TASK, FakePipeline(), OUTPUT, {}, run)


def test_a_plan_has_the_overrides_of_its_run_and_the_rest_of_the_worker() -> None:
    plan = replay({"track.max_age_s": 3, "detector.iou": 0.4, "best.edge_px": 9, "snapshot.crop_margin": 0.2})
    traits = plan.pipeline.traits()
    assert (traits.track.max_age_s, traits.track.gap_s, traits.detection.iou) == (3.0, 1.0, 0.4)
    assert (plan.settings.best.edge_px, plan.settings.snapshot.crop_margin, plan.settings.bucket) == (9, 0.2, "bucket")


def test_a_plan_without_overrides_has_the_run_key_of_the_worker() -> None:
    assert replay({}).run_key == Plan(TASK, FakePipeline(), OUTPUT).run_key
    assert replay({"track.max_age_s": 3}).run_key != replay({}).run_key
    assert replay({"track.max_age_s": 3}).run_key == replay({"track.max_age_s": 3.0}).run_key
    assert replay({"track.link_s": TrackSettings().link_s}).run_key == replay({}).run_key, "10.0 is 10"


@pytest.mark.parametrize(
    ("changed", "snapshot", "stride"), [({}, None, 3), ({}, {"stride": 2}, 2), ({"frame_stride": 5}, {"stride": 2}, 5)]
)
def test_the_stride_is_overridden_or_that_of_the_run_or_of_the_video(
    changed: dict[str, Any], snapshot: dict[str, object] | None, stride: int
) -> None:
    assert replay(changed, config_snapshot=snapshot).task.frame_stride == stride


def test_a_run_overrides_the_settings_of_its_camera() -> None:
    camera = {"track.max_age_s": 3.0, "track.gap_s": 2.0, "frame_stride": 4}
    alone = Plan.build(TASK, FakePipeline(), OUTPUT, camera)
    assert (alone.pipeline.traits().track.max_age_s, alone.task.frame_stride, alone.changes_video) == (3.0, 4, True)
    run = StoredRun("1", "replay", "pending", "0", None, "track", {"track.gap_s": 5}, config_snapshot={"stride": 2})
    replayed = Plan.build(TASK, FakePipeline(), OUTPUT, camera, run)
    track = replayed.pipeline.traits().track
    assert (track.max_age_s, track.gap_s, replayed.task.frame_stride, replayed.changes_video) == (3.0, 5.0, 2, False)


PARENT = Plan.build(
    TASK, FakePipeline(), OUTPUT, {"frame_stride": 2, "detector.iou": 0.4, "track.gap_s": 2.0, "best.edge_px": 9}
)


@pytest.mark.parametrize(
    ("stage", "expected"),
    [("detect", (2, 0.5, 1.0, 3)), ("track", (2, 0.4, 1.0, 3)), ("select", (2, 0.4, 2.0, 3))],
)
def test_the_stages_that_do_not_run_again_have_the_settings_of_the_parent(
    stage: ReplayStage, expected: tuple[int, float, float, int]
) -> None:
    run = StoredRun("1", "replay", "pending", "0", None, stage, {}, config_snapshot=PARENT.key_fields)
    plan = Plan.build(TASK, FakePipeline(), OUTPUT, {}, run)
    traits = plan.pipeline.traits()
    found = plan.task.frame_stride, traits.detection.iou, traits.track.gap_s, plan.settings.best.edge_px
    assert found == expected


def test_each_setting_that_can_be_overridden_is_found_in_the_snapshot_of_a_run() -> None:
    plan = Plan(TASK, FakePipeline(), OUTPUT)
    known = snapshot_settings.by_name(plan.key_fields)
    assert known.keys() == overrides.ALLOWED.keys()
    for name, value in known.items():
        other = value + 32 if isinstance(value, int) else 0.9 * value  # type: ignore[operator]
        changed = Plan.build(TASK, FakePipeline(), OUTPUT, {name: other})
        assert snapshot_settings.by_name(changed.key_fields) == known | {name: other}


@pytest.mark.parametrize("snapshot", [None, [], "x", {"stride": None, "detector": [1]}])
def test_a_snapshot_of_another_form_has_no_settings(snapshot: object) -> None:
    assert snapshot_settings.by_name(snapshot) == {}
