"""One frame: the backdrop, then vehicles and the furniture before them from back to front, then the truth about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.blur import smear
from video_analysis.simulator.rendering.geometry import Camera, Floats
from video_analysis.simulator.rendering.glow import add_halos
from video_analysis.simulator.rendering.lighting import Daylight
from video_analysis.simulator.rendering.ordering import back_to_front
from video_analysis.simulator.rendering.raster import Sprite, draw
from video_analysis.simulator.rendering.shadows import darken
from video_analysis.simulator.scenery.backdrop import Backdrop
from video_analysis.simulator.scenery.props import Prop
from video_analysis.simulator.scenery.roadway import Roadway
from video_analysis.simulator.truth import SeenVehicle
from video_analysis.simulator.vehicles.vehicle import Vehicle

Image = NDArray[np.uint8]
SMALLEST_PX = 24
"""Silhouettes of fewer pixels are not worth a line of truth."""
Rect = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What all frames of a scene share."""

    backdrop: Backdrop
    camera: Camera
    road: Roadway
    light: Daylight


@dataclass(frozen=True, slots=True)
class _Silhouette:
    box: Rect
    pixels: int


def compose(stage: Stage, vehicles: Sequence[Vehicle]) -> tuple[Image, tuple[SeenVehicle, ...]]:
    """Paint a frame without sensor effects; gives the picture and what is true of it."""
    near = [one for one in vehicles if _in_view(one, stage.camera)]
    frame = darken(stage.backdrop.picture, near, stage.camera, stage.light)
    sprites = [paint(stage, one) for one in near]
    shown = [
        (one, sprite) for one, sprite in zip(near, sprites, strict=True) if sprite is not None and sprite.coverage.size
    ]
    props = [
        prop for prop in stage.backdrop.props if any(_overlap(_rect_of(prop), _rect(sprite)) for _, sprite in shown)
    ]
    ids = np.zeros(frame.shape[:2], np.uint16)
    outlines: dict[int, _Silhouette] = {}
    for index in _order(stage, [one for one, _ in shown], props):
        if index < len(shown):
            outlines[index] = _put(frame, ids, shown[index][1], index + 1)
        else:
            _cover(frame, ids, props[index - len(shown)])
    if stage.light.lamps_on:
        _halos(stage, frame, ids, [one for one, _ in shown])
    seen = np.bincount(ids[ids > 0], minlength=len(shown) + 1)
    truth = [_describe(shown[i][0], outlines[i], int(seen[i + 1]), stage.camera) for i in range(len(shown))]
    return frame, tuple(one for one in truth if one is not None)


def paint(stage: Stage, one: Vehicle) -> Sprite | None:
    """One vehicle as it looks where it is: local light, haze, motion blur. Standing vehicles are painted once."""
    state = (one.pose, one.braking)
    if one.painted is None or one.painted[0] != state:
        one.painted = (state, _paint(stage, one))
    return one.painted[1]


def _paint(stage: Stage, one: Vehicle) -> Sprite | None:
    light, pose = stage.light, one.pose
    if light.light == "night":
        share = float(stage.road.lamp_light(np.array([pose.x_m]), np.array([pose.y_m]))[0])
        light = replace(light, sun_colour=light.sun_colour * share, sky=light.sky * (0.4 + 0.6 * share))
    skin = one.look.skin(lamps=light.lamps_on, brakes=one.braking)
    sprite = draw(one.look.mesh, pose, stage.camera, skin, light, one.rolled, one.look.picture)
    if sprite is None:
        return None
    return smear(sprite, stage.camera, pose, one.speed, light.shutter_s)


def _in_view(one: Vehicle, camera: Camera) -> bool:
    """Whether some of its box can lie in the frame (a cheap test before painting)."""
    mesh = one.look.mesh
    corners = np.array(
        [[x, y, z] for x in (mesh.low[0], mesh.high[0]) for y in (mesh.low[1], mesh.high[1]) for z in (0, mesh.high[2])]
    )
    pixels, depth = camera.project(one.pose.to_world(corners.astype(np.float32)))
    if depth.min() < 1.0:
        return bool(depth.max() > 3.0)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    return bool(high[0] > 0 and high[1] > 0 and low[0] < camera.width_px and low[1] < camera.height_px)


def _order(stage: Stage, vehicles: list[Vehicle], props: list[Prop]) -> list[int]:
    """Indices of vehicles, then props, as they are to be painted."""
    boxes = [_box(one) for one in vehicles] + [(prop.low, prop.high) for prop in props]
    if not boxes:
        return []
    low, high = np.stack([low for low, _ in boxes]), np.stack([high for _, high in boxes])
    return back_to_front(low, high, stage.camera.eye)


def _box(one: Vehicle) -> tuple[Floats, Floats]:
    mesh = one.look.mesh
    ends = np.array(
        [
            [x, y, z]
            for x in (mesh.low[0], mesh.high[0])
            for y in (mesh.low[1], mesh.high[1])
            for z in (0, mesh.high[2])
        ],
        np.float32,
    )
    world = one.pose.to_world(ends)
    return world.min(axis=0), world.max(axis=0)


def _put(frame: Image, ids: NDArray[np.uint16], sprite: Sprite, number: int) -> _Silhouette:
    """Lay a sprite over the frame and its number over the map of who is seen where."""
    height, width = sprite.coverage.shape
    cut = (slice(sprite.top, sprite.top + height), slice(sprite.left, sprite.left + width))
    _blend(frame[cut], sprite.colour, sprite.coverage)
    inside = sprite.silhouette
    ids[cut][inside] = number
    x, y, wide, high = cv2.boundingRect(inside.view(np.uint8))
    return _Silhouette(
        (sprite.left + x, sprite.top + y, sprite.left + x + wide, sprite.top + y + high), int(np.count_nonzero(inside))
    )


def _cover(frame: Image, ids: NDArray[np.uint16], prop: Prop) -> None:
    """Lay furniture over the frame where vehicles have been painted behind it."""
    height, width = prop.coverage.shape
    cut = (slice(prop.top, prop.top + height), slice(prop.left, prop.left + width))
    rows, columns = np.flatnonzero(ids[cut].any(axis=1)), np.flatnonzero(ids[cut].any(axis=0))
    if not len(rows):
        return
    a, b, c, d = max(int(rows[0]) - 40, 0), int(rows[-1]) + 41, max(int(columns[0]) - 40, 0), int(columns[-1]) + 41
    _blend(frame[cut][a:b, c:d], prop.colour[a:b, c:d], prop.coverage[a:b, c:d])
    ids[cut][prop.coverage >= 0.5] = 0


def _blend(region: Image, colour: Floats, coverage: Floats) -> None:
    behind = cv2.multiply(region, cv2.merge([1 - coverage] * 3), dtype=cv2.CV_32F)
    region[:] = cv2.add(behind, cv2.multiply(colour, (255.0, 255.0, 255.0, 0)), dtype=cv2.CV_8U)


def _halos(stage: Stage, frame: Image, ids: NDArray[np.uint16], vehicles: list[Vehicle]) -> None:
    strength = {"night": 0.9, "dusk": 0.6, "day": 0.35}[stage.light.light]
    for index, one in enumerate(vehicles):
        add_halos(frame, ids, index + 1, one.look.mesh, one.pose, stage.camera, strength=strength, brakes=one.braking)


def _describe(one: Vehicle, outline: _Silhouette, visible_px: int, camera: Camera) -> SeenVehicle | None:
    if outline.pixels < SMALLEST_PX:
        return None
    x1, y1, x2, y2 = outline.box
    model = one.look.model
    return SeenVehicle(
        id=one.id,
        type=model.type,
        make=model.make,
        model=model.model,
        colors=one.look.paints,
        plate=one.look.plate,
        box=outline.box,
        visible_fraction=round(visible_px / outline.pixels, 4),
        visible_px=visible_px,
        cut=x1 <= 0 or y1 <= 0 or x2 >= camera.width_px or y2 >= camera.height_px,
    )


def _rect(sprite: Sprite) -> Rect:
    height, width = sprite.coverage.shape
    return sprite.left, sprite.top, sprite.left + width, sprite.top + height


def _rect_of(prop: Prop) -> Rect:
    height, width = prop.coverage.shape
    return prop.left, prop.top, prop.left + width, prop.top + height


def _overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
