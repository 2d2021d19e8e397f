"""The run key of unchanged settings never changes, also if attributes are renamed: rows are found by it."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from video_analysis.worker_config import (
    BestSettings,
    DetectorSettings,
    SnapshotSettings,
    TrackSettings,
    WorkerConfig,
    load,
)
from video_analysis.yolo_worker import run_poller
from video_analysis.yolo_worker.run_key import NetworkTraits, OutputSettings, PipelineTraits, run_key_of

DETECTOR, EMBEDDER = NetworkTraits("d" * 64, "f32"), NetworkTraits("e" * 64, "f32")
DEFAULT_KEY = "d48a3643ea604d19"
"""At stride 3. The keys change with ASSOCIATION, and only with it."""
KEYS = [
    ("CVITX_S3_BUCKET", "another-bucket", "e29ee6286a9a1c4b"),
    ("CVITX_DETECTOR_SIZE_PX", "960", "6ad11853e21c5558"),
    ("CVITX_DETECTOR_CONFIDENCE", "0.3", "180cef22597ee972"),
    ("CVITX_DETECTOR_IOU", "0.6", "77f599ead733edf0"),
    ("CVITX_DETECTOR_CONTAINMENT", "0.7", "2cdd3bf98c49e98f"),
    ("CVITX_DETECTOR_INSIDE", "0.7", "2cdd3bf98c49e98f"),
    ("CVITX_DETECTOR_MIN_BOX_PX", "20", "2325db313ad4de79"),
    ("CVITX_MIN_BOX_PX", "20", "2325db313ad4de79"),
    ("CVITX_TRACK_N_INIT", "4", "3bbdfb04c5cf6660"),
    ("CVITX_TRACK_CONFIRM_S", "1", "6e343028826f560f"),
    ("CVITX_TRACK_CONFIDENCE", "0.5", "df845341fbb1d631"),
    ("CVITX_TRACK_MAX_AGE_S", "2", "85a676988148ac28"),
    ("CVITX_TRACK_GAP_S", "2", "1a2725f556c2e03e"),
    ("CVITX_TRACK_SPEED", "3", "d212d5a0d477707c"),
    ("CVITX_TRACK_MAX_COSINE", "0.3", "3d51e2a23acd55ea"),
    ("CVITX_TRACK_MAX_IOU_DISTANCE", "0.8", "89f5ee2fb07b3ac1"),
    ("CVITX_TRACK_NN_BUDGET", "50", "762382dc1e408664"),
    ("CVITX_TRACK_LINK_S", "5", "d784bd17dcbb95e3"),
    ("CVITX_TRACK_EMBED_INTERVAL_S", "0", "d020a2d8420bc049"),
    ("CVITX_TRACK_LOOK_S", "0", "d020a2d8420bc049"),
    ("CVITX_BEST_AREA_STEP", "0", "aeca99f3752168bf"),
    ("CVITX_BEST_CONFIDENCE_STEP", "0", "6089da1e27122005"),
    ("CVITX_BEST_SHARPNESS_STEP", "0", "0ea13a2a330004b5"),
    ("CVITX_BEST_CENTRE_STEP", "0", "3d637509449b5668"),
    ("CVITX_BEST_OUTLIER_AREA", "0", "5f02c456a8442f74"),
    ("CVITX_BEST_EDGE_PX", "4", "7b3f32e67f8c25e9"),
    ("CVITX_EDGE_PX", "4", "7b3f32e67f8c25e9"),
    ("CVITX_SNAPSHOT_CROP_MARGIN", "0.2", "035a5a455ed81856"),
    ("CVITX_CROP_MARGIN", "0.2", "035a5a455ed81856"),
    ("CVITX_SNAPSHOT_JPEG_QUALITY", "90", "6ec93568c115cf23"),
    ("CVITX_JPEG_QUALITY", "90", "6ec93568c115cf23"),
]
NOT_IN_THE_KEY = {"CVITX_DETECTOR_BATCH": "7", "CVITX_SNAPSHOT_UPLOAD_WORKERS": "2", "CVITX_THREADS": "3"}


def key(config: WorkerConfig, stride: int = 3) -> str:
    vision = PipelineTraits(DETECTOR, config.detector, EMBEDDER, config.track)
    return run_key_of(stride, vision, run_poller.output_settings(config))


def loaded(**named: str) -> WorkerConfig:
    return load({"CVITX_ENV_OVERRIDES": "1", **named})


@pytest.mark.parametrize(("stride", "expected"), [(1, "e4c2fef9f4230059"), (3, DEFAULT_KEY)])
def test_the_default_settings_have_the_key_that_they_always_had(stride: int, expected: str) -> None:
    assert key(WorkerConfig(), stride) == expected


@pytest.mark.parametrize(("variable", "value", "expected"), KEYS)
def test_a_changed_setting_has_the_key_that_it_always_had(variable: str, value: str, expected: str) -> None:
    assert key(loaded(**{variable: value})) == expected != DEFAULT_KEY


@pytest.mark.parametrize("variable", NOT_IN_THE_KEY)
def test_a_setting_that_changes_no_track_and_no_picture_is_not_part_of_the_key(variable: str) -> None:
    assert key(loaded(**{variable: NOT_IN_THE_KEY[variable]})) == DEFAULT_KEY


def test_every_setting_of_detection_tracking_selection_and_snapshots_is_in_one_of_the_lists() -> None:
    groups: dict[str, type[BaseModel]] = {
        "DETECTOR": DetectorSettings,
        "TRACK": TrackSettings,
        "BEST": BestSettings,
        "SNAPSHOT": SnapshotSettings,
    }
    variables = {f"CVITX_{group}_{name.upper()}" for group, kind in groups.items() for name in kind.model_fields}
    assert variables <= {variable for variable, _, _ in KEYS} | set(NOT_IN_THE_KEY)


@pytest.mark.parametrize("change", [NetworkTraits("f" * 64, "f32"), NetworkTraits("d" * 64, "f16")])
def test_other_weights_or_another_precision_is_another_key(change: NetworkTraits) -> None:
    config = WorkerConfig()
    for detector, embedder in ((change, EMBEDDER), (DETECTOR, change)):
        vision = PipelineTraits(detector, config.detector, embedder, config.track)
        shots = OutputSettings(config.s3_bucket, config.best, config.snapshot)
        assert run_key_of(3, vision, shots) != DEFAULT_KEY
