"""Street furniture: lamp posts, utility poles, signs and trees, each a still picture with a place on the ground.

They are part of the backdrop, and are laid over the vehicles that drive behind them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.geometry import Camera, Floats, Point
from video_analysis.simulator.rendering.lighting import Daylight, haze, tone
from video_analysis.simulator.scenery.roadway import LAMP_SPACING_M, Roadway

NEAREST_M = 6.0
NEAREST_POLE_M = 10.0
NEAREST_TREE_M = 13.0
_RING = np.ones((3, 3), np.uint8)
Painter = Callable[["Easel"], None]


@dataclass(frozen=True, slots=True, eq=False)
class Prop:
    """A still picture: display colours premultiplied by coverage, and the box (world metres) it fills."""

    left: int
    top: int
    colour: Floats
    coverage: Floats
    low: Floats
    high: Floats


@dataclass(slots=True, eq=False)
class Easel:
    """Where one prop is painted: the whole frame's size, linear colours, cut out afterwards."""

    camera: Camera
    light: Daylight
    colour: Floats
    coverage: NDArray[np.uint8]

    def rod(self, start: Point, end: Point, radius: float, albedo: Floats) -> None:
        """A round pole, lit from the sun's side."""
        pixels, depth = self.camera.project(np.array([start, end], np.float32))
        if depth.min() < 0.5:
            return
        width = max(1.0, radius * 2 * self.camera.focal_px / float(depth.mean()))
        along = pixels[1] - pixels[0]
        normal = np.array([-along[1], along[0]]) / (float(np.hypot(*along)) or 1.0)
        sunny = float(np.sign(normal @ (self.camera.axes[:2] @ self.light.sun))) or 1.0
        for strip in range(3):
            edges = [(strip / 3 - 0.5) * width * sunny, ((strip + 1) / 3 - 0.5) * width * sunny]
            quad = [
                pixels[0] + normal * edges[0],
                pixels[1] + normal * edges[0],
                pixels[1] + normal * edges[1],
                pixels[0] + normal * edges[1],
            ]
            lit = albedo * (self.light.sky * 0.75 + self.light.sun_colour * (0.05, 0.35, 0.7)[strip])
            self.polygon(np.array(quad), lit)

    def board(self, middle: Point, size: tuple[float, float], albedo: Floats, across: Point = (0, 1, 0)) -> None:
        """A flat rectangle: width along `across`, height upright."""
        way = np.array(across, np.float32) * size[0] / 2
        up = np.array([0, 0, size[1] / 2], np.float32)
        centre = np.array(middle, np.float32)
        pixels, depth = self.camera.project(
            np.stack([centre - way - up, centre + way - up, centre + way + up, centre - way + up])
        )
        if depth.min() > 0.5:
            self.polygon(pixels, albedo * (self.light.sky + self.light.sun_colour * 0.3))

    def polygon(self, pixels: Floats, colour: Floats) -> None:
        """Fill a convex polygon in the picture and its coverage."""
        points = np.round(np.clip(pixels, -4000, 4000) * 16).astype(np.int32)
        cv2.fillConvexPoly(self.colour, points, colour.tolist(), cv2.LINE_8, 4)
        cv2.fillConvexPoly(self.coverage, points, 255, cv2.LINE_AA, 4)


def make_prop(camera: Camera, light: Daylight, low: Point, high: Point, painter: Painter) -> Prop | None:
    """Let a painter fill an easel, and cut out what it painted."""
    shape = (camera.height_px, camera.width_px)
    easel = Easel(camera, light, np.zeros((*shape, 3), np.float32), np.zeros(shape, np.uint8))
    painter(easel)
    left, top, width, height = cv2.boundingRect(easel.coverage)
    if width == 0 or height == 0:
        return None
    cut = (slice(top, top + height), slice(left, left + width))
    distance = math.dist(camera.position[:2], low[:2])
    colour = np.where(
        easel.colour[cut].any(axis=2, keepdims=True), easel.colour[cut], cv2.dilate(easel.colour[cut], _RING)
    )
    dim = 0.4 if light.light == "night" else 1.0
    shown = haze(tone(colour * light.exposure * dim), light, distance)
    coverage = (easel.coverage[cut] / 255).astype(np.float32)
    return Prop(left, top, shown * coverage[..., None], coverage, np.array(low, np.float32), np.array(high, np.float32))


def place_props(camera: Camera, road: Roadway, light: Daylight, rng: np.random.Generator) -> list[Prop]:
    """Draw the furniture along a road, as far as the camera sees it."""
    wanted: list[tuple[Point, Point, Painter, float]] = []
    for x in np.arange(road.lamp_offset_m - 2 * LAMP_SPACING_M, 150, LAMP_SPACING_M).tolist():
        wanted += [_lamp(x, 1, road), _lamp(x, -1, road)]
    edge = road.half_m
    for x in np.arange(rng.uniform(4, 12), 110, rng.uniform(16, 30)).tolist():
        side = int(rng.choice([-1, 1]))
        wanted.append(_utility_pole(x, side * (edge + 0.9)))
        wanted.append(_sign(x + rng.uniform(3, 9), -side * (edge + 0.5), rng))
    for x in np.arange(rng.uniform(8, 14), 130, rng.uniform(7, 16)).tolist():
        side = int(rng.choice([-1, 1]))
        wanted.append(_tree(x, side * (edge + road.pavement_m * rng.uniform(0.5, 1.6)), rng))
    return [prop for prop in (_if_near(camera, light, *one) for one in wanted) if prop is not None]


def _if_near(camera: Camera, light: Daylight, low: Point, high: Point, painter: Painter, nearest: float) -> Prop | None:
    middle = np.array([[(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, 1.0]], np.float32)
    _, depth = camera.project(middle)
    return make_prop(camera, light, low, high, painter) if depth[0] > nearest else None


def _lamp(x: float, side: int, road: Roadway) -> tuple[Point, Point, Painter, float]:
    y = side * (road.half_m + 0.45)
    head = side * (road.half_m - 1.4)

    def paint(easel: Easel) -> None:
        grey = np.array([0.3, 0.3, 0.29], np.float32)
        easel.rod((x, y, 0), (x, y, 7.6), 0.07, grey)
        easel.rod((x, y, 7.6), (x, head, 8.2), 0.045, grey)
        bulb = np.array([6.0, 8.0, 9.0], np.float32) if easel.light.light != "day" else grey
        easel.board((x, head, 8.18), (0.7, 0.14), bulb)

    return (x - 0.1, y - 0.1, 0), (x + 0.1, y + 0.1, 7.6), paint, NEAREST_M


def _utility_pole(x: float, y: float) -> tuple[Point, Point, Painter, float]:
    def paint(easel: Easel) -> None:
        concrete = np.array([0.26, 0.28, 0.29], np.float32)
        easel.rod((x, y, 0), (x, y, 9.5), 0.14, concrete)
        easel.rod((x, y - 0.9, 9.0), (x, y + 0.9, 9.0), 0.05, concrete * 0.5)
        easel.rod((x, y, 7.2), (x + 0.02, y, 8.1), 0.3, concrete * 0.9)
        easel.board((x - 0.16, y, 2.1), (0.3, 0.45), np.array([0.1, 0.5, 0.6], np.float32))

    return (x - 0.15, y - 0.15, 0), (x + 0.15, y + 0.15, 9.5), paint, NEAREST_POLE_M


def _sign(x: float, y: float, rng: np.random.Generator) -> tuple[Point, Point, Painter, float]:
    colours = ((0.08, 0.05, 0.55), (0.45, 0.16, 0.03), (0.05, 0.25, 0.04), (0.06, 0.5, 0.68))
    albedo = np.array(colours[int(rng.integers(len(colours)))], np.float32)
    size = (float(rng.uniform(0.5, 1.0)), float(rng.uniform(0.5, 0.9)))

    def paint(easel: Easel) -> None:
        easel.rod((x, y, 0), (x, y, 2.3), 0.035, np.array([0.4, 0.4, 0.4], np.float32))
        easel.board((x - 0.05, y, 2.55), size, albedo)
        easel.board((x - 0.06, y, 2.55), (size[0] * 0.7, size[1] * 0.22), np.array([0.7, 0.7, 0.7], np.float32))

    return (x - 0.06, y - 0.3, 0), (x + 0.06, y + 0.3, 3.0), paint, NEAREST_M


def _tree(x: float, y: float, rng: np.random.Generator) -> tuple[Point, Point, Painter, float]:
    height, crown = rng.uniform(4.5, 9.0), rng.uniform(1.4, 2.6)
    seed = int(rng.integers(1 << 30))

    def paint(easel: Easel) -> None:
        easel.rod((x, y, 0), (x, y, height - crown), 0.13, np.array([0.06, 0.08, 0.10], np.float32))
        _crown(easel, (x, y, height - crown * 0.6), crown, np.random.default_rng(seed))

    return (x - 0.2, y - 0.2, 0), (x + 0.2, y + 0.2, height), paint, NEAREST_TREE_M


def _crown(easel: Easel, middle: Point, radius: float, rng: np.random.Generator) -> None:
    """Leaves in clumps, painted from the shaded inside to the lit outside."""
    count = 420
    way = rng.normal(0, 1, (count, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    reach = radius * rng.uniform(0.35, 1.0, count) ** 0.6
    offsets = way * reach[:, None] * [1, 1, 0.75]
    lumps = 0.18 * radius * np.sin(offsets * 2.6 / radius * 3)
    pixels, depth = easel.camera.project((np.array(middle) + offsets + lumps).astype(np.float32))
    lit = np.clip(0.3 + 0.45 * way[:, 2] + 0.35 * (way @ easel.light.sun), 0.08, 1.0) * reach / radius
    green = np.array([0.035, 0.125, 0.06]) * rng.uniform(0.8, 1.4, (count, 1)) * np.array([1.0, 1.0, 1.2])
    for index in np.argsort(lit):
        size = max(1.0, float(rng.uniform(0.09, 0.17) * radius * easel.camera.focal_px / depth[index]))
        colour = green[index] * (easel.light.sky + easel.light.sun_colour * lit[index]) * (0.5 + lit[index])
        angles = np.arange(7) * math.tau / 7 + index
        ring = pixels[index] + size * rng.uniform(0.6, 1.2, (7, 1)) * np.column_stack(
            [np.cos(angles), np.sin(angles) * 0.8]
        )
        easel.polygon(ring.astype(np.float32), colour)
