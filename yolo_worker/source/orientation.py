"""How a picture must be turned and mirrored: the display matrix of ISO/IEC 14496-12, 8.3.2. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight: transpose first, then flip."""

    transpose: bool = False
    flip_x: bool = False
    """Left and right are exchanged."""
    flip_y: bool = False
    """Top and bottom are exchanged."""


UPRIGHT = Orientation()


def orientation(matrix: Sequence[int]) -> Orientation:
    """The nearest of the eight orientations.

    `matrix` is a b u c d v x y w in fixed point: the point (p, q) is displayed at (a·p + c·q, b·p + d·q).
    """
    a, b, _, c, d = matrix[:5]
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(transpose=True, flip_x=c < 0, flip_y=b < 0)
    return Orientation(flip_x=a < 0, flip_y=d < 0)
