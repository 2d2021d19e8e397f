"""Plan views, floors and lamps in the usual shapes, so that a model's module only says what is its own."""

from __future__ import annotations

import math

from video_analysis.simulator.vehicles.shell import Line
from video_analysis.simulator.vehicles.trim import Trim, band, pair, sign, slats

Points = tuple[tuple[float, float], ...]


def plan(length: float, nose: float = 0.76, tail: float = 0.8, round_m: float = 0.4) -> Line:
    """A plan view: shares of the half width at nose and tail, and how long the corners' rounds are."""
    r = round_m
    return (
        (0.0, nose),
        (r * 0.25, nose + 0.62 * (1 - nose)),
        (r, 0.965),
        (r + 0.7, 1.0),
        (length - r - 0.7, 1.0),
        (length - r, 0.97),
        (length - r * 0.2, tail + 0.62 * (1 - tail)),
        (length, tail),
    )


def cab_plan(length: float, nose: float = 0.78, round_m: float = 0.4) -> Line:
    """The plan view of a cab: round in front, straight where the load follows."""
    return (
        (0.0, nose),
        (round_m * 0.25, nose + 0.62 * (1 - nose)),
        (round_m, 0.965),
        (round_m + 0.5, 1.0),
        (length, 1.0),
    )


def floor(length: float, clearance: float, chin: float = 0.05, tuck: float = 0.1) -> Line:
    """The lower edge: raised by `chin` at the nose and by `tuck` at the tail."""
    return ((0.0, clearance + chin), (0.3, clearance), (length - 0.45, clearance), (length, clearance + tuck))


def scaled(points: Points, share: float) -> Points:
    """An outline drawn in towards its middle."""
    a = sum(p for p, _ in points) / len(points)
    b = sum(q for _, q in points) / len(points)
    return tuple((a + (p - a) * share, b + (q - b) * share) for p, q in points)


def head(*points: tuple[float, float], lens: float = 0.7) -> list[Trim]:
    """Head lamps: a dark housing with a bright lens in it."""
    return [pair("front", "housing", *points, detail=5), pair("front", "lamp", *scaled(points, lens), detail=5)]


def round_head(share: float, z: float, radius: float, width: float) -> list[Trim]:
    """Round head lamps in chrome rings: where, how large (metres), and the body's width."""

    def circle(r: float) -> Points:
        angles = [math.tau * i / 10 for i in range(10)]
        return tuple((share + r / (width / 2) * math.cos(a), z + r * math.sin(a)) for a in angles)

    ring, lens = circle(radius * 1.3), circle(radius)
    return [pair("front", "chrome", *ring, detail=5), pair("front", "lamp", *lens, detail=5)]


def strip_lamp(*points: tuple[float, float], material: str = "drl") -> Trim:
    """A thin daytime running light."""
    return pair("front", material, *points, detail=10)


def tail(*points: tuple[float, float]) -> Trim:
    """Tail lamps."""
    return pair("rear", "tail", *points, detail=5)


def side_tail(length: float, reach: float, low: float, high: float, slant: float = 0.0) -> Trim:
    """Where a tail lamp runs round the corner into the flank."""
    outline = ((length - reach + slant, low), (length - 0.03, low), (length - 0.03, high), (length - reach, high))
    return Trim("side", "tail", outline, detail=8)


def side_head(reach: float, low: float, high: float, start: float = 0.08) -> Trim:
    """Where a head lamp runs round the corner into the wing."""
    return Trim(
        "side", "lamp", ((start, low), (start + reach, high - 0.03), (start + reach, high), (start, high)), detail=8
    )


def front_plate(z: float) -> Trim:
    """The number plate on the nose."""
    return sign("front", "plate", (0, z), (0.48, 0.15))


def rear_plate(z: float) -> list[Trim]:
    """The number plate in its recess on the tail."""
    return [band("rear", "seam", (z - 0.1, z + 0.11), (0.34, 0.34)), sign("rear", "plate", (0, z), (0.48, 0.15))]


def bumper(view_front: bool, low: float, high: float, half: float = 0.72) -> Trim:
    """The dark lower part of a bumper."""
    return band("front" if view_front else "rear", "plastic", (low, high), (half, half * 0.94), detail=6)


def rear_screen(low: float, high: float, wide: float, narrow: float) -> Trim:
    """The window of an upright tail."""
    return band("rear", "glass", (low, high), (wide, narrow), detail=3)


def grille(low: float, high: float, wide: float, narrow: float, bars: int = 0, material: str = "chrome") -> list[Trim]:
    """A dark opening with bright bars in it."""
    return [
        band("front", "black", (low, high), (wide, narrow), detail=5),
        *slats("front", material, (low, high), min(wide, narrow) * 0.97, bars),
    ]
