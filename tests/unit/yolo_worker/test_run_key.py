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
DEFAULT_KEY = "12c0c8c96ce85bb3"
"""At stride 3. The keys change with ASSOCIATION, and only with it."""
KEYS = [
    ("CVITX_S3_BUCKET", "another-bucket", "7ec92798f071fc47"),
    ("CVITX_DETECTOR_SIZE_PX", "960", "9ea6265c94cbaf25"),
    ("CVITX_DETECTOR_CONFIDENCE", "0.3", "7baeef56175e3704"),
    ("CVITX_DETECTOR_IOU", "0.6", "99793676df86e3d8"),
    ("CVITX_DETECTOR_CONTAINMENT", "0.7", "a64cbca0616dbfa1"),
    ("CVITX_DETECTOR_INSIDE", "0.7", "a64cbca0616dbfa1"),
    ("CVITX_DETECTOR_MIN_BOX_PX", "20", "c621ee96191beafd"),
    ("CVITX_MIN_BOX_PX", "20", "c621ee96191beafd"),
    ("CVITX_TRACK_N_INIT", "4", "5322bbb6924ae631"),
    ("CVITX_TRACK_CONFIRM_S", "1", "d6f5b026e2b7cc51"),
    ("CVITX_TRACK_CONFIDENCE", "0.5", "825676406d1d5479"),
    ("CVITX_TRACK_MAX_AGE_S", "2", "e14c6f3dfab878b1"),
    ("CVITX_TRACK_GAP_S", "2", "ae62d91ddeaf53ce"),
    ("CVITX_TRACK_SPEED", "3", "da6aa4fa10086328"),
    ("CVITX_TRACK_MAX_COSINE", "0.3", "25e0e535c023e87e"),
    ("CVITX_TRACK_MAX_IOU_DISTANCE", "0.8", "cb71a4921916316d"),
    ("CVITX_TRACK_NN_BUDGET", "50", "c7b6cddbc3b7d81b"),
    ("CVITX_TRACK_LINK_S", "5", "5327f652474d2753"),
    ("CVITX_TRACK_EMBED_INTERVAL_S", "0", "fb342d22b8f4439d"),
    ("CVITX_TRACK_LOOK_S", "0", "fb342d22b8f4439d"),
    ("CVITX_BEST_AREA_STEP", "0", "73b38577b7943d20"),
    ("CVITX_BEST_CONFIDENCE_STEP", "0", "0c03bf20aac36744"),
    ("CVITX_BEST_SHARPNESS_STEP", "0", "967d25267e22dd22"),
    ("CVITX_BEST_CENTRE_STEP", "0", "e5bf23500bf12836"),
    ("CVITX_BEST_OUTLIER_AREA", "0", "87cfd566eda2c12c"),
    ("CVITX_BEST_EDGE_PX", "4", "05aa4ca656cdcd45"),
    ("CVITX_EDGE_PX", "4", "05aa4ca656cdcd45"),
    ("CVITX_SNAPSHOT_CROP_MARGIN", "0.2", "3878e4f4aa0ad154"),
    ("CVITX_CROP_MARGIN", "0.2", "3878e4f4aa0ad154"),
    ("CVITX_SNAPSHOT_JPEG_QUALITY", "90", "2375b84a731cb986"),
    ("CVITX_JPEG_QUALITY", "90", "2375b84a731cb986"),
]
NOT_IN_THE_KEY = {"CVITX_DETECTOR_BATCH": "7", "CVITX_SNAPSHOT_UPLOAD_WORKERS": "2", "CVITX_THREADS": "3"}


def key(config: WorkerConfig, stride: int = 3) -> str:
    vision = PipelineTraits(DETECTOR, config.detector, EMBEDDER, config.track)
    return run_key_of(stride, vision, run_poller.output_settings(config))


def loaded(**named: str) -> WorkerConfig:
    return load({"CVITX_ENV_OVERRIDES": "1", **named})


@pytest.mark.parametrize(("stride", "expected"), [(1, "6f80c0446d77fc61"), (3, DEFAULT_KEY)])
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
