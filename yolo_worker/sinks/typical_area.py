"""Which boxes of a track are much larger than those before and after them. Pure.

A detection that contains two vehicles, or has grown onto a neighbour, is larger than the vehicle for a few frames. A
vehicle that comes near grows faster and faster: at constant speed its distance, and with it the inverse of its size in
the picture, falls by the same amount each time (pinhole camera). This line is estimated from the neighbours (median
slope: Theil, 1950).
"""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise
from statistics import median

NEIGHBOURS = 5
"""Detections before and after a box with which it is compared."""
LEAST_NEIGHBOURS = 3
"""With fewer of them in all, every box is typical."""
SMALLEST_PX = 1.0
"""Area of an empty box: no size is 0."""


class AreaHistory:
    """The areas of a track's latest boxes."""

    def __init__(self) -> None:
        self._latest: deque[tuple[int, float]] = deque(maxlen=2 * NEIGHBOURS + 1)
        """Position, and inverse of the size: of the square root of the area."""
        self.count = 0
        """Boxes so far."""

    def add(self, area: float) -> None:
        """The area of the next box, in px²."""
        self._latest.append((self.count, 1 / math.sqrt(max(area, SMALLEST_PX))))
        self.count += 1

    def is_typical(self, position: int, factor: float) -> bool:
        """The box at `position`, one of the latest, is at most `factor` times what its neighbours let expect."""
        inverse = dict(self._latest)[position]
        around = [(at, other) for at, other in self._latest if 0 < abs(at - position) <= NEIGHBOURS]
        if len(around) < LEAST_NEIGHBOURS:
            return True
        slope = median((after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(around))
        expected = median(other + slope * (position - at) for at, other in around)
        return inverse * math.sqrt(factor) >= expected
