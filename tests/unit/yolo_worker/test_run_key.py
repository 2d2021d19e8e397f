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
DEFAULT_KEY = "9d674daf0a127add"
"""At stride 3. The keys change with ASSOCIATION, and only with it."""
KEYS = [
    ("CVITX_S3_BUCKET", "another-bucket", "30c8868708b468a9"),
    ("CVITX_DETECTOR_SIZE_PX", "960", "4067bd8e4c8701f7"),
    ("CVITX_DETECTOR_CONFIDENCE", "0.3", "530b1e85ee7b1ed5"),
    ("CVITX_DETECTOR_IOU", "0.6", "1009169edfa8418a"),
    ("CVITX_DETECTOR_CONTAINMENT", "0.7", "ef26b3a5dd7c79cf"),
    ("CVITX_DETECTOR_INSIDE", "0.7", "ef26b3a5dd7c79cf"),
    ("CVITX_DETECTOR_MIN_BOX_PX", "20", "e1b864809197c084"),
    ("CVITX_MIN_BOX_PX", "20", "e1b864809197c084"),
    ("CVITX_TRACK_N_INIT", "4", "ae3b9adbb072ac92"),
    ("CVITX_TRACK_CONFIRM_S", "1", "e56893187844a02e"),
    ("CVITX_TRACK_CONFIDENCE", "0.5", "c6a200623df72034"),
    ("CVITX_TRACK_MAX_AGE_S", "2", "b8ce383fd5c3ff28"),
    ("CVITX_TRACK_GAP_S", "2", "cdba1bfdc2a1e506"),
    ("CVITX_TRACK_SPEED", "3", "b3d1597a994905dd"),
    ("CVITX_TRACK_MAX_COSINE", "0.3", "542cdfcea95ca53a"),
    ("CVITX_TRACK_MAX_IOU_DISTANCE", "0.8", "69b9c4a64865227e"),
    ("CVITX_TRACK_NN_BUDGET", "50", "aa7c374348750f8c"),
    ("CVITX_TRACK_LINK_S", "5", "4315ec00b8685e98"),
    ("CVITX_TRACK_EMBED_INTERVAL_S", "0", "f0a7d399d2ebeac8"),
    ("CVITX_TRACK_LOOK_S", "0", "f0a7d399d2ebeac8"),
    ("CVITX_BEST_AREA_STEP", "0", "e8c17d93ae2ecad8"),
    ("CVITX_BEST_CONFIDENCE_STEP", "0", "af84f878a1f88ca7"),
    ("CVITX_BEST_SHARPNESS_STEP", "0", "8166555b5cbebbe5"),
    ("CVITX_BEST_CENTRE_STEP", "0", "40b41bb81248cc7e"),
    ("CVITX_BEST_OUTLIER_AREA", "0", "db64df3e28c2b954"),
    ("CVITX_BEST_EDGE_PX", "4", "caa5ac8f7527eea5"),
    ("CVITX_EDGE_PX", "4", "caa5ac8f7527eea5"),
    ("CVITX_SNAPSHOT_CROP_MARGIN", "0.2", "4ab02ab83d863018"),
    ("CVITX_CROP_MARGIN", "0.2", "4ab02ab83d863018"),
    ("CVITX_SNAPSHOT_JPEG_QUALITY", "90", "2e66c472bc8a103d"),
    ("CVITX_JPEG_QUALITY", "90", "2e66c472bc8a103d"),
]
NOT_IN_THE_KEY = {"CVITX_DETECTOR_BATCH": "7", "CVITX_SNAPSHOT_UPLOAD_WORKERS": "2", "CVITX_THREADS": "3"}


def key(config: WorkerConfig, stride: int = 3) -> str:
    vision = PipelineTraits(DETECTOR, config.detector, EMBEDDER, config.track)
    return run_key_of(stride, vision, run_poller.output_settings(config))


def loaded(**named: str) -> WorkerConfig:
    return load({"CVITX_ENV_OVERRIDES": "1", **named})


@pytest.mark.parametrize(("stride", "expected"), [(1, "e9f02f4d7ab54761"), (3, DEFAULT_KEY)])
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
