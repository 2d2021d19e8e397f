"""Still pictures that look like scenes, and mosaics of them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.types import Area, Image


def scene(width: int, height: int, seed: int = 0, brightness: int = 40) -> Image:
    """Surfaces of random levels from `brightness` to 215 above it, with soft texture."""
    random = np.random.default_rng(seed)
    small = random.integers(brightness, min(256, brightness + 216), (6, 8, 3)).astype(np.float32)
    surfaces = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    texture = cv2.GaussianBlur(random.normal(0, 12, (height, width, 3)).astype(np.float32), (3, 3), 0)
    return np.asarray(np.clip(surfaces + texture, brightness, 255), np.uint8)


def moving(width: int, height: int, count: int, seed: int = 0) -> list[Image]:
    """A scene in which a vehicle of one colour moves, with the noise of a sensor."""
    background, random = scene(width, height, seed), np.random.default_rng(seed)
    found = []
    for index in range(count):
        image = background.copy()
        left = (width - width // 4) * index // max(1, count - 1)
        image[height * 5 // 9 : height * 3 // 4, left : left + width // 4] = (40, 40, 200)
        noise = random.normal(0, 2, image.shape)
        found.append(np.clip(image + noise, 0, 255).astype(np.uint8))
    return found


def framed(image: Image, bars: tuple[int, int, int, int], colour: tuple[int, int, int] = (0, 0, 0)) -> Image:
    """The image between bars: left, top, right, bottom in px."""
    left, top, right, bottom = bars
    return np.asarray(cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=colour), np.uint8)


def tiles(layout: NDArray[np.int64], width: int, height: int) -> list[Area]:
    """The tile of each number of a layout, see `mosaic.Layout`."""
    cells = len(layout)
    found = []
    for number in np.unique(layout):
        ys, xs = np.nonzero(layout == number)
        x1, x2 = (round(width * at / cells) for at in (xs.min(), xs.max() + 1))
        y1, y2 = (round(height * at / cells) for at in (ys.min(), ys.max() + 1))
        found.append((x1, y1, x2, y2))
    return found
