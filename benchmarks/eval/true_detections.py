"""A detector that returns the true boxes, to measure the errors of the tracker alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from video_analysis.benchmarks.eval.truth import ClipTruth
from video_analysis.training.ground_truth_filter import corners, is_required
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.types import DetectedFrame, Frame

LEAST_PX, LEAST_FRACTION = 20, 0.35
"""Slightly below the limits of required vehicles, as for a good detector."""
CONFIDENCE = 0.8
JITTER = 0.02
"""Standard deviation of each side, as a share of the box."""


def detect(frames: Iterable[Frame], truth: ClipTruth) -> Iterator[DetectedFrame]:
    """Each frame with the jittered boxes of its visible vehicles. The jitter of a frame is fixed."""
    for frame in frames:
        vehicles = [one for one in truth.frames[frame.index] if is_required(one, LEAST_PX, LEAST_FRACTION)]
        boxes = corners(vehicles)
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        drawn = np.random.default_rng(frame.index).normal(0, JITTER, boxes.shape)
        kinds = [[CONFIDENCE, YOLO_TYPES.index(one.type)] for one in vehicles]
        rows = np.column_stack([boxes + drawn * sides, np.array(kinds, np.float32).reshape(-1, 2)])
        yield DetectedFrame(frame, rows.astype(np.float32))
