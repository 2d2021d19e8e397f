"""The detector's pre- and postprocessing: frames to network input, network output to boxes in the frame. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_utils.imaging.letterbox import LETTERBOX_GREY
from video_analysis.worker_utils.inference import preprocess
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.types import Boxes, Image

STRIDE_PX = 32
"""Both sides of the input are multiples of the stride of the detector's coarsest level."""
MOTORCYCLE = YOLO_TYPES.index("Motorcycle")
Corners = NDArray[np.float32] | NDArray[np.float64]
"""N×4 or wider: x1, y1, x2, y2 in px."""
TO_UNIT_RANGE = preprocess.normalisation_lut()
"""Scales 0..255 to 0..1, as in training."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Placement of a frame in the detector's input: scaled by `scale`, then moved by (left_px, top_px)."""

    width_px: int
    height_px: int
    scale: float
    left_px: int
    top_px: int

    @classmethod
    def fit(cls, frame_shape: tuple[int, ...], size_px: int, fixed: tuple[int, int] = (-1, -1)) -> Letterbox:
        """For a frame of H×W: the long side is scaled to `size_px`, the short side is padded to a multiple of 32.

        `fixed` is the (height, width) of a network with a fixed input size, -1 for each side that is dynamic.
        """
        height, width = frame_shape[:2]
        longest = max(height, width)
        inner = [max(1, round(side * size_px / longest)) for side in (height, width)]
        outer = [
            free if free > 0 else -(-side // STRIDE_PX) * STRIDE_PX for free, side in zip(fixed, inner, strict=True)
        ]
        scale = min(outer[0] / height, outer[1] / width, size_px / longest)
        inner_height, inner_width = round(height * scale), round(width * scale)
        return cls(outer[1], outer[0], scale, (outer[1] - inner_width) // 2, (outer[0] - inner_height) // 2)

    def apply(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """[N, 3, H, W] float32 RGB, 0..1. All images have the shape that the letterbox was made for."""
        batch = np.full((len(images), 3, self.height_px, self.width_px), TO_UNIT_RANGE[0, LETTERBOX_GREY], np.float32)
        for image, target in zip(images, batch, strict=True):
            height, width = image.shape[:2]
            inner = (max(1, round(width * self.scale)), max(1, round(height * self.scale)))
            resized = image if inner == (width, height) else cv2.resize(image, inner, interpolation=cv2.INTER_LINEAR)
            rows = slice(self.top_px, self.top_px + inner[1])
            preprocess.fill_chw(resized, TO_UNIT_RANGE, target[:, rows, self.left_px : self.left_px + inner[0]])
        return batch

    def undo(self, boxes: Boxes, frame_shape: tuple[int, ...]) -> Boxes:
        """Boxes in px of the input → boxes in px of the frame, clipped to it."""
        height, width = frame_shape[:2]
        offset = np.array([self.left_px, self.top_px] * 2, np.float32)
        corners = (boxes[:, :4] - offset) / np.float32(self.scale)
        clipped = np.clip(corners, 0, np.array([width, height] * 2, np.float32))
        return np.concatenate([clipped, boxes[:, 4:]], axis=1, dtype=np.float32)


def candidates(prediction: NDArray[np.float32], classes: Mapping[int, int], confidence: float) -> Boxes:
    """The boxes of one frame whose best class is in `classes` and has at least this confidence.

    `prediction` is the output of a YOLO head: [4 + C, A] (centre, size, class scores), or [300, 6] if NMS is built in.
    `classes` maps the detector's class to the class of the result.
    """
    if prediction.shape[1] == 6:
        confident = prediction[prediction[:, 4] >= confidence]
    else:
        confident = _rows(prediction[:, prediction[4:].max(0) >= confidence])
    mapped = np.full(int(max([*classes, *confident[:, 5]], default=0)) + 1, -1, np.float32)
    mapped[list(classes)] = list(classes.values())
    rows = np.column_stack([confident[:, :5], mapped[confident[:, 5].astype(np.intp)]])
    return rows[rows[:, 5] >= 0].astype(np.float32)


def _rows(prediction: NDArray[np.float32]) -> NDArray[np.float32]:
    centre, half, scores = prediction[:2].T, prediction[2:4].T / 2, prediction[4:].T
    return np.column_stack([centre - half, centre + half, scores.max(1), scores.argmax(1)])


def suppress(boxes: Boxes, iou: float, containment: float) -> Boxes:
    """Non-maximum suppression across classes: of the boxes of one vehicle, the most confident one is kept.

    Two boxes are merged if their IoU exceeds `iou`, or if intersection ÷ smaller area exceeds `containment` (a part of
    a hidden car that was detected as a second car). Containment never merges a motorcycle with another type. All
    boxes are processed, without a limit. The result is sorted by falling confidence; ties keep their order.
    """
    remaining = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    kept = []
    while len(remaining):
        best, remaining = remaining[:1], remaining[1:]
        kept.append(best)
        mergeable = (best[:, 5] == MOTORCYCLE) == (remaining[:, 5] == MOTORCYCLE)
        contained = mergeable & (_containment(best, remaining)[0] > containment)
        remaining = remaining[(overlaps(best, remaining)[0] <= iou) & ~contained]
    return np.concatenate(kept) if kept else np.zeros((0, 6), np.float32)


def overlaps(one: Corners, other: Corners) -> Corners:
    """Intersection over union of each pair of N×4 and M×4 corner boxes (further columns are ignored): N×M, 0..1."""
    shared = _intersection(one, other)
    return _ratio(shared, _areas(one)[:, None] + _areas(other)[None, :] - shared)


def _containment(one: Corners, other: Corners) -> Corners:
    """Intersection ÷ smaller area of each pair: N×M, 0..1."""
    return _ratio(_intersection(one, other), np.minimum(_areas(one)[:, None], _areas(other)[None, :]))


def containment_of(inner: Corners, outer: Corners) -> Corners:
    """Share of each inner box that lies in each outer box: N×M, 0..1."""
    shared = _intersection(inner, outer)
    return _ratio(shared, np.broadcast_to(_areas(inner)[:, None], shared.shape))


def _intersection(one: Corners, other: Corners) -> Corners:
    corner_min = np.maximum(one[:, None, :2], other[None, :, :2])
    corner_max = np.minimum(one[:, None, 2:4], other[None, :, 2:4])
    shared: Corners = np.clip(corner_max - corner_min, 0, None).prod(2)
    return shared


def _areas(boxes: Corners) -> Corners:
    areas: Corners = np.clip(boxes[:, 2:4] - boxes[:, :2], 0, None).prod(1)
    return areas


def _ratio(part: Corners, whole: Corners) -> Corners:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
