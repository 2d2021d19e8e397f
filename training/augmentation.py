"""Random augmentation: order, position, size, light and compression. Pure."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.letterbox import encode_jpeg

CAMERA_PX = (40, 160)
"""Longer side, in px, of a vehicle as a camera far away sees it."""
CAMERA_JPEG = (20, 70)
CAMERA_NOISE = 9.0
"""Largest standard deviation of the noise of a pixel, in grey levels."""
Matrix = NDArray[np.float64]
Boxes = NDArray[np.float32]


def drawn(seed: int, number: int, count: int) -> int:
    """The index of the picture for sample `number`: a new permutation of all `count` pictures in every epoch."""
    return int(_order(seed, number // count, count)[number % count])


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, 61, epoch)).permutation(count)


def moved(boxes: Boxes, matrix: Matrix, canvas: tuple[int, int]) -> tuple[Boxes, NDArray[np.float64]]:
    """N×4 corner boxes under `matrix`, clipped to the canvas, and which share of each is left."""
    across = (boxes[:, [0, 2]] - 0.5) * matrix[0, 0] + matrix[0, 2] + 0.5
    down = (boxes[:, [1, 3]] - 0.5) * matrix[1, 1] + matrix[1, 2] + 0.5
    across.sort(axis=1)
    whole = (across[:, 1] - across[:, 0]) * (down[:, 1] - down[:, 0])
    across, down = across.clip(0, canvas[1]), down.clip(0, canvas[0])
    left = (across[:, 1] - across[:, 0]) * (down[:, 1] - down[:, 0])
    corners = np.stack([across[:, 0], down[:, 0], across[:, 1], down[:, 1]], axis=1).astype(np.float32)
    return corners, left / np.maximum(whole, 1e-6)


def relit(rng: np.random.Generator, image: Image) -> Image:
    """Another exposure, contrast, white balance and, sometimes, no colour at all."""
    gain = np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.04, 3))
    lift, gamma = rng.normal(0, 8), np.exp(rng.normal(0, 0.12))
    values = (np.arange(256)[:, None] / 255) ** gamma * 255 * gain + lift
    table = np.clip(values, 0, 255).astype(np.uint8)
    lit = cv2.LUT(image, table[:, None, :])
    if rng.random() < 0.05:
        lit = cv2.cvtColor(cv2.cvtColor(lit, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return np.asarray(lit, np.uint8)


def degraded(rng: np.random.Generator, image: Image) -> Image:
    """What a camera and its codec lose: sometimes sharpness, resolution, detail in the dark, or all of them."""
    if rng.random() < 0.15:
        length = int(rng.integers(2, 6))
        kernel = np.full((1, length), 1 / length) if rng.random() < 0.5 else np.full((length, 1), 1 / length)
        image = np.asarray(cv2.filter2D(image, -1, kernel), np.uint8)
    if rng.random() < 0.25:
        image = _coarsened(rng, image)
    if rng.random() < 0.15:
        image = _darkened(rng, image)
    if rng.random() < 0.3:
        image = _recompressed(image, int(rng.integers(20, 75)))
    return image


def _recompressed(image: Image, quality: int) -> Image:
    """What is left of the picture in a JPEG of this quality."""
    packed = np.frombuffer(encode_jpeg(image, quality), np.uint8)
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def _coarsened(rng: np.random.Generator, image: Image) -> Image:
    """The same size, from fewer pixels."""
    height, width = image.shape[:2]
    scale = float(rng.uniform(0.4, 0.9))
    small = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _darkened(rng: np.random.Generator, image: Image) -> Image:
    """Less light, with the noise of the sensor."""
    noise = rng.normal(0, rng.uniform(2, 10), (*image.shape[:2], 1))
    return np.asarray(np.clip(image * rng.uniform(0.35, 0.8) + noise, 0, 255), np.uint8)


def worn(rng: np.random.Generator, crop: Image) -> Image:
    """A random variation of a vehicle's crop: slightly trimmed, sometimes of lower resolution or more compressed.

    Every second one is mirrored.
    """
    height, width = crop.shape[:2]
    top, left, bottom, right = (rng.random(4) * 0.06 * [height, width, height, width]).astype(int)
    crop = crop[top : height - bottom, left : width - right]
    if rng.random() < 0.5:
        crop = np.asarray(cv2.flip(crop, 1), np.uint8)
    if rng.random() < 0.3:
        scale = float(rng.uniform(0.5, 1.0))
        size = (max(16, round(crop.shape[1] * scale)), max(16, round(crop.shape[0] * scale)))
        crop = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)
    if rng.random() < 0.3:
        crop = _recompressed(crop, int(rng.integers(25, 70)))
    return crop


def tilted(rng: np.random.Generator, crop: Image) -> Image:
    """The crop as a camera of another height and angle sees it: turned by up to 12°, and stretched."""
    height, width = crop.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-12, 12)), 1.0)
    turned = cv2.warpAffine(crop, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    stretch = float(np.exp(rng.uniform(-0.2, 0.2)))
    return np.asarray(cv2.resize(turned, (max(8, round(width * stretch)), height)), np.uint8)


def camera_degraded(rng: np.random.Generator, crop: Image) -> Image:
    """The crop as a cheap camera records it: fewer pixels, blurred, with noise, under another light, compressed."""
    longest = float(np.exp(rng.uniform(*np.log(CAMERA_PX))))
    scale = min(1.0, longest / max(crop.shape[:2]))
    size = (max(8, round(crop.shape[1] * scale)), max(8, round(crop.shape[0] * scale)))
    seen = relit(rng, np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8))
    if rng.random() < 0.5:
        seen = np.asarray(cv2.filter2D(seen, -1, _motion(rng)), np.uint8)
    sigma = rng.uniform(0, CAMERA_NOISE) if rng.random() < 0.5 else 0.0
    noisy = np.clip(seen + rng.normal(0, sigma + 1e-6, seen.shape), 0, 255).astype(np.uint8)
    return _recompressed(noisy, int(rng.integers(*CAMERA_JPEG)))


def _motion(rng: np.random.Generator) -> NDArray[np.float32]:
    """A kernel of 3×3 or 5×5 px that blurs along one direction."""
    side = int(rng.choice([3, 5]))
    kernel = np.zeros((side, side), np.float32)
    kernel[side // 2] = 1 / side
    turn = cv2.getRotationMatrix2D((side // 2, side // 2), float(rng.uniform(0, 180)), 1.0)
    turned = cv2.warpAffine(kernel, turn, (side, side))
    return np.asarray(turned / max(float(turned.sum()), 1e-6), np.float32)
