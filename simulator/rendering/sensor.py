"""What lens, air and sensor do to a finished picture: rain, softness, noise, and the recorder's caption."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.lighting import Daylight

Picture = NDArray[np.uint8]
SPARE_PX = 96
FIELDS = 3
LEAN = -0.16


@dataclass(frozen=True, slots=True, eq=False)
class Sensor:
    """A scene's noise fields and its rain; made once, drawn from with each frame's own generator."""

    fields: tuple[NDArray[np.int8], ...]
    light: Daylight

    @staticmethod
    def of(light: Daylight, size: tuple[int, int], rng: np.random.Generator) -> Sensor:
        """Noise fields for frames of `size` (height, width)."""
        shape = (size[0] + SPARE_PX, size[1] + SPARE_PX)
        return Sensor(tuple(_field(rng, shape, light.noise) for _ in range(FIELDS)), light)

    def expose(self, frame: Picture, rng: np.random.Generator, origin: tuple[int, int] = (0, 0)) -> Picture:
        """Rain, softness and noise over a frame, or over the part of it that begins at `origin` (x, y)."""
        if self.light.weather == "rain":
            frame = _rain(frame, rng)
        if self.light.light != "day" or self.light.weather == "rain":
            frame = cv2.GaussianBlur(frame, (3, 3), 0.7)
        field = self.fields[int(rng.integers(FIELDS))]
        top, left = (int(value) for value in rng.integers(0, SPARE_PX, 2))
        top, left = top + origin[1], left + origin[0]
        height, width = frame.shape[:2]
        noise = field[top : top + height, left : left + width]
        noisy: Picture = cv2.add(frame, noise, dtype=cv2.CV_8U)
        return noisy


def caption(frame: Picture, text: str) -> None:
    """The recorder's own words in the upper right corner."""
    for colour, thick in (((20, 20, 20), 3), ((235, 235, 235), 1)):
        cv2.putText(frame, text, (frame.shape[1] - 330, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, thick, cv2.LINE_AA)


def _field(rng: np.random.Generator, shape: tuple[int, int], spread: float) -> NDArray[np.int8]:
    """Mostly grey noise, a little coloured, slightly blotched as cheap sensors make it."""
    grey = rng.normal(0, 1, shape).astype(np.float32)
    grey = grey * 0.75 + cv2.GaussianBlur(grey, (0, 0), 1.0) * 1.6
    colour = cv2.resize(rng.normal(0, 0.45, (shape[0] // 2, shape[1] // 2, 3)).astype(np.float32), (shape[1], shape[0]))
    field: NDArray[np.int8] = np.clip((grey[..., None] + colour) * spread, -120, 120).astype(np.int8)
    return field


def _rain(frame: Picture, rng: np.random.Generator) -> Picture:
    """Streaks of falling drops, near ones long, and a veil over all."""
    height, width = frame.shape[:2]
    layer = np.zeros((height, width), np.uint8)
    count = max(4, int(320 * height * width / (1280 * 720)))
    x, y = rng.uniform(0, width, count), rng.uniform(-30, height, count)
    long = rng.uniform(6, 34, count)
    lines = np.stack([np.column_stack([x, y]), np.column_stack([x + long * LEAN, y + long])], axis=1)
    cv2.polylines(layer, list(np.round(lines * 16).astype(np.int32)), False, 34, 1, cv2.LINE_AA, 4)
    wet: Picture = cv2.add(frame, cv2.merge([layer] * 3))
    return wet
