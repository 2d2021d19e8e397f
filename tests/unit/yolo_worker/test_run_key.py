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
DEFAULT_KEY = "c6ab053a4e6f6c7f"
"""At stride 3. The keys change with ASSOCIATION, and only with it."""
KEYS = [
    ("CVITX_S3_BUCKET", "another-bucket", "f08c4b09cc34afce"),
    ("CVITX_DETECTOR_SIZE_PX", "960", "3f016672a6fd22ea"),
    ("CVITX_DETECTOR_CONFIDENCE", "0.3", "45cf32bc890aa039"),
    ("CVITX_DETECTOR_IOU", "0.6", "de67cc97d418070f"),
    ("CVITX_DETECTOR_CONTAINMENT", "0.7", "b8cb113675360603"),
    ("CVITX_DETECTOR_INSIDE", "0.7", "b8cb113675360603"),
    ("CVITX_DETECTOR_MIN_BOX_PX", "20", "63f2e94d7a7bc097"),
    ("CVITX_MIN_BOX_PX", "20", "63f2e94d7a7bc097"),
    ("CVITX_TRACK_N_INIT", "4", "6888407008d2d719"),
    ("CVITX_TRACK_CONFIRM_S", "1", "4fa7452589aa5611"),
    ("CVITX_TRACK_CONFIDENCE", "0.5", "2e67b31e94732c75"),
    ("CVITX_TRACK_MAX_AGE_S", "2", "c5d3792e933a3f79"),
    ("CVITX_TRACK_GAP_S", "2", "3256604a3ed60349"),
    ("CVITX_TRACK_SPEED", "3", "5fae62773530b659"),
    ("CVITX_TRACK_MAX_COSINE", "0.3", "ea21741dfa9dddd2"),
    ("CVITX_TRACK_MAX_IOU_DISTANCE", "0.8", "85819ffa1b2f401f"),
    ("CVITX_TRACK_NN_BUDGET", "50", "b58be054a3a115f5"),
    ("CVITX_TRACK_LINK_S", "5", "cc52fda643d4d16d"),
    ("CVITX_TRACK_EMBED_INTERVAL_S", "0", "391621a1717d3b6d"),
    ("CVITX_TRACK_LOOK_S", "0", "391621a1717d3b6d"),
    ("CVITX_BEST_AREA_STEP", "0", "6dacbd49ffb7b7c9"),
    ("CVITX_BEST_CONFIDENCE_STEP", "0", "ce5c02f728d96964"),
    ("CVITX_BEST_SHARPNESS_STEP", "0", "6ce2b7b066b6f45c"),
    ("CVITX_BEST_CENTRE_STEP", "0", "b011b5ab464ddf97"),
    ("CVITX_BEST_OUTLIER_AREA", "0", "d90298b06a0262d4"),
    ("CVITX_BEST_EDGE_PX", "4", "85b45f04c44f0294"),
    ("CVITX_EDGE_PX", "4", "85b45f04c44f0294"),
    ("CVITX_SNAPSHOT_CROP_MARGIN", "0.2", "bf1bbf8380f78b79"),
    ("CVITX_CROP_MARGIN", "0.2", "bf1bbf8380f78b79"),
    ("CVITX_SNAPSHOT_JPEG_QUALITY", "90", "f33dcb280c308906"),
    ("CVITX_JPEG_QUALITY", "90", "f33dcb280c308906"),
]
NOT_IN_THE_KEY = {"CVITX_DETECTOR_BATCH": "7", "CVITX_SNAPSHOT_UPLOAD_WORKERS": "2", "CVITX_THREADS": "3"}


def key(config: WorkerConfig, stride: int = 3) -> str:
    vision = PipelineTraits(DETECTOR, config.detector, EMBEDDER, config.track)
    return run_key_of(stride, vision, run_poller.output_settings(config))


def loaded(**named: str) -> WorkerConfig:
    return load({"CVITX_ENV_OVERRIDES": "1", **named})


@pytest.mark.parametrize(("stride", "expected"), [(1, "67468c86caf59254"), (3, DEFAULT_KEY)])
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
