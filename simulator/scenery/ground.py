"""The ground of a scene, pixel by pixel: asphalt, markings, kerbs, pavements and what lies beyond. Linear light."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.geometry import Camera, Floats
from video_analysis.simulator.rendering.lighting import Daylight
from video_analysis.simulator.scenery.roadway import KERB_M, Roadway

Mask = NDArray[np.bool_]
TILE_PX = 512


def paint_ground(camera: Camera, road: Roadway, light: Daylight, rng: np.random.Generator) -> Floats:
    """H×W×3 BGR, linear, before exposure; NaN from the horizon up."""
    x, y = camera.ground()
    far = np.hypot(x - camera.position[0], y - camera.position[1])
    grain = _grain(rng, x, y, far)
    albedo = _beyond(road, x, y, grain)
    asphalt = (0.115 + 0.035 * grain) * _wear(road, y, rng)
    on_road = np.abs(y) < road.half_m
    albedo[on_road] = (asphalt[..., None] * np.array([1.02, 1.0, 0.98]))[on_road]
    for mask, colour in _markings(road, x, y, camera, far):
        faded = np.clip(0.72 + 0.25 * grain, 0.35, 1.0)[mask][:, None]
        albedo[mask] = albedo[mask] * (1 - faded) + np.array(colour) * faded
    lit = albedo * (light.sky + light.sun_colour * max(float(light.sun[2]), 0.0))
    if light.light == "night":
        lit *= road.lamp_light(x, y)[..., None]
    if light.weather == "rain":
        lit = _wet(lit, on_road, far, grain, camera, light)
    return lit.astype(np.float32)


def _grain(rng: np.random.Generator, x: Floats, y: Floats, far: Floats) -> Floats:
    """Roughness around 0, of standard deviation about 0.5, fading where a pixel spans more than the grain."""
    fine = rng.normal(0, 1, (TILE_PX, TILE_PX)).astype(np.float32)
    fine = cv2.GaussianBlur(fine, (0, 0), 1.0) * 2.2
    blots = np.tile(rng.normal(0, 1, (16, 16)).astype(np.float32), (3, 3))
    coarse = cv2.resize(blots, (TILE_PX * 3, TILE_PX * 3), interpolation=cv2.INTER_CUBIC)
    coarse = np.ascontiguousarray(coarse[TILE_PX : TILE_PX * 2, TILE_PX : TILE_PX * 2])
    near = _lookup(fine, x, y, 0.03) * np.clip(14 / np.maximum(far, 1), 0, 1)
    patches = _lookup(coarse, x * 0.4, y, 0.09)
    return np.nan_to_num(0.5 * near + 0.45 * patches)


def _lookup(tile: Floats, x: Floats, y: Floats, pixel_m: float) -> Floats:
    u = np.nan_to_num((x / pixel_m) % TILE_PX).astype(np.float32)
    v = np.nan_to_num((y / pixel_m) % TILE_PX).astype(np.float32)
    found: Floats = cv2.remap(tile, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return found


def _wear(road: Roadway, y: Floats, rng: np.random.Generator) -> Floats:
    """Wheel tracks polish the lanes a little lighter; gutters are darker."""
    across = (np.abs(y) - road.median_m / 2) / road.lane_m
    tracks = np.cos(2 * np.pi * (across - 0.25) * 2)
    gutter = np.clip((road.half_m - np.abs(y)) / 0.5, 0, 1)
    worn: Floats = (rng.uniform(0.8, 1.25) + 0.05 * tracks) * (0.75 + 0.25 * gutter)
    return worn


def _beyond(road: Roadway, x: Floats, y: Floats, grain: Floats) -> Floats:
    """Pavement slabs beside the road, and earth and grass behind them."""
    side = np.abs(y) - road.half_m
    slabs = 0.30 + 0.05 * grain
    joints = (np.abs((x % 1.2) - 0.6) > 0.57) | (np.abs((y % 0.9) - 0.45) > 0.42)
    slabs = np.where(joints, slabs * 0.8, slabs)[..., None] * np.array([0.92, 0.98, 1.04])
    grass = (0.09 + 0.035 * grain)[..., None] * np.array([0.55, 1.25, 0.85])
    albedo = np.where((side < road.pavement_m)[..., None], slabs, grass)
    stripe = np.where((x % 2.0 < 1.0) & road.striped_kerb, 0.05, 0.6 if road.striped_kerb else 0.38)
    kerb = (side >= 0) & (side < KERB_M)
    albedo = np.where(kerb[..., None], stripe[..., None] * np.ones(3), albedo)
    face = (side >= -0.06) & (side < 0.05)
    return np.where(face[..., None], 0.06, albedo)


def _markings(
    road: Roadway, x: Floats, y: Floats, camera: Camera, far: Floats
) -> list[tuple[Mask, tuple[float, float, float]]]:
    """Masks of painted lines with their colours; lines are never thinner than half a pixel."""
    white, yellow = (0.62, 0.63, 0.63), (0.07, 0.42, 0.60)
    least = np.nan_to_num(far / camera.focal_px * 0.35, nan=9.0)
    half_line = np.maximum(0.06, np.minimum(least, 0.12))
    masks: list[tuple[Mask, tuple[float, float, float]]] = []
    off = np.abs(y)
    for lane in range(1, road.lanes):
        line = np.abs(off - (road.median_m / 2 + lane * road.lane_m)) < half_line
        masks.append((line & (x % 9.0 < 3.0), white))
    masks.append((np.abs(off - (road.half_m - 0.3)) < half_line, white))
    if road.median_m:
        strip = off < road.median_m / 2
        stripe = x % 2.0 < 1.0
        masks += [
            (strip & stripe, (0.05, 0.05, 0.05)),
            (strip & ~stripe, white),
            (strip & (off < road.median_m / 2 - 0.22), (0.22, 0.26, 0.27)),
        ]
        masks.append((np.abs(off - road.median_m / 2 - 0.12) < half_line * 0.8, yellow))
    else:
        masks.append((np.abs(off - 0.12) < half_line * 0.8, yellow))
    if road.signal_x is not None:
        for direction, at in road.signal_x.items():
            own_side = (y * direction < 0) & (off < road.half_m - 0.3)
            masks.append((own_side & (np.abs(x - at) < 0.25), white))
    return masks


def _wet(lit: Floats, on_road: Mask, far: Floats, grain: Floats, camera: Camera, light: Daylight) -> Floats:
    """Rain darkens the ground and lays the sky's mirror image over it, stronger at grazing angles (Schlick)."""
    sine = camera.position[2] / np.sqrt(np.nan_to_num(far, nan=1e4) ** 2 + camera.position[2] ** 2)
    fresnel = (0.02 + 0.98 * (1 - sine) ** 5) * np.clip(0.5 + 0.5 * grain, 0.15, 1.0)
    mirror = (fresnel * np.where(on_road, 0.75, 0.3))[..., None] * light.horizon
    wet: Floats = lit * np.where(on_road, 0.55, 0.75)[..., None] + mirror
    return wet
