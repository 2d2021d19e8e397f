"""Rows of houses and walls on both sides of a road, laid into the backdrop in perspective."""

from __future__ import annotations

import cv2
import numpy as np

from video_analysis.simulator.rendering.geometry import Camera, Floats
from video_analysis.simulator.rendering.lighting import Daylight, haze, tone
from video_analysis.simulator.scenery.roadway import Roadway
from video_analysis.simulator.vehicles.cladding import facade, fence

NEAR_M = 1.5


def build_houses(shown: Floats, camera: Camera, road: Roadway, light: Daylight, rng: np.random.Generator) -> None:
    """Rows of houses and walls on both sides, far ones first; none between the camera and the road."""
    rows: list[tuple[float, float, float, float, float]] = []
    for side in (1, -1):
        front = road.half_m + road.pavement_m + rng.uniform(0.2, 1.5)
        x = -50.0
        while x < 190:
            width = float(rng.uniform(6, 17))
            setback = float(rng.uniform(0, 2.5))
            rows.append((x, width, side * (front + setback), float(rng.choice([4.0, 6.8, 9.9, 13.0])), rng.random()))
            x += width + float(rng.choice([0.0, 0.0, 1.5, 4.0]))
    rows.sort(key=lambda row: -np.hypot(row[0] + row[1] / 2 - camera.position[0], row[2] - camera.position[1]))
    for x, width, y, height, draw in rows:
        if abs(y) < abs(camera.position[1]) + 0.8 and y * camera.position[1] > 0:
            continue
        lit = 0.45 if light.light == "night" else 0.2 if light.light == "dusk" else 0.0
        if draw < 0.25:
            low = float(rng.uniform(1.8, 2.6))
            _block(shown, camera, light, road, (x, width, y, low), *fence(rng, width, low))
        else:
            _block(shown, camera, light, road, (x, width, y, height), *facade(rng, width, height, lit))


def _block(
    shown: Floats,
    camera: Camera,
    light: Daylight,
    road: Roadway,
    place: tuple[float, float, float, float],
    picture: Floats,
    glow: Floats,
) -> None:
    """One house: the end that faces the camera, the roof where it is seen, then the front."""
    x, width, y, height = place
    way = 1.0 if y > 0 else -1.0
    deep = y + way * 8.0
    sunlit = max(0.0, float(-way * light.sun[1]))
    lamps = (
        float(road.lamp_light(np.array([x + width / 2]), np.array([road.half_m * way]))[0])
        if light.light == "night"
        else 1.0
    )
    wall = np.full_like(picture[:4, :4], float(picture.mean()))
    end_sun = max(0.0, -float(light.sun[0]))
    end = np.array([[x, deep, height], [x, y, height], [x, y, 0], [x, deep, 0]], np.float32)
    _quad(shown, camera, light, end, wall * (light.sky * 0.7 + light.sun_colour * end_sun) * lamps)
    if camera.position[2] > height:
        roof = np.array(
            [[x, deep, height], [x + width, deep, height], [x + width, y, height], [x, y, height]], np.float32
        )
        _quad(shown, camera, light, roof, wall * 0.7 * (light.sky + light.sun_colour * light.sun[2]) * lamps)
    front = np.array([[x, y, height], [x + width, y, height], [x + width, y, 0], [x, y, 0]], np.float32)
    if way < 0:
        front = front[[1, 0, 3, 2]]
    _quad(shown, camera, light, front, picture * (light.sky * 0.75 + light.sun_colour * sunlit) * lamps + glow)


def _quad(shown: Floats, camera: Camera, light: Daylight, corners: Floats, linear: Floats) -> None:
    """Lay a picture over a rectangle in space, cut off in front of the camera."""
    corners, linear = _clipped(camera, corners, linear)
    pixels, depth = camera.project(corners)
    low, high = np.floor(pixels.min(axis=0)).astype(int), np.ceil(pixels.max(axis=0)).astype(int)
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), camera.width_px), min(int(high[1]), camera.height_px)
    if depth.min() < NEAR_M * 0.9 or right - left < 2 or bottom - top < 2:
        return
    ahead = np.cross(pixels[1] - pixels[0], pixels[3] - pixels[0])
    if ahead < 0 and len(linear) > 8:
        return
    picture = haze(tone(linear * light.exposure), light, float(depth.mean()))
    tall = float(np.abs(pixels[0, 1] - pixels[3, 1]))
    share = min(1.0, max(tall, 4.0) / picture.shape[0])
    if share < 0.9:
        picture = cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    rows, columns = picture.shape[:2]
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, (pixels - [left, top]).astype(np.float32))
    size = (right - left, bottom - top)
    laid = cv2.warpPerspective(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(mask, np.round((pixels - [left, top]) * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    cover = (mask / 255).astype(np.float32)[..., None]
    region = shown[top:bottom, left:right]
    region += (laid - region) * cover


def _clipped(camera: Camera, corners: Floats, linear: Floats) -> tuple[Floats, Floats]:
    """Shorten a rectangle from the side that lies behind the camera."""
    _, depth = camera.project(corners)
    for near, far in ((0, 1), (1, 0)):
        if depth[near] < NEAR_M < depth[far]:
            share = float((NEAR_M - depth[near]) / (depth[far] - depth[near]))
            moved = corners.copy()
            low_near, low_far = (3, 2) if near == 0 else (2, 3)
            moved[near] += (corners[far] - corners[near]) * share
            moved[low_near] += (corners[low_far] - corners[low_near]) * share
            cut = int(linear.shape[1] * share)
            kept = linear[:, cut:] if near == 0 else linear[:, : linear.shape[1] - cut]
            return moved, kept if kept.shape[1] else linear
    return corners, linear
