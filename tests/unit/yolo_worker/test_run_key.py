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
DEFAULT_KEY = "766e63566939f316"
"""At stride 3. The keys change with ASSOCIATION, and only with it."""
KEYS = [
    ("CVITX_S3_BUCKET", "another-bucket", "8f024a06434017fb"),
    ("CVITX_DETECTOR_SIZE_PX", "960", "38d3e8062fd79b7c"),
    ("CVITX_DETECTOR_CONFIDENCE", "0.3", "a92f5cf6cf875f1c"),
    ("CVITX_DETECTOR_IOU", "0.6", "3fde003a27feee5a"),
    ("CVITX_DETECTOR_CONTAINMENT", "0.7", "68b6f94e0200cd9d"),
    ("CVITX_DETECTOR_INSIDE", "0.7", "68b6f94e0200cd9d"),
    ("CVITX_DETECTOR_MIN_BOX_PX", "20", "1166cfdbedf920b0"),
    ("CVITX_MIN_BOX_PX", "20", "1166cfdbedf920b0"),
    ("CVITX_TRACK_N_INIT", "4", "07467913351292fa"),
    ("CVITX_TRACK_CONFIRM_S", "1", "274847ba8e026e4d"),
    ("CVITX_TRACK_CONFIDENCE", "0.5", "9d9a031691574f67"),
    ("CVITX_TRACK_MAX_AGE_S", "2", "31ffa2e0812e4f7f"),
    ("CVITX_TRACK_GAP_S", "2", "f30fb5f2206128fe"),
    ("CVITX_TRACK_SPEED", "3", "c4703dc92c9a7e95"),
    ("CVITX_TRACK_MAX_COSINE", "0.3", "fa70490d2c238dd6"),
    ("CVITX_TRACK_MAX_IOU_DISTANCE", "0.8", "f4754ba1c1495d9a"),
    ("CVITX_TRACK_NN_BUDGET", "50", "d03f1b6d04bd4b84"),
    ("CVITX_TRACK_LINK_S", "5", "edee41dc5a92ae4e"),
    ("CVITX_TRACK_EMBED_INTERVAL_S", "0", "817c9de339f79f9f"),
    ("CVITX_TRACK_LOOK_S", "0", "817c9de339f79f9f"),
    ("CVITX_BEST_AREA_STEP", "0", "30a3bff09b742067"),
    ("CVITX_BEST_CONFIDENCE_STEP", "0", "a3f7d6aa82eeaf5b"),
    ("CVITX_BEST_SHARPNESS_STEP", "0", "796d0fe90ffd104c"),
    ("CVITX_BEST_CENTRE_STEP", "0", "7c69de3a6389df0c"),
    ("CVITX_BEST_OUTLIER_AREA", "0", "1cdd818026be3a7b"),
    ("CVITX_BEST_EDGE_PX", "4", "6946ffc8ba316308"),
    ("CVITX_EDGE_PX", "4", "6946ffc8ba316308"),
    ("CVITX_SNAPSHOT_CROP_MARGIN", "0.2", "653bc4dd76281f1a"),
    ("CVITX_CROP_MARGIN", "0.2", "653bc4dd76281f1a"),
    ("CVITX_SNAPSHOT_JPEG_QUALITY", "90", "b5a744b232225c70"),
    ("CVITX_JPEG_QUALITY", "90", "b5a744b232225c70"),
]
NOT_IN_THE_KEY = {"CVITX_DETECTOR_BATCH": "7", "CVITX_SNAPSHOT_UPLOAD_WORKERS": "2", "CVITX_THREADS": "3"}


def key(config: WorkerConfig, stride: int = 3) -> str:
    vision = PipelineTraits(DETECTOR, config.detector, EMBEDDER, config.track)
    return run_key_of(stride, vision, run_poller.output_settings(config))


def loaded(**named: str) -> WorkerConfig:
    return load({"CVITX_ENV_OVERRIDES": "1", **named})


@pytest.mark.parametrize(("stride", "expected"), [(1, "ca1d5cf0f8bb23ff"), (3, DEFAULT_KEY)])
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
