"""Where roadside cameras hang: five usual places, each with its spread of height, angle and lens."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.geometry import Camera, Point
from video_analysis.simulator.scenery.roadway import Roadway


def looking_at(name: str, position: Point, target: Point, focal_px: float) -> Camera:
    """A camera at `position` whose middle shows `target`."""
    dx, dy, dz = (target[i] - position[i] for i in range(3))
    return Camera(name, position, math.atan2(dy, dx), math.atan2(-dz, math.hypot(dx, dy)), focal_px)


def _gantry(rng: np.random.Generator, road: Roadway) -> Camera:
    y = rng.uniform(-0.5, 0.5) * road.half_m
    return looking_at(
        "gantry", (0, y, rng.uniform(6.2, 8.0)), (rng.uniform(19, 25), y * 0.5, 0), rng.uniform(950, 1200)
    )


def _pole(rng: np.random.Generator, road: Roadway) -> Camera:
    side = rng.choice([-1, 1])
    position = (0.0, side * (road.half_m + 0.8), rng.uniform(4.6, 6.2))
    return looking_at(
        "pole",
        position,
        (rng.uniform(15, 20), side * rng.uniform(-0.1, 0.35) * road.half_m, 0.3),
        rng.uniform(850, 1050),
    )


def _corner(rng: np.random.Generator, road: Roadway) -> Camera:
    side = rng.choice([-1, 1])
    position = (0.0, side * (road.half_m + 2.4), rng.uniform(3.6, 4.8))
    return looking_at(
        "corner", position, (rng.uniform(9, 12), side * rng.uniform(0.0, 0.4) * road.half_m, 0.5), rng.uniform(800, 950)
    )


def _side(rng: np.random.Generator, road: Roadway) -> Camera:
    side = rng.choice([-1, 1])
    position = (0.0, side * (road.half_m + rng.uniform(5.5, 8.0)), rng.uniform(3.0, 4.8))
    return looking_at("side", position, (rng.uniform(1.5, 6.0), side * 0.2 * road.half_m, 0.7), rng.uniform(850, 1000))


def _high(rng: np.random.Generator, road: Roadway) -> Camera:
    side = rng.choice([-1, 1])
    position = (0.0, side * (road.half_m + rng.uniform(1.0, 4.0)), rng.uniform(9.5, 12.5))
    return looking_at(
        "high", position, (rng.uniform(18, 24), side * rng.uniform(-0.2, 0.2) * road.half_m, 0), rng.uniform(1150, 1400)
    )


CAMERAS: dict[str, Callable[[np.random.Generator, Roadway], Camera]] = {
    "gantry": _gantry,
    "pole": _pole,
    "corner": _corner,
    "side": _side,
    "high": _high,
}


def visible_length_m(camera: Camera, road: Roadway) -> float:
    """How much of the road, in metres, shows a car at 20 px height or more; lanes averaged."""
    return 2.0 * float(np.mean(_shows(camera, road, 20).sum(axis=1)))


def reach_m(camera: Camera, road: Roadway) -> tuple[float, float]:
    """From which X to which a car shows in the frame at 11 px height or more."""
    seen = np.flatnonzero(_shows(camera, road, 11).any(axis=0))
    return float(_ALONG[seen[0]]), float(_ALONG[seen[-1]])


_ALONG = np.arange(-60, 200, 2.0)


def _shows(camera: Camera, road: Roadway, least_px: float) -> NDArray[np.bool_]:
    """For four lines along the road and places _ALONG them, whether a car there is in the frame and large enough."""
    rows = []
    for y in np.linspace(-road.half_m + 2, road.half_m - 2, 4):
        points = np.column_stack([_ALONG, np.full_like(_ALONG, y), np.full_like(_ALONG, 0.7)]).astype(np.float32)
        pixels, depth = camera.project(points)
        inside = (depth > 1) & (camera.focal_px * 1.5 / np.maximum(depth, 1) >= least_px)
        inside &= (pixels > 0).all(axis=1) & (pixels[:, 0] < camera.width_px) & (pixels[:, 1] < camera.height_px)
        rows.append(inside)
    return np.stack(rows)
