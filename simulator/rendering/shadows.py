"""How vehicles change the light on the road: cast shadows, the dark under each body, beams of head lamps.

All of it goes into one small gain picture (64 is unchanged) that the backdrop is multiplied by.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.geometry import Camera, Floats
from video_analysis.simulator.rendering.glow import beam
from video_analysis.simulator.rendering.lighting import Daylight
from video_analysis.simulator.vehicles.vehicle import Vehicle

UNIT = 64
SHRINK = 4
HIGHEST_SHADOW_M = 3.4
FARTHEST_SHADOW_M = 70.0


def darken(frame: NDArray[np.uint8], vehicles: list[Vehicle], camera: Camera, light: Daylight) -> NDArray[np.uint8]:
    """The backdrop with the vehicles' shadows and beams on its road."""
    gain = np.full((-(-camera.height_px // SHRINK), -(-camera.width_px // SHRINK)), UNIT, np.uint8)
    near = [one for one in vehicles if abs(one.x - camera.position[0]) < FARTHEST_SHADOW_M]
    for one in near:
        _cast(gain, one, camera, light)
    gain = cv2.GaussianBlur(gain, (0, 0), 0.8 if light.weather == "clear" and light.light == "day" else 2.4)
    if light.lamps_on and light.light != "day":
        _beams(gain, near, camera, light)
    for one in vehicles:
        _under(gain, one, camera)
    gain = cv2.GaussianBlur(gain, (0, 0), 0.6)
    size = (gain.shape[1] * SHRINK, gain.shape[0] * SHRINK)
    whole = cv2.resize(gain, size, interpolation=cv2.INTER_LINEAR)[: camera.height_px, : camera.width_px]
    lit: NDArray[np.uint8] = cv2.multiply(frame, cv2.merge([whole] * 3), scale=1 / UNIT)
    return lit


def _cast(gain: NDArray[np.uint8], one: Vehicle, camera: Camera, light: Daylight) -> None:
    """The sun's shadow: the hull of the body's upper and lower outline thrown on the road."""
    outline = _outline(one)
    world = one.pose.to_world(outline)
    height = np.minimum(world[:, 2], HIGHEST_SHADOW_M)
    slope = light.sun[:2] / max(float(light.sun[2]), 0.3)
    thrown = np.column_stack([world[:, :2] - height[:, None] * slope, np.zeros(len(world))]).astype(np.float32)
    _fill(gain, thrown, camera, int(UNIT * (1 - light.shadow) ** (1 / 2.2)))


def _under(gain: NDArray[np.uint8], one: Vehicle, camera: Camera) -> None:
    """The dark strip where hardly any sky reaches the road."""
    mesh = one.look.mesh
    half_x, half_y = (mesh.high[0] - mesh.low[0]) / 2 * 0.96, (mesh.high[1] - mesh.low[1]) / 2 * 0.86
    foot = np.array(
        [[half_x, half_y, 0], [half_x, -half_y, 0], [-half_x, -half_y, 0], [-half_x, half_y, 0]], np.float32
    )
    _fill(gain, one.pose.to_world(foot), camera, int(UNIT * (0.5 if one.look.model.type != "Motorcycle" else 0.75)))


def _outline(one: Vehicle) -> Floats:
    """Corners of the body and of its narrower roof, vehicle metres."""
    mesh = one.look.mesh
    (x0, y0, _), (x1, y1, z1) = mesh.low, mesh.high
    long = 0.72 if one.look.model.type in ("Car", "SUV", "Utility", "Motorcycle") else 0.97
    corners = [(x, y, z1 * 0.5) for x in (x0, x1) for y in (y0 * 0.88, y1 * 0.88)]
    corners += [(x, y, 0.0) for x in (x0, x1) for y in (y0 * 0.88, y1 * 0.88)]
    corners += [(x * long, y * 0.66, z1 * 0.97) for x in (x0, x1) for y in (y0, y1)]
    return np.array(corners, np.float32)


def _fill(gain: NDArray[np.uint8], ground: Floats, camera: Camera, value: int) -> None:
    pixels, depth = camera.project(ground)
    if depth.min() < 0.5:
        return
    hull = cv2.convexHull((pixels / SHRINK).astype(np.float32))
    cv2.fillConvexPoly(gain, np.round(hull * 16).astype(np.int32), value, cv2.LINE_AA, 4)


def _beams(gain: NDArray[np.uint8], vehicles: list[Vehicle], camera: Camera, light: Daylight) -> None:
    added = np.zeros_like(gain)
    for one in vehicles:
        _fill(added, beam(one.pose, one.length), camera, 26 if light.light == "dusk" else 70)
    cv2.add(gain, cv2.GaussianBlur(added, (0, 0), 3.5), gain)
