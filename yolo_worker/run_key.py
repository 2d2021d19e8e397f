"""The run key: a hash of everything that decides which tracks are found and which snapshots are cut. Pure.

Rows are unique per run key, so a redelivered video finds its rows again. The field names in the hash are frozen and
independent of attribute names: a renamed field would change the key, and every redelivered video would get a second row
per vehicle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from video_analysis.worker_config import BestSettings, DetectorSettings, SnapshotSettings, TrackSettings
from video_analysis.yolo_worker.tracking.settings import ASSOCIATION

SELECTION = 2
"""Version of the selection of best frames. Increase it if a change selects other frames of the same tracks."""


@dataclass(frozen=True, slots=True)
class NetworkTraits:
    """The properties of a network that determine its output."""

    weights: str
    """SHA-256 of the weights file, hexadecimal."""
    precision: str


@dataclass(frozen=True, slots=True)
class PipelineTraits:
    """Weights, precision and settings of detector, embedder and tracker. They determine the tracks in given frames."""

    detector: NetworkTraits
    detection: DetectorSettings
    embedder: NetworkTraits
    track: TrackSettings


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """How the best frame of a track is chosen, cropped and stored."""

    bucket: str
    best: BestSettings
    snapshot: SnapshotSettings


def run_key_of(stride: int, pipeline: PipelineTraits, output: OutputSettings) -> str:
    """The run key of these settings."""
    return hash_of(key_fields(stride, pipeline, output))


def hash_of(fields: Mapping[str, object]) -> str:
    """The run key: the first 16 hexadecimal digits of the SHA-256 of `key_fields`."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


def key_fields(stride: int, pipeline: PipelineTraits, output: OutputSettings) -> Mapping[str, object]:
    """The fields of the key with their frozen names. Settings that are not listed do not change the key."""
    best, snapshot = output.best, output.snapshot
    return {
        "stride": stride,
        **pipeline_fields(pipeline),
        "snapshot": {
            "bucket": output.bucket,
            "jpeg_quality": snapshot.jpeg_quality,
            "selection": {
                "rule": SELECTION,
                "area_step": best.area_step,
                "confidence_step": best.confidence_step,
                "sharpness_step": best.sharpness_step,
                "centre_step": best.centre_step,
                "outlier_area": best.outlier_area,
                "edge_px": best.edge_px,
                "crop_margin": snapshot.crop_margin,
            },
        },
    }


def pipeline_fields(pipeline: PipelineTraits) -> Mapping[str, object]:
    """The fields of the key that determine the tracks."""
    detection, track = pipeline.detection, pipeline.track
    return {
        "detector": {
            "weights": pipeline.detector.weights,
            "precision": pipeline.detector.precision,
            "size_px": detection.size_px,
            "confidence": detection.confidence,
            "iou": detection.iou,
            "inside": detection.containment,
            "min_box_px": detection.min_box_px,
        },
        "embedder": {"weights": pipeline.embedder.weights, "precision": pipeline.embedder.precision},
        "tracker": {
            "association": ASSOCIATION,
            "n_init": track.n_init,
            "confirm_s": track.confirm_s,
            "confidence": track.confidence,
            "max_age_s": track.max_age_s,
            "gap_s": track.gap_s,
            "speed": track.speed,
            "max_cosine": track.max_cosine,
            "max_iou_distance": track.max_iou_distance,
            "nn_budget": track.nn_budget,
            "link_s": track.link_s,
            "look_s": track.embed_interval_s,
        },
    }
