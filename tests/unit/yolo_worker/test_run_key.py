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
DEFAULT_KEY = "1ec14f8f1cfde028"
"""At stride 3, with ASSOCIATION 4. Field names and settings are those of the first release of the key."""
KEYS = [
    ("CVITX_S3_BUCKET", "another-bucket", "04c356d38266f10a"),
    ("CVITX_DETECTOR_SIZE_PX", "960", "734a2200ea3137fe"),
    ("CVITX_DETECTOR_CONFIDENCE", "0.3", "4fb110731d159540"),
    ("CVITX_DETECTOR_IOU", "0.6", "15dd769a10c944c7"),
    ("CVITX_DETECTOR_CONTAINMENT", "0.7", "cb99e2102c6ce9f8"),
    ("CVITX_DETECTOR_INSIDE", "0.7", "cb99e2102c6ce9f8"),
    ("CVITX_DETECTOR_MIN_BOX_PX", "20", "33d9eefb9e4fe163"),
    ("CVITX_MIN_BOX_PX", "20", "33d9eefb9e4fe163"),
    ("CVITX_TRACK_N_INIT", "4", "1565769f9d567964"),
    ("CVITX_TRACK_CONFIRM_S", "1", "9cfcc6fd64b5066d"),
    ("CVITX_TRACK_CONFIDENCE", "0.5", "e2eac282fcd08956"),
    ("CVITX_TRACK_MAX_AGE_S", "2", "ab6822be41c3d16d"),
    ("CVITX_TRACK_GAP_S", "1", "7ed725752935a8b5"),
    ("CVITX_TRACK_SPEED", "3", "609ca1ac7def7f5a"),
    ("CVITX_TRACK_MAX_COSINE", "0.3", "8fdff17684b1496d"),
    ("CVITX_TRACK_MAX_IOU_DISTANCE", "0.8", "18ff24d47dc00d01"),
    ("CVITX_TRACK_NN_BUDGET", "50", "8536e805b7b005c8"),
    ("CVITX_TRACK_EMBED_INTERVAL_S", "0", "80f260bc711b2dc5"),
    ("CVITX_TRACK_LOOK_S", "0", "80f260bc711b2dc5"),
    ("CVITX_BEST_AREA_STEP", "0", "afd2cafffc73af8f"),
    ("CVITX_BEST_CONFIDENCE_STEP", "0", "39c21f841a545961"),
    ("CVITX_BEST_SHARPNESS_STEP", "0", "0a3ae202b9c158db"),
    ("CVITX_BEST_CENTRE_STEP", "0", "8337e6165440362f"),
    ("CVITX_BEST_EDGE_PX", "4", "0edd0a82b6a1e733"),
    ("CVITX_EDGE_PX", "4", "0edd0a82b6a1e733"),
    ("CVITX_SNAPSHOT_CROP_MARGIN", "0.2", "994831ac85880613"),
    ("CVITX_CROP_MARGIN", "0.2", "994831ac85880613"),
    ("CVITX_SNAPSHOT_JPEG_QUALITY", "90", "835335a19a9fe191"),
    ("CVITX_JPEG_QUALITY", "90", "835335a19a9fe191"),
]
NOT_IN_THE_KEY = {"CVITX_DETECTOR_BATCH": "7", "CVITX_SNAPSHOT_UPLOAD_WORKERS": "2", "CVITX_THREADS": "3"}


def key(config: WorkerConfig, stride: int = 3) -> str:
    vision = PipelineTraits(DETECTOR, config.detector, EMBEDDER, config.track)
    return run_key_of(stride, vision, run_poller.output_settings(config))


def loaded(**named: str) -> WorkerConfig:
    return load({"CVITX_ENV_OVERRIDES": "1", **named})


@pytest.mark.parametrize(("stride", "expected"), [(1, "a3b7af27d553a6d2"), (3, DEFAULT_KEY)])
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
