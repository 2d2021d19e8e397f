"""Random variations of a stored crop: another box, light, resolution, compression, and things in front. Pure."""

from __future__ import annotations

import cv2
import numpy as np

from video_analysis.training.reid.crops import MARGIN, STORED_PX
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.letterbox import encode_jpeg

BOX_ERROR, MOST_OUTWARD, MOST_INWARD = 0.05, MARGIN, 0.2
"""Standard deviation and limits of the error of each side of a box, as a share of the box."""
CUT, CUT_SHARES = 0.15, (0.15, 0.4)
"""How often a side is cut off, as by the edge of the frame or a neighbour's box, and how much of it."""
FLIP = 0.3
TILT = 0.05
COARSE, COARSE_PX = 0.5, (20, 72)
"""How often a crop has a lower resolution, and its side length then."""
BLUR, BLUR_PX = 0.25, (3, 9)
NOISE, NOISE_SIGMA = 0.4, 9.0
JPEG, JPEG_QUALITY = 0.4, (20, 75)
HIDDEN, HIDDEN_SHARES = 0.35, (0.15, 0.5)
"""How often another vehicle's crop covers a part, and how much of each side."""


def varied(rng: np.random.Generator, crop: Image, side_px: int, in_front: Image) -> Image:
    """A variation of a stored crop, side_px × side_px BGR; `in_front` is what may hide a part of it."""
    image = _boxed(rng, crop, side_px)
    if rng.random() < HIDDEN:
        image = _hidden(rng, image, in_front)
    image = _lit(rng, image)
    if rng.random() < BLUR:
        image = _blurred(rng, image)
    if rng.random() < COARSE:
        image = _coarse(rng, image)
    if rng.random() < NOISE:
        noise = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(1, NOISE_SIGMA))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < JPEG:
        data = encode_jpeg(image, int(rng.integers(*JPEG_QUALITY)))
        image = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    return image


def _boxed(rng: np.random.Generator, crop: Image, side_px: int) -> Image:
    """The part within a box that is a little off, tilted, sometimes cut or mirrored."""
    off = np.clip(rng.normal(0, BOX_ERROR, 4), -MOST_OUTWARD, MOST_INWARD)
    if rng.random() < CUT:
        off[int(rng.integers(4))] += rng.uniform(*CUT_SHARES)
    inner = STORED_PX / (1 + 2 * MARGIN)
    border = inner * MARGIN
    left, top = border + inner * off[0], border + inner * off[1]
    right, bottom = STORED_PX - border - inner * off[2], STORED_PX - border - inner * off[3]
    scale_x, scale_y = (right - left) / side_px, (bottom - top) / side_px
    tilt = float(rng.normal(0, TILT)) if rng.random() < 0.3 else 0.0
    middle = side_px / 2
    # inverse map: output pixel to crop pixel
    matrix = np.array([[scale_x, -tilt, left + tilt * middle], [tilt, scale_y, top - tilt * middle]])
    if rng.random() < FLIP:
        matrix[:, 2] += matrix[:, 0] * (side_px - 1)
        matrix[:, 0] *= -1
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(crop, matrix, (side_px, side_px), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def _hidden(rng: np.random.Generator, image: Image, in_front: Image) -> Image:
    """A part of another crop over one corner or side."""
    side = len(image)
    wide, high = (max(2, int(side * rng.uniform(*HIDDEN_SHARES))) for _ in range(2))
    if rng.random() < 0.3:
        wide, high = (side, high // 2 + 1) if rng.random() < 0.5 else (wide // 2 + 1, side)
    left = int(rng.choice([0, side - wide, rng.integers(side - wide + 1)]))
    top = int(rng.choice([0, side - high, side - high, rng.integers(side - high + 1)]))
    border = int(STORED_PX * MARGIN)
    piece = cv2.resize(in_front[border:-border, border:-border], (wide, high), interpolation=cv2.INTER_AREA)
    covered = image.copy()
    covered[top : top + high, left : left + wide] = piece
    return covered


def _lit(rng: np.random.Generator, image: Image) -> Image:
    """Another exposure, gamma and contrast; the colour moves only slightly, since it tells vehicles apart."""
    gain = np.exp(rng.normal(0, 0.18)) * np.exp(rng.normal(0, 0.025, 3))
    gamma, lift = np.exp(rng.normal(0, 0.18)), rng.normal(0, 8)
    values = (np.arange(256)[:, None] / 255) ** gamma * 255 * gain + lift
    lit = cv2.LUT(image, np.clip(values, 0, 255).astype(np.uint8)[:, None, :])
    if rng.random() < 0.3:
        grey = cv2.cvtColor(cv2.cvtColor(lit, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        share = float(rng.uniform(-0.2, 0.5))
        lit = cv2.addWeighted(lit, 1 - share, grey, share, 0)
    return np.asarray(lit, np.uint8)


def _blurred(rng: np.random.Generator, image: Image) -> Image:
    """Motion blur along x or y, or an unsharp lens."""
    size = int(rng.integers(*BLUR_PX))
    if rng.random() < 0.5:
        return np.asarray(cv2.blur(image, (size, 1) if rng.random() < 0.8 else (1, size)), np.uint8)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), size / 4), np.uint8)


def _coarse(rng: np.random.Generator, image: Image) -> Image:
    side = len(image)
    small = tuple(int(rng.integers(*COARSE_PX)) for _ in range(2))
    down = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(down, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)
