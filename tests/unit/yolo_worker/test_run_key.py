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
DEFAULT_KEY = "4dcd3d529284bb30"
"""At stride 3. The keys change with ASSOCIATION, and only with it."""
KEYS = [
    ("CVITX_S3_BUCKET", "another-bucket", "4bfbe525186d1153"),
    ("CVITX_DETECTOR_SIZE_PX", "960", "d783c0b985c356cd"),
    ("CVITX_DETECTOR_CONFIDENCE", "0.3", "18ff5c3a87dbb79a"),
    ("CVITX_DETECTOR_IOU", "0.6", "0673f9934df699d9"),
    ("CVITX_DETECTOR_CONTAINMENT", "0.7", "10e30e606fdb2c93"),
    ("CVITX_DETECTOR_INSIDE", "0.7", "10e30e606fdb2c93"),
    ("CVITX_DETECTOR_MIN_BOX_PX", "20", "914433e88f31bcf2"),
    ("CVITX_MIN_BOX_PX", "20", "914433e88f31bcf2"),
    ("CVITX_TRACK_N_INIT", "4", "07af4481cf25111d"),
    ("CVITX_TRACK_CONFIRM_S", "1", "75d7a25446653582"),
    ("CVITX_TRACK_CONFIDENCE", "0.5", "05ad80ad22d967aa"),
    ("CVITX_TRACK_MAX_AGE_S", "2", "e14dede95e6b49db"),
    ("CVITX_TRACK_GAP_S", "2", "6bf7e6be40a02307"),
    ("CVITX_TRACK_SPEED", "3", "ef6057e5f909d9b5"),
    ("CVITX_TRACK_MAX_COSINE", "0.3", "f808cf9dfeb9ddc6"),
    ("CVITX_TRACK_MAX_IOU_DISTANCE", "0.8", "852a5a436868c631"),
    ("CVITX_TRACK_NN_BUDGET", "50", "895f82b790003273"),
    ("CVITX_TRACK_LINK_S", "5", "1514aab50261057c"),
    ("CVITX_TRACK_EMBED_INTERVAL_S", "0", "fda9ee992fbe697c"),
    ("CVITX_TRACK_LOOK_S", "0", "fda9ee992fbe697c"),
    ("CVITX_BEST_AREA_STEP", "0", "f69762f41d7cc833"),
    ("CVITX_BEST_CONFIDENCE_STEP", "0", "9da4f2fbaf991f60"),
    ("CVITX_BEST_SHARPNESS_STEP", "0", "c5bbcf3ed075428f"),
    ("CVITX_BEST_CENTRE_STEP", "0", "dc2f051d31b9d360"),
    ("CVITX_BEST_OUTLIER_AREA", "0", "ba99d25905481597"),
    ("CVITX_BEST_EDGE_PX", "4", "f87115c90e287047"),
    ("CVITX_EDGE_PX", "4", "f87115c90e287047"),
    ("CVITX_SNAPSHOT_CROP_MARGIN", "0.2", "8d9578b565d84b50"),
    ("CVITX_CROP_MARGIN", "0.2", "8d9578b565d84b50"),
    ("CVITX_SNAPSHOT_JPEG_QUALITY", "90", "f14e638979b28bc1"),
    ("CVITX_JPEG_QUALITY", "90", "f14e638979b28bc1"),
]
NOT_IN_THE_KEY = {"CVITX_DETECTOR_BATCH": "7", "CVITX_SNAPSHOT_UPLOAD_WORKERS": "2", "CVITX_THREADS": "3"}


def key(config: WorkerConfig, stride: int = 3) -> str:
    vision = PipelineTraits(DETECTOR, config.detector, EMBEDDER, config.track)
    return run_key_of(stride, vision, run_poller.output_settings(config))


def loaded(**named: str) -> WorkerConfig:
    return load({"CVITX_ENV_OVERRIDES": "1", **named})


@pytest.mark.parametrize(("stride", "expected"), [(1, "81d263c989b7bf1e"), (3, DEFAULT_KEY)])
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
