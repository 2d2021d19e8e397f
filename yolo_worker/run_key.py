"""The run key: the name of one way to process a video. Pure.

Equal keys find the same tracks and cut the same snapshots, so a redelivered video finds its rows again by it. The names
in the table are frozen, whatever the attributes are called today: another name would be another key, and each video
that is delivered again would get a second row per vehicle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from video_analysis.worker_config import BestSettings, DetectorSettings, SnapshotSettings, TrackSettings
from video_analysis.yolo_worker.tracking.settings import ASSOCIATION


@dataclass(frozen=True, slots=True)
class NetworkTraits:
    """What decides a network's output."""

    weights: str
    """SHA-256 of the file."""
    precision: str


@dataclass(frozen=True, slots=True)
class VisionTraits:
    """Everything that decides which tracks are found in given frames."""

    detector: NetworkTraits
    detection: DetectorSettings
    embedder: NetworkTraits
    track: TrackSettings


@dataclass(frozen=True, slots=True)
class ShotSettings:
    """How the best frame of a track is chosen, cut out and stored."""

    bucket: str
    best: BestSettings
    snapshot: SnapshotSettings


def run_key_of(stride: int, vision: VisionTraits, shots: ShotSettings) -> str:
    """16 hex digits of the SHA-256 of the table."""
    document = json.dumps(table(stride, vision, shots), sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:16]


def table(stride: int, vision: VisionTraits, shots: ShotSettings) -> Mapping[str, object]:
    """Frozen names and their values. A name is never changed; what is not in the table does not change the key."""
    best, snapshot = shots.best, shots.snapshot
    return {
        "stride": stride,
        **vision_table(vision),
        "snapshot": {
            "bucket": shots.bucket,
            "jpeg_quality": snapshot.jpeg_quality,
            "selection": {
                "area_step": best.area_step,
                "confidence_step": best.confidence_step,
                "sharpness_step": best.sharpness_step,
                "centre_step": best.centre_step,
                "edge_px": best.edge_px,
                "crop_margin": snapshot.crop_margin,
            },
        },
    }


def vision_table(vision: VisionTraits) -> Mapping[str, object]:
    """The part of the table that decides the tracks."""
    detection, track = vision.detection, vision.track
    return {
        "detector": {
            "weights": vision.detector.weights,
            "precision": vision.detector.precision,
            "size_px": detection.size_px,
            "confidence": detection.confidence,
            "iou": detection.iou,
            "inside": detection.containment,
            "min_box_px": detection.min_box_px,
        },
        "embedder": {"weights": vision.embedder.weights, "precision": vision.embedder.precision},
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
            "look_s": track.embed_interval_s,
        },
    }
