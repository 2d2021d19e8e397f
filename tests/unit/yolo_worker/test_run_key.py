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
DEFAULT_KEY = "3271d748872c4b31"
"""At stride 3. These keys were computed before the settings had groups, under the variables' former names."""
KEYS = [
    ("CVITX_S3_BUCKET", "another-bucket", "280cb5bb29eb59ea"),
    ("CVITX_DETECTOR_SIZE_PX", "960", "e498a9957e8d45a1"),
    ("CVITX_DETECTOR_CONFIDENCE", "0.3", "edca39fc6261188d"),
    ("CVITX_DETECTOR_IOU", "0.6", "4c57c746fbf6347c"),
    ("CVITX_DETECTOR_CONTAINMENT", "0.7", "71471fdc6309442f"),
    ("CVITX_DETECTOR_INSIDE", "0.7", "71471fdc6309442f"),
    ("CVITX_DETECTOR_MIN_BOX_PX", "20", "f3f501e51271a833"),
    ("CVITX_MIN_BOX_PX", "20", "f3f501e51271a833"),
    ("CVITX_TRACK_N_INIT", "4", "f3a0c7bb78cc9d13"),
    ("CVITX_TRACK_CONFIRM_S", "1", "d378420d4c4d65cf"),
    ("CVITX_TRACK_CONFIDENCE", "0.5", "0426920a116f444e"),
    ("CVITX_TRACK_MAX_AGE_S", "2", "d5035189f1e94d55"),
    ("CVITX_TRACK_GAP_S", "1", "078e244b9f4c4b06"),
    ("CVITX_TRACK_SPEED", "3", "e6ec82ee9f222b93"),
    ("CVITX_TRACK_MAX_COSINE", "0.3", "1f993b869bb05988"),
    ("CVITX_TRACK_MAX_IOU_DISTANCE", "0.8", "914fe5df614afe6c"),
    ("CVITX_TRACK_NN_BUDGET", "50", "4723307363bbe689"),
    ("CVITX_TRACK_EMBED_INTERVAL_S", "0", "d12d2ea4b4f61d5c"),
    ("CVITX_TRACK_LOOK_S", "0", "d12d2ea4b4f61d5c"),
    ("CVITX_BEST_AREA_STEP", "0", "acab7c647d89ee4c"),
    ("CVITX_BEST_CONFIDENCE_STEP", "0", "042048f31ffd3639"),
    ("CVITX_BEST_SHARPNESS_STEP", "0", "c67e552f7bfd79a1"),
    ("CVITX_BEST_CENTRE_STEP", "0", "07e6d40722b71e06"),
    ("CVITX_BEST_EDGE_PX", "4", "6033301b6e76b51f"),
    ("CVITX_EDGE_PX", "4", "6033301b6e76b51f"),
    ("CVITX_SNAPSHOT_CROP_MARGIN", "0.2", "d4284b7a5806e805"),
    ("CVITX_CROP_MARGIN", "0.2", "d4284b7a5806e805"),
    ("CVITX_SNAPSHOT_JPEG_QUALITY", "90", "3e682c2775b03626"),
    ("CVITX_JPEG_QUALITY", "90", "3e682c2775b03626"),
]
NOT_IN_THE_KEY = {"CVITX_DETECTOR_BATCH": "7", "CVITX_SNAPSHOT_UPLOAD_WORKERS": "2", "CVITX_THREADS": "3"}


def key(config: WorkerConfig, stride: int = 3) -> str:
    vision = PipelineTraits(DETECTOR, config.detector, EMBEDDER, config.track)
    return run_key_of(stride, vision, run_poller.output_settings(config))


def loaded(**named: str) -> WorkerConfig:
    return load({"CVITX_ENV_OVERRIDES": "1", **named})


@pytest.mark.parametrize(("stride", "expected"), [(1, "8e6045e3916b674d"), (3, DEFAULT_KEY)])
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
