"""The detections of one frame, as the tracker needs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.detection.postprocess import containment_of
from video_analysis.yolo_worker.tracking.geometry import Corner, Corners, Point, cut_edges
from video_analysis.yolo_worker.types import Boxes, Embedding, Embeddings

COVERED_SHARE = 0.3
"""A box that one in front covers by this share is not embedded for later comparisons: the vector would show both."""

Embed = Callable[[Boxes], Embeddings]
"""One embedding per box."""


class Observation:
    """Boxes without the camera's shift, and the embeddings of those that need one."""

    def __init__(self, time_s: float, boxes: Boxes, shift: tuple[float, float], size_px: tuple[int, int]) -> None:
        """`boxes` are in px of the frame, whose width and height are `size_px`."""
        offset = np.array(shift * 2)
        self.time_s = time_s
        self.boxes: Corners = boxes[:, :4].astype(np.float64) - offset
        self.types: NDArray[np.intp] = boxes[:, 5].astype(np.intp)
        self.confidences: Sequence[float] = boxes[:, 4].tolist()
        self.frame: Corner = np.array([0, 0, *size_px]) - offset
        self.covered = self._covered()
        self.cut: NDArray[np.bool_] = cut_edges(self.boxes, self.frame)
        """N×4, of each edge of each box: it is cut by the frame, so that an embedding shows a part of the vehicle."""
        self._detected = boxes
        self._embeddings: dict[int, Embedding] = {}

    def __len__(self) -> int:
        return len(self.boxes)

    def embed(self, rows: Sequence[int], embed: Embed) -> None:
        """Compute the embeddings of these rows."""
        self._embeddings |= zip(rows, embed(self._detected[list(rows)]), strict=True)

    def features(self, rows: Sequence[int]) -> Embeddings:
        """The embeddings of rows that were embedded, at least one."""
        return np.stack([self._embeddings[row] for row in rows])

    def lesson(self, row: int) -> Embedding | None:
        """The embedding of a row if there is one and it shows this vehicle only."""
        return None if self.covered[row] else self._embeddings.get(row)

    def is_whole(self, row: int) -> bool:
        """Nothing hides a part of the vehicle."""
        return not (self.covered[row] or self.cut[row].any())

    def exit(self, row: int) -> Point:
        """Directions (right, down: -1, 0 or 1) in which the frame's edge cuts the box."""
        left, top, right, bottom = self.cut[row].astype(np.float64)
        return np.array([right - left, bottom - top])

    def _covered(self) -> NDArray[np.bool_]:
        """Of each box: another one, whose lower edge is lower in the picture, covers a part of it."""
        if len(self.boxes) < 2:
            return np.zeros(len(self.boxes), np.bool_)
        is_in_front = self.boxes[None, :, 3] > self.boxes[:, None, 3]
        share = np.where(is_in_front, containment_of(self.boxes, self.boxes), 0)
        covered: NDArray[np.bool_] = share.max(1) >= COVERED_SHARE
        return covered
