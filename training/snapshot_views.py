"""Views of a vehicle's crop as a main model's trunk takes them: augmented for training, or as stage 1 stores it."""

from __future__ import annotations

import cv2
import numpy as np

from video_analysis.devstack.untrained_model import labels_of
from video_analysis.main_worker.classification.labels import Labels
from video_analysis.simulator.vehicles.fleet import hierarchy
from video_analysis.training.augmentation import camera_degraded, relit, tilted, worn
from video_analysis.training.networks import LOOK_PX
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.letterbox import encode_snapshot, letterbox

LEARN_PX = 2 * LOOK_PX
"""Crops to train on are letterboxed to this side length: a snapshot has more pixels, not more detail."""
DEGRADED_SHARE = TILTED_SHARE = 0.5
QUALITY = WorkerConfig().snapshot.jpeg_quality


def labels(name: str) -> Labels:
    """The simulator's labels and hierarchy."""
    return labels_of(hierarchy(), name)


def augmented(rng: np.random.Generator, crop: Image, *, tilt: bool = False) -> Image:
    """A random view, LOOK_PX×LOOK_PX×3 BGR; every second one is what a cheap camera records, and tilted if `tilt`."""
    seen = worn(rng, relit(rng, crop))
    if tilt and rng.random() < TILTED_SHARE:
        seen = tilted(rng, seen)
    if rng.random() < DEGRADED_SHARE:
        seen = camera_degraded(rng, seen)
    return _reduced(letterbox(seen, LEARN_PX))


def as_stored(crop: Image) -> Image:
    """The view of the snapshot that stage 1 stores, LOOK_PX×LOOK_PX×3 BGR."""
    stored = np.frombuffer(encode_snapshot(crop, QUALITY), np.uint8)
    return _reduced(np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8))


def _reduced(image: Image) -> Image:
    """Averaged over blocks, as the trunk does it."""
    return np.asarray(cv2.resize(image, (LOOK_PX, LOOK_PX), interpolation=cv2.INTER_AREA), np.uint8)
