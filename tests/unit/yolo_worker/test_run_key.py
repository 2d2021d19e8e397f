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
DEFAULT_KEY = "92810a31e5aeae89"
"""At stride 3. The keys change with ASSOCIATION, and only with it."""
KEYS = [
    ("CVITX_S3_BUCKET", "another-bucket", "8dc1d27f1dbf2905"),
    ("CVITX_DETECTOR_SIZE_PX", "960", "e598e08619a0b675"),
    ("CVITX_DETECTOR_CONFIDENCE", "0.3", "d9409540d1735bfd"),
    ("CVITX_DETECTOR_IOU", "0.6", "41ef08ef2c117b88"),
    ("CVITX_DETECTOR_CONTAINMENT", "0.7", "6a7de79c89b3c262"),
    ("CVITX_DETECTOR_INSIDE", "0.7", "6a7de79c89b3c262"),
    ("CVITX_DETECTOR_MIN_BOX_PX", "20", "f718937af8d2d117"),
    ("CVITX_MIN_BOX_PX", "20", "f718937af8d2d117"),
    ("CVITX_TRACK_N_INIT", "4", "a5e4b11b01c0ae31"),
    ("CVITX_TRACK_CONFIRM_S", "1", "bdefc25795ca2559"),
    ("CVITX_TRACK_CONFIDENCE", "0.5", "e3615536d2415693"),
    ("CVITX_TRACK_MAX_AGE_S", "2", "a0844b8511beabc2"),
    ("CVITX_TRACK_GAP_S", "2", "837a5976428057fd"),
    ("CVITX_TRACK_SPEED", "3", "17a112507afa33bd"),
    ("CVITX_TRACK_MAX_COSINE", "0.3", "606dfd18954cc04c"),
    ("CVITX_TRACK_MAX_IOU_DISTANCE", "0.8", "70209de3b9c8fdbf"),
    ("CVITX_TRACK_NN_BUDGET", "50", "9d0214b3c5e4931b"),
    ("CVITX_TRACK_LINK_S", "5", "029f49ca5f67f9df"),
    ("CVITX_TRACK_EMBED_INTERVAL_S", "0", "c1b31fe22c997dc8"),
    ("CVITX_TRACK_LOOK_S", "0", "c1b31fe22c997dc8"),
    ("CVITX_BEST_AREA_STEP", "0", "d18d80fb2ee9f096"),
    ("CVITX_BEST_CONFIDENCE_STEP", "0", "076c8937e0ccad83"),
    ("CVITX_BEST_SHARPNESS_STEP", "0", "205b5b0bba80414f"),
    ("CVITX_BEST_CENTRE_STEP", "0", "189d9d80b7ce6594"),
    ("CVITX_BEST_EDGE_PX", "4", "ff613b485592fc18"),
    ("CVITX_EDGE_PX", "4", "ff613b485592fc18"),
    ("CVITX_SNAPSHOT_CROP_MARGIN", "0.2", "b8fb897627b25f24"),
    ("CVITX_CROP_MARGIN", "0.2", "b8fb897627b25f24"),
    ("CVITX_SNAPSHOT_JPEG_QUALITY", "90", "5d71addb1998a19e"),
    ("CVITX_JPEG_QUALITY", "90", "5d71addb1998a19e"),
]
NOT_IN_THE_KEY = {"CVITX_DETECTOR_BATCH": "7", "CVITX_SNAPSHOT_UPLOAD_WORKERS": "2", "CVITX_THREADS": "3"}


def key(config: WorkerConfig, stride: int = 3) -> str:
    vision = PipelineTraits(DETECTOR, config.detector, EMBEDDER, config.track)
    return run_key_of(stride, vision, run_poller.output_settings(config))


def loaded(**named: str) -> WorkerConfig:
    return load({"CVITX_ENV_OVERRIDES": "1", **named})


@pytest.mark.parametrize(("stride", "expected"), [(1, "3b7a94469b7bd2d3"), (3, DEFAULT_KEY)])
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
