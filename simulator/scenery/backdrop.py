"""Everything of a scene that stands still: sky, ground, houses, walls, street furniture. Painted once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.geometry import Camera, Floats
from video_analysis.simulator.rendering.lighting import Daylight, haze, tone
from video_analysis.simulator.scenery.ground import paint_ground
from video_analysis.simulator.scenery.houses import build_houses
from video_analysis.simulator.scenery.props import Prop, place_props
from video_analysis.simulator.scenery.roadway import Roadway


@dataclass(frozen=True, slots=True, eq=False)
class Backdrop:
    """A scene without vehicles: its picture (uint8 BGR) and the furniture that can hide vehicles."""

    picture: NDArray[np.uint8]
    props: tuple[Prop, ...]

    def cropped(self, left: int, top: int, width_px: int, height_px: int) -> Backdrop:
        """A part of it."""
        picture = np.ascontiguousarray(self.picture[top : top + height_px, left : left + width_px])
        parts = (_part(prop, left, top, width_px, height_px) for prop in self.props)
        return Backdrop(picture, tuple(prop for prop in parts if prop is not None))


def _part(prop: Prop, left: int, top: int, width_px: int, height_px: int) -> Prop | None:
    """A prop's picture as far as it lies within a rectangle, in that rectangle's own pixels."""
    high, wide = prop.coverage.shape
    a, b = max(left - prop.left, 0), max(top - prop.top, 0)
    c, d = min(left + width_px - prop.left, wide), min(top + height_px - prop.top, high)
    if c <= a or d <= b:
        return None
    place = (prop.left + a - left, prop.top + b - top)
    return replace(prop, left=place[0], top=place[1], colour=prop.colour[b:d, a:c], coverage=prop.coverage[b:d, a:c])


def paint_backdrop(camera: Camera, road: Roadway, light: Daylight, rng: np.random.Generator) -> Backdrop:
    """Paint sky, ground and houses, then the furniture from far to near."""
    shown = np.ascontiguousarray(_sky(camera, light, rng))
    ground = paint_ground(camera, road, light, rng)
    x, y = camera.ground()
    clear = np.exp(-light.haze_per_m * np.nan_to_num(np.hypot(x - camera.position[0], y - camera.position[1]), nan=1e4))
    below = ~np.isnan(x)
    lit = tone(np.nan_to_num(ground) * light.exposure)
    veiled = lit * clear[..., None] + light.haze * (1 - clear[..., None])
    shown[below] = veiled[below]
    _skyline(shown, camera, light, rng)
    build_houses(shown, camera, road, light, rng)
    shown = cv2.GaussianBlur(shown, (3, 3), 0.55)
    props = place_props(camera, road, light, rng)
    for prop in sorted(props, key=lambda one: -float(np.linalg.norm(one.low - camera.eye))):
        lay(shown, prop)
    return Backdrop((np.clip(shown, 0, 1) * 255).astype(np.uint8), tuple(props))


def lay(shown: Floats, prop: Prop) -> None:
    """Put a prop into a picture of display values."""
    high, wide = prop.coverage.shape
    region = shown[prop.top : prop.top + high, prop.left : prop.left + wide]
    region *= 1 - prop.coverage[..., None]
    region += prop.colour


def _sky(camera: Camera, light: Daylight, rng: np.random.Generator) -> Floats:
    """Bright at the horizon, deeper above, with clouds."""
    v = (np.arange(camera.height_px) - camera.axis_px[1]) / camera.focal_px
    elevation = np.clip(camera.pitch * -1 - np.arctan(v), 0, 1)[:, None, None] / 0.6
    blue = np.array([1.9, 1.35, 1.0] if light.weather == "clear" and light.light == "day" else [1.2, 1.2, 1.2])
    colour = light.horizon + (light.sky * blue - light.horizon) * np.clip(elevation, 0, 1)
    linear = np.broadcast_to(colour, (camera.height_px, camera.width_px, 3)).astype(np.float32)
    clouds = np.zeros((camera.height_px, camera.width_px), np.float32)
    for cells, weight in ((5, 0.5), (11, 0.3), (25, 0.2)):
        noise = rng.normal(0, 1, (cells, cells * 2)).astype(np.float32)
        clouds += weight * cv2.resize(noise, (camera.width_px, camera.height_px), interpolation=cv2.INTER_CUBIC)
    cover = {"clear": 0.15, "overcast": 0.28, "rain": 0.2}[light.weather]
    linear = linear * (1 + cover * np.clip(clouds, -1, 1.5)[..., None])
    return tone(linear * light.exposure * (0.5 if light.light == "night" else 1.15))


def _skyline(shown: Floats, camera: Camera, light: Daylight, rng: np.random.Generator) -> None:
    """Far roofs and trees along the horizon, in two rows, nearly lost in the haze."""
    horizon = camera.axis_px[1] - camera.focal_px * np.tan(camera.pitch)
    for distance, least, most in ((420.0, 10, 34), (230.0, 5, 13)):
        left = -20.0
        while left < camera.width_px:
            wide = float(rng.uniform(18, 90)) * 230 / distance
            high = float(rng.uniform(least, most)) / distance * camera.focal_px
            foot = horizon + camera.position[2] / distance * camera.focal_px + 14
            green = rng.random() < 0.4
            tint = (
                np.array([0.62, 0.8, 0.62]) if green else rng.uniform(0.75, 1.1) + rng.uniform(-0.06, 0.06, 3)
            ) * 0.22
            colour = haze(tone(tint * (light.sky + light.sun_colour * 0.3) * light.exposure), light, distance)
            if light.light == "night":
                colour = colour * 0.5
            top, bottom = max(round(horizon - high), 0), round(foot)
            if bottom > 0:
                cv2.rectangle(shown, (round(left), top), (round(left + wide), bottom), colour.tolist(), -1)
            left += wide
