"""Finds the parts of a video's picture that show a scene: without bars, and one per tile of a recorder's mosaic. Pure.

A bar has one colour and is constant over time, up to the noise of the codec, and the picture begins at a straight line
along its whole side. Dark parts of a scene fail one of the two. A burnt-in text may lie in a bar. In doubt the whole
picture is active.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.types import Area, Image

FEWEST_SAMPLES, MOST_SAMPLES = 2, 200
NOISE_LEVELS = 3
"""A bar's pixel differs from the bar's colour by at most this, in each sample. Grey levels, 0 to 255."""
EVEN_LEVELS = 1
"""The mean over time differs by at most this, where the codec does not disturb it."""
LINE_TEXT_SHARE, BAR_TEXT_SHARE = 0.25, 0.15
"""Shares of the pixels of one line of a bar, and of the whole bar, that may differ: text."""
FEWEST_LINES = 2
HALO_PX = 16
"""The codec may disturb a bar so near to the picture: one macroblock."""
EDGE_LEVELS, EDGE_SHARE = 8, 0.7
"""The picture begins where the level departs from the bar's by at least this, on at least this share of the side."""
SPARSE = 4
LEAST_SHARE = 0.25
"""Of width and height of a region that remain between its bars."""

Level = NDArray[np.float32]
Plane = NDArray[Any]
SIDES: tuple[Callable[[Plane], Plane], ...] = (
    lambda plane: plane,
    lambda plane: plane.T,
    lambda plane: plane[:, ::-1],
    lambda plane: plane.T[:, ::-1],
)
"""Turn a plane so that its left, top, right or bottom side is at the left: the order of an Area."""


@dataclass(frozen=True, slots=True)
class Planes:
    """The samples of a region, per pixel: darkest, brightest and mean grey level. H×W each."""

    low: NDArray[np.uint8]
    high: NDArray[np.uint8]
    mean: Level

    def within(self, area: Area) -> Planes:
        """The part inside an area. No copy."""
        x1, y1, x2, y2 = area
        return self._mapped(lambda plane: plane[y1:y2, x1:x2])

    def seen_from(self, side: int) -> Planes:
        """Turned so that this side is at the left. No copy."""
        return self._mapped(SIDES[side])

    def differs(self, colour: float) -> NDArray[np.bool_]:
        """Where a sample is not of this grey level."""
        mask: NDArray[np.bool_] = (self.low < colour - NOISE_LEVELS) | (self.high > colour + NOISE_LEVELS)
        return mask

    @property
    def is_blank(self) -> bool:
        """One colour all over, except for text. By every fourth row and column."""
        some = self._mapped(lambda plane: plane[::SPARSE, ::SPARSE])
        return self.mean.size == 0 or bool(some.differs(float(np.median(some.mean))).mean() <= BAR_TEXT_SHARE)

    def _mapped(self, view: Callable[[Plane], Plane]) -> Planes:
        return Planes(view(self.low), view(self.high), view(self.mean))

    @property
    def whole(self) -> Area:
        """The area that covers everything."""
        height, width = self.mean.shape
        return 0, 0, width, height


class Samples:
    """Collects pictures of one video. Memory: 4 bytes per pixel, however many there are."""

    def __init__(self) -> None:
        self._low: NDArray[np.uint8] | None = None
        self._high: NDArray[np.uint8]
        self._sum: NDArray[np.uint16]
        self._count = 0

    def add(self, image: Image) -> None:
        """Take a picture into account. One of another size than the first is ignored."""
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        if self._low is None:
            self._low, self._high, self._sum, self._count = grey, grey.copy(), grey.astype(np.uint16), 1
        elif grey.shape == self._low.shape and self._count < MOST_SAMPLES:
            np.minimum(self._low, grey, out=self._low)
            np.maximum(self._high, grey, out=self._high)
            self._sum += grey
            self._count += 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the first picture in px."""
        if self._low is None:
            raise ValueError("no picture yet")
        return self._low.shape[1], self._low.shape[0]

    @property
    def planes(self) -> Planes | None:
        """None where there are too few pictures to judge by."""
        if self._low is None or self._count < FEWEST_SAMPLES:
            return None
        return Planes(self._low, self._high, np.divide(self._sum, self._count, dtype=np.float32))


def without_bars(planes: Planes) -> Area:
    """The part between the bars; everything where there are none."""
    bars = _proposed(planes)
    for _ in SIDES:
        edges = [_edge(planes.within(_extent(planes, bars, side)).seen_from(side), bars[side]) for side in range(4)]
        rejected = [side for side in range(4) if bars[side] and not edges[side]]
        if not rejected:
            return _checked(planes, edges)
        bars = [0 if side in rejected else bar for side, bar in enumerate(bars)]
    return planes.whole


def _proposed(planes: Planes) -> list[int]:
    """Width of the plain lines at each side in px, without those of the other sides."""
    bars, before = [0, 0, 0, 0], [-1]
    while before != bars:
        before = list(bars)
        for side in range(4):
            inside = planes.within(_between(planes, bars))
            bars[side] += 0 if inside.mean.size == 0 else _plain_lines(inside.seen_from(side))
    return bars


def _plain_lines(planes: Planes) -> int:
    """Columns from the left that have the colour of the first one, except for text."""
    colour = float(np.median(planes.mean[:, 0]))
    if planes.within((0, 0, 1, len(planes.mean))).differs(colour).mean() > LINE_TEXT_SHARE:
        return 0
    differs = planes.differs(colour)
    busy = np.flatnonzero(differs.mean(0) > LINE_TEXT_SHARE)
    lines = int(busy[0]) if len(busy) else differs.shape[1]
    if lines < FEWEST_LINES or differs[:, :lines].mean() > BAR_TEXT_SHARE:
        return 0
    undisturbed = np.abs(planes.mean[:, : max(0, lines - HALO_PX)] - colour) <= EVEN_LEVELS
    return lines if undisturbed.size == 0 or undisturbed.mean() >= 1 - BAR_TEXT_SHARE else 0


def _edge(planes: Planes, bar: int) -> int:
    """Where the picture begins, at the end of a bar at the left; 0 if there is no bar or no straight edge."""
    first, last = max(bar - 1, 2), min(bar + HALO_PX, planes.mean.shape[1] - 2)
    if not bar or planes.mean.size == 0 or first >= last:
        return 0
    columns = np.arange(first, last + 1)
    is_picture = np.abs(planes.mean - np.median(planes.mean[:, 0])) >= EDGE_LEVELS
    sharp = (is_picture[:, columns + 1] & ~is_picture[:, columns - 2]).mean(0)
    height = np.abs(planes.mean[:, columns] - planes.mean[:, columns - 1]).mean(0)
    height[sharp < EDGE_SHARE] = -1
    best = int(np.argmax(height))
    return int(columns[best]) if height[best] >= 0 else 0


def _between(planes: Planes, bars: Sequence[int]) -> Area:
    _, _, width, height = planes.whole
    return bars[0], bars[1], max(bars[0], width - bars[2]), max(bars[1], height - bars[3])


def _extent(planes: Planes, bars: Sequence[int], side: int) -> Area:
    """Between the two bars that meet this side, as far as the picture's opposite sides."""
    kept = [bar if other % 2 != side % 2 else 0 for other, bar in enumerate(bars)]
    return _between(planes, kept)


def _checked(planes: Planes, edges: Sequence[int]) -> Area:
    x1, y1, x2, y2 = area = _between(planes, edges)
    _, _, width, height = planes.whole
    is_large = x2 - x1 >= LEAST_SHARE * width and y2 - y1 >= LEAST_SHARE * height
    return area if is_large else planes.whole
