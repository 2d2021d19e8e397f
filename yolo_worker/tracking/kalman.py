"""Constant-velocity Kalman filters for the boxes of all tracks, as arrays.

Each edge of a box has a filter of its own: an edge at the border of the frame does not move while the opposite one
does. The noise is proportional to the size of the box, as in DeepSORT (Wojke et al., 2017), and grows with the time
between two frames instead of their number. The covariance of one edge is the symmetric 2×2 matrix of place and speed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.tracking.geometry import Corner, Corners, cut_edges, sizes

Rows = Sequence[int] | NDArray[np.intp]
"""Rows of the bank."""

MEASURED = 0.05
"""Standard deviation of a detected edge, in sizes of the box: the square root of its area."""
PLACE_DRIFT = 0.1
"""Standard deviation by which a place drifts in one second, in sizes."""
SPEED_DRIFT = 0.8
"""Standard deviation by which a speed changes in one second, in sizes per second."""
FIRST_SPEED = 2.0
"""Standard deviation of the speed of a box that was seen once, in sizes per second."""


class KalmanBank:
    """The filters of all tracks. Rows are in the order of `add`; `keep` removes some."""

    def __init__(self) -> None:
        self.boxes: Corners = np.zeros((0, 4))
        """The current estimate of each box."""
        self.speeds: Corners = np.zeros((0, 4))
        """Speed of each edge in px per second."""
        self._place = self._both = self._speed = np.zeros((0, 4))

    def add(self, boxes: Corners) -> None:
        """Start filters at the detected `boxes`."""
        size = sizes(boxes)
        self.boxes = np.concatenate([self.boxes, boxes])
        self.speeds = np.concatenate([self.speeds, np.zeros_like(boxes)])
        self._place = np.concatenate([self._place, np.broadcast_to((MEASURED * size) ** 2, boxes.shape)])
        self._both = np.concatenate([self._both, np.zeros_like(boxes)])
        self._speed = np.concatenate([self._speed, np.broadcast_to((FIRST_SPEED * size) ** 2, boxes.shape)])

    def keep(self, rows: Rows) -> None:
        """Remove all filters but `rows`."""
        self.boxes, self.speeds = self.boxes[rows], self.speeds[rows]
        self._place, self._both, self._speed = self._place[rows], self._both[rows], self._speed[rows]

    def predict(self, elapsed_s: float) -> None:
        """Move all boxes by their speeds."""
        size = sizes(self.boxes)
        self.boxes = self.boxes + self.speeds * elapsed_s
        self._place = self._place + (2 * self._both + self._speed * elapsed_s) * elapsed_s
        self._place += (PLACE_DRIFT * size) ** 2 * elapsed_s
        self._both = self._both + self._speed * elapsed_s
        self._speed = self._speed + (SPEED_DRIFT * size) ** 2 * elapsed_s

    def update(self, rows: Rows, boxes: Corners) -> None:
        """Correct the filters of `rows` by the detected `boxes`."""
        place, both = self._place[rows], self._both[rows]
        total = place + (MEASURED * sizes(self.boxes[rows])) ** 2
        place_gain, speed_gain = place / total, both / total
        missing = boxes - self.boxes[rows]
        self.boxes[rows] += place_gain * missing
        self.speeds[rows] += speed_gain * missing
        self._speed[rows] -= speed_gain * both
        self._both[rows] -= place_gain * both
        self._place[rows] -= place_gain * place

    def make_rigid(self, rows: Rows, frame: Corner) -> None:
        """Let opposite edges move alike, for boxes that are not detected: growth cannot be extrapolated.

        An edge at the border of `frame` takes the speed of the opposite one.
        """
        boxes, speeds = self.boxes[rows], self.speeds[rows]
        cut = cut_edges(boxes, frame)
        cut &= ~np.roll(cut, 2, axis=1)
        other = np.roll(speeds, 2, axis=1)
        self.speeds[rows] = np.where(cut, other, np.where(np.roll(cut, 2, axis=1), speeds, (speeds + other) / 2))

    def stop(self, rows: Rows, boxes: Corners) -> None:
        """Put `rows` at rest in `boxes`."""
        self.boxes[rows], self.speeds[rows] = boxes, 0
