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
DEFAULT_KEY = "ea162f1af69079e4"
"""At stride 3. The keys change with ASSOCIATION, and only with it."""
KEYS = [
    ("CVITX_S3_BUCKET", "another-bucket", "95065009c93fc5e2"),
    ("CVITX_DETECTOR_SIZE_PX", "960", "58bcaa7da33edadd"),
    ("CVITX_DETECTOR_CONFIDENCE", "0.3", "43a1c8d5e07fbb0c"),
    ("CVITX_DETECTOR_IOU", "0.6", "869ae50b9e7cad07"),
    ("CVITX_DETECTOR_CONTAINMENT", "0.7", "b1cd5141328987e6"),
    ("CVITX_DETECTOR_INSIDE", "0.7", "b1cd5141328987e6"),
    ("CVITX_DETECTOR_MIN_BOX_PX", "20", "d88094ca02efeafd"),
    ("CVITX_MIN_BOX_PX", "20", "d88094ca02efeafd"),
    ("CVITX_TRACK_N_INIT", "4", "1d948de15fa529ec"),
    ("CVITX_TRACK_CONFIRM_S", "1", "466d8cdf64200cf8"),
    ("CVITX_TRACK_CONFIDENCE", "0.5", "4508fe8795c347c1"),
    ("CVITX_TRACK_MAX_AGE_S", "2", "0a5e0b4d362cd1b7"),
    ("CVITX_TRACK_GAP_S", "2", "63fe7ffb38175d3a"),
    ("CVITX_TRACK_SPEED", "3", "9bdd23286398730d"),
    ("CVITX_TRACK_MAX_COSINE", "0.3", "acc155d7767b7e73"),
    ("CVITX_TRACK_MAX_IOU_DISTANCE", "0.8", "caeceb708f936579"),
    ("CVITX_TRACK_NN_BUDGET", "50", "3970302a3b0b8c1c"),
    ("CVITX_TRACK_LINK_S", "5", "9b410e78e4e4c166"),
    ("CVITX_TRACK_EMBED_INTERVAL_S", "0", "5e859daa99a47484"),
    ("CVITX_TRACK_LOOK_S", "0", "5e859daa99a47484"),
    ("CVITX_BEST_AREA_STEP", "0", "700b91bf957e7467"),
    ("CVITX_BEST_CONFIDENCE_STEP", "0", "66f7ddb4052570e9"),
    ("CVITX_BEST_SHARPNESS_STEP", "0", "6e62ed7e74bd09d3"),
    ("CVITX_BEST_CENTRE_STEP", "0", "cbf0a8b351fa806f"),
    ("CVITX_BEST_OUTLIER_AREA", "0", "bda95421465d21c4"),
    ("CVITX_BEST_EDGE_PX", "4", "d54164d2e27b5d9c"),
    ("CVITX_EDGE_PX", "4", "d54164d2e27b5d9c"),
    ("CVITX_SNAPSHOT_CROP_MARGIN", "0.2", "75fac1d88477c2bf"),
    ("CVITX_CROP_MARGIN", "0.2", "75fac1d88477c2bf"),
    ("CVITX_SNAPSHOT_JPEG_QUALITY", "90", "d083eba3c47fcba5"),
    ("CVITX_JPEG_QUALITY", "90", "d083eba3c47fcba5"),
]
NOT_IN_THE_KEY = {"CVITX_DETECTOR_BATCH": "7", "CVITX_SNAPSHOT_UPLOAD_WORKERS": "2", "CVITX_THREADS": "3"}


def key(config: WorkerConfig, stride: int = 3) -> str:
    vision = PipelineTraits(DETECTOR, config.detector, EMBEDDER, config.track)
    return run_key_of(stride, vision, run_poller.output_settings(config))


def loaded(**named: str) -> WorkerConfig:
    return load({"CVITX_ENV_OVERRIDES": "1", **named})


@pytest.mark.parametrize(("stride", "expected"), [(1, "2a3fd01d3bddcca3"), (3, DEFAULT_KEY)])
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
