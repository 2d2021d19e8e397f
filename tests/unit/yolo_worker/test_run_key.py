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
DEFAULT_KEY = "28efd0476485051b"
"""At stride 3. The keys change with ASSOCIATION and SELECTION, and only with them."""
KEYS = [
    ("CVITX_S3_BUCKET", "another-bucket", "849b0b9eb102e370"),
    ("CVITX_DETECTOR_SIZE_PX", "960", "9332f10b8ab01b85"),
    ("CVITX_DETECTOR_CONFIDENCE", "0.3", "742d342532abcabe"),
    ("CVITX_DETECTOR_IOU", "0.6", "d978476acd58f1ba"),
    ("CVITX_DETECTOR_CONTAINMENT", "0.7", "f69cdb2e8ac81d09"),
    ("CVITX_DETECTOR_INSIDE", "0.7", "f69cdb2e8ac81d09"),
    ("CVITX_DETECTOR_MIN_BOX_PX", "20", "498913c7f81a2d2d"),
    ("CVITX_MIN_BOX_PX", "20", "498913c7f81a2d2d"),
    ("CVITX_TRACK_N_INIT", "4", "f814a0c3fb51e7f1"),
    ("CVITX_TRACK_CONFIRM_S", "1", "0d7b7de854b09fc7"),
    ("CVITX_TRACK_CONFIDENCE", "0.5", "90965c9819e644a5"),
    ("CVITX_TRACK_MAX_AGE_S", "2", "b962d08dd44b5d0f"),
    ("CVITX_TRACK_GAP_S", "2", "fe0e3c893a81c361"),
    ("CVITX_TRACK_SPEED", "3", "5a3763295454e9f9"),
    ("CVITX_TRACK_MAX_COSINE", "0.3", "198f180fb1d54578"),
    ("CVITX_TRACK_MAX_IOU_DISTANCE", "0.8", "f3b503e03e9068b0"),
    ("CVITX_TRACK_NN_BUDGET", "50", "b116f62b1be9cc36"),
    ("CVITX_TRACK_LINK_S", "5", "7cba64bb630e443a"),
    ("CVITX_TRACK_EMBED_INTERVAL_S", "0", "4d7e22e77dc6ef30"),
    ("CVITX_TRACK_LOOK_S", "0", "4d7e22e77dc6ef30"),
    ("CVITX_BEST_AREA_STEP", "0", "6f1007f8faa5ad6d"),
    ("CVITX_BEST_CONFIDENCE_STEP", "0", "63d95cb9aa588595"),
    ("CVITX_BEST_SHARPNESS_STEP", "0", "c4404662c57d622e"),
    ("CVITX_BEST_CENTRE_STEP", "0", "dfb457588d9954b2"),
    ("CVITX_BEST_OUTLIER_AREA", "0", "b226a0c279f7ff82"),
    ("CVITX_BEST_EDGE_PX", "4", "1b76a7bb0925b352"),
    ("CVITX_EDGE_PX", "4", "1b76a7bb0925b352"),
    ("CVITX_SNAPSHOT_CROP_MARGIN", "0.2", "df738ebea76bc50e"),
    ("CVITX_CROP_MARGIN", "0.2", "df738ebea76bc50e"),
    ("CVITX_SNAPSHOT_JPEG_QUALITY", "90", "367f884c39ad31a3"),
    ("CVITX_JPEG_QUALITY", "90", "367f884c39ad31a3"),
]
NOT_IN_THE_KEY = {"CVITX_DETECTOR_BATCH": "7", "CVITX_SNAPSHOT_UPLOAD_WORKERS": "2", "CVITX_THREADS": "3"}


def key(config: WorkerConfig, stride: int = 3) -> str:
    vision = PipelineTraits(DETECTOR, config.detector, EMBEDDER, config.track)
    return run_key_of(stride, vision, run_poller.output_settings(config))


def loaded(**named: str) -> WorkerConfig:
    return load({"CVITX_ENV_OVERRIDES": "1", **named})


@pytest.mark.parametrize(("stride", "expected"), [(1, "8ce11fc2917c60fe"), (3, DEFAULT_KEY)])
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
