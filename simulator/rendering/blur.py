"""Motion blur: a vehicle's picture spread along the way it moves while the shutter is open."""

from __future__ import annotations

import cv2
import numpy as np

from video_analysis.simulator.rendering.geometry import Camera, Pose
from video_analysis.simulator.rendering.raster import Sprite

LEAST_PX = 1.2
LONGEST_PX = 40.0


def smear(sprite: Sprite, camera: Camera, pose: Pose, speed_m_s: float, shutter_s: float) -> Sprite:
    """The sprite as an open shutter sees it; itself, where it moves by less than LEAST_PX."""
    way = pose.rotation()[:, 0] * speed_m_s * shutter_s / 2
    middle = np.array([pose.x_m, pose.y_m, 0.7], np.float32)
    ends, _ = camera.project(np.stack([middle - way, middle + way]))
    shift = (ends[1] - ends[0]).astype(np.float64)
    length = float(np.hypot(*shift))
    if length < LEAST_PX:
        return sprite
    shift *= min(length, LONGEST_PX) / length
    steps = int(np.clip(np.ceil(min(length, LONGEST_PX) / 2.5), 2, 8))
    margin = int(np.ceil(np.abs(shift).max() / 2)) + 1
    whole = cv2.copyMakeBorder(
        cv2.merge([*cv2.split(sprite.colour), sprite.coverage]), margin, margin, margin, margin, cv2.BORDER_REPLICATE
    )
    total = np.zeros_like(whole)
    for step in range(steps):
        dx, dy = (round(float(value) * ((step + 0.5) / steps - 0.5)) for value in shift)
        total[_from(dy), _from(dx)] += whole[_from(-dy), _from(-dx)]
    total /= steps
    return _clipped(Sprite(sprite.left - margin, sprite.top - margin, total[..., :3], total[..., 3]), camera)


def _from(shift: int) -> slice:
    return slice(max(shift, 0), min(shift, 0) or None)


def _clipped(sprite: Sprite, camera: Camera) -> Sprite:
    height, width = sprite.coverage.shape
    left, top = max(0, -sprite.left), max(0, -sprite.top)
    right, bottom = min(width, camera.width_px - sprite.left), min(height, camera.height_px - sprite.top)
    cut = (slice(top, bottom), slice(left, right))
    return Sprite(sprite.left + left, sprite.top + top, sprite.colour[cut], sprite.coverage[cut])
