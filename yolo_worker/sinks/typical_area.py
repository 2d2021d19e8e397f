"""Which boxes of a track are much larger than those before and after them. Pure.

A detection that contains two vehicles, or has grown onto a neighbour, is larger than the vehicle for a few frames. A
vehicle that comes near grows steadily: its growth is estimated from the neighbours (median slope: Theil, 1950).
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
"""Area of an empty box, for its logarithm."""


class AreaHistory:
    """The areas of a track's latest boxes."""

    def __init__(self) -> None:
        self._latest: deque[tuple[int, float]] = deque(maxlen=2 * NEIGHBOURS + 1)
        """Position, and logarithm of the area."""
        self.count = 0
        """Boxes so far."""

    def add(self, area: float) -> None:
        """The area of the next box, in px²."""
        self._latest.append((self.count, math.log(max(area, SMALLEST_PX))))
        self.count += 1

    def is_typical(self, position: int, factor: float) -> bool:
        """The box at `position`, one of the latest, is at most `factor` times what its neighbours let expect."""
        area = dict(self._latest)[position]
        around = [(at, log) for at, log in self._latest if 0 < abs(at - position) <= NEIGHBOURS]
        if len(around) < LEAST_NEIGHBOURS:
            return True
        growth = median((after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(around))
        expected = median(log + growth * (position - at) for at, log in around)
        return area <= expected + math.log(factor)
