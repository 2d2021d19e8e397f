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
DEFAULT_KEY = "8b4393eab43db096"
"""At stride 3. The keys change with ASSOCIATION, and only with it."""
KEYS = [
    ("CVITX_S3_BUCKET", "another-bucket", "7b96b6506a5a7a63"),
    ("CVITX_DETECTOR_SIZE_PX", "960", "fbcf0e5f3c7d37e8"),
    ("CVITX_DETECTOR_CONFIDENCE", "0.3", "bf7b2f5e850285fa"),
    ("CVITX_DETECTOR_IOU", "0.6", "7448f8192e54a6fc"),
    ("CVITX_DETECTOR_CONTAINMENT", "0.7", "6b13e6e997c0a2fb"),
    ("CVITX_DETECTOR_INSIDE", "0.7", "6b13e6e997c0a2fb"),
    ("CVITX_DETECTOR_MIN_BOX_PX", "20", "eea9773124321f41"),
    ("CVITX_MIN_BOX_PX", "20", "eea9773124321f41"),
    ("CVITX_TRACK_N_INIT", "4", "ae3f98800a54ddff"),
    ("CVITX_TRACK_CONFIRM_S", "1", "0f65754eb0b53fd1"),
    ("CVITX_TRACK_CONFIDENCE", "0.5", "dde0f6ce44c567bc"),
    ("CVITX_TRACK_MAX_AGE_S", "2", "24f4f593a8dfba90"),
    ("CVITX_TRACK_GAP_S", "2", "de53d6ed189ba307"),
    ("CVITX_TRACK_SPEED", "3", "282517741d5af59e"),
    ("CVITX_TRACK_MAX_COSINE", "0.3", "40a9bfbe9e8af6fa"),
    ("CVITX_TRACK_MAX_IOU_DISTANCE", "0.8", "80ae986b3168308a"),
    ("CVITX_TRACK_NN_BUDGET", "50", "d0b5e82c3925b6fe"),
    ("CVITX_TRACK_LINK_S", "5", "ad1649daf92a6476"),
    ("CVITX_TRACK_EMBED_INTERVAL_S", "0", "9063fbb4c50203b2"),
    ("CVITX_TRACK_LOOK_S", "0", "9063fbb4c50203b2"),
    ("CVITX_BEST_AREA_STEP", "0", "cd65796ac3ab20f1"),
    ("CVITX_BEST_CONFIDENCE_STEP", "0", "7865849fb5a325a2"),
    ("CVITX_BEST_SHARPNESS_STEP", "0", "0fb1dcf8b99231d4"),
    ("CVITX_BEST_CENTRE_STEP", "0", "8e2fad8fece033ce"),
    ("CVITX_BEST_OUTLIER_AREA", "0", "94bf3f5bf3c3a30a"),
    ("CVITX_BEST_EDGE_PX", "4", "eb9353960187f044"),
    ("CVITX_EDGE_PX", "4", "eb9353960187f044"),
    ("CVITX_SNAPSHOT_CROP_MARGIN", "0.2", "8f51620c84fc5b2e"),
    ("CVITX_CROP_MARGIN", "0.2", "8f51620c84fc5b2e"),
    ("CVITX_SNAPSHOT_JPEG_QUALITY", "90", "e22e6bb4f4f45797"),
    ("CVITX_JPEG_QUALITY", "90", "e22e6bb4f4f45797"),
]
NOT_IN_THE_KEY = {"CVITX_DETECTOR_BATCH": "7", "CVITX_SNAPSHOT_UPLOAD_WORKERS": "2", "CVITX_THREADS": "3"}


def key(config: WorkerConfig, stride: int = 3) -> str:
    vision = PipelineTraits(DETECTOR, config.detector, EMBEDDER, config.track)
    return run_key_of(stride, vision, run_poller.output_settings(config))


def loaded(**named: str) -> WorkerConfig:
    return load({"CVITX_ENV_OVERRIDES": "1", **named})


@pytest.mark.parametrize(("stride", "expected"), [(1, "d53f1e339be416c8"), (3, DEFAULT_KEY)])
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
