"""Finds the pixels of a snapshot that are likely body paint, and their colours in neutral light. Pure.

There is no outline of the vehicle, so every pixel has a weight. It is higher at the usual positions of body, bonnet
and doors, and lower at edges (grilles, wheels, lettering) and for overexposed lamps and reflections.
The colour of the light is estimated from the road, because roads are grey. It is partly removed from the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.types import SnapshotImage
from video_analysis.worker_utils.imaging.letterbox import content_box

Floats = NDArray[np.float32]

WORK_PX = 160
"""Long side of the content for colour reading: JPEG noise averages out, and the side of a car is still 30 px high."""
BAR_TOLERANCE = 6
"""Maximum deviation from the bars' grey, in 8-bit steps."""
BAR_SHARE = 0.97
MIN_SIZE_PX = 16
MIN_CONTRAST = 3.0
"""Standard deviation between blocks of the image, in 8-bit steps; a lower value means a blank image."""
MIN_STRUCTURE = 0.3
"""Minimum ratio of the contrast between blocks of 8×8 px to that between pixels: 1/8 for noise, > 1/2 for vehicles."""
PLACES = {"Motorcycle": (0.60, 0.16, 0.08), "Utility": (0.60, 0.24, 0.17), "LightTruck": (0.62, 0.24, 0.17),
          "CarouselBus": (0.62, 0.26, 0.20), "E-Jeepney": (0.60, 0.24, 0.20)}  # fmt: skip
PLACE = (0.55, 0.24, 0.20)
"""Position of the paint in the content: (vertical centre, horizontal spread, vertical spread), as shares of width and
height. Riders, loads and windows are higher up."""
BORDER = 0.06
"""Width of the border of the content, where the road is, as a share of its long side."""
BINS = (21, 17, 17)
BIN_STEPS, BIN_ZERO = (5.0, 7.0, 7.0), (0.0, 8.5, 8.5)
"""The histogram that compares vehicle and road: L*, a* and b* in steps; 0 is the centre of a bin."""
EXPOSURE_ORIGIN = np.array([16, 0, 0], np.float32)
NIGHT_ROAD, LAMPLIT_ROAD, NIGHT_P95 = 27.0, 42.0, 66.0
"""Maximum L* at night: of the road, of the road under yellow lamps, and of the 95th percentile of the image."""
TARGET_P95, MAX_GAIN = 85.0, 1.6
"""The L* to which the 95th percentile of a night image is brightened, and the maximum gain."""
MAX_ROAD_SPREAD = 12.0
MAX_CAST = 14.0
"""Maximum CIELAB chroma of a colour cast that is removed; a border of higher chroma is not taken as road."""


@dataclass(frozen=True, slots=True, eq=False)
class Paint:
    """The pixels of the content as flat arrays: CIELAB in cylindrical form, and the weight as body paint (sum 1)."""

    lightness: Floats
    chroma: Floats
    hue: Floats
    """Degrees, 0 to 360."""
    weight: Floats


def read(image: SnapshotImage, yolo_type: str | None = None) -> Paint | None:
    """The paint of a snapshot (640×640×3 BGR); None for a blank image, bars only, or noise."""
    inside = content(image)
    if inside is None or _is_blank_or_noise(inside):
        return None
    lab = in_neutral_light(cv2.cvtColor(inside.astype(np.float32) / 255, cv2.COLOR_BGR2Lab))
    prior = _position_prior(lab.shape[0], lab.shape[1], yolo_type)
    weight = prior * _road_weight(lab, prior) * _smoothness_weight(lab[:, :, 0]) * _exposure_weight(lab[:, :, 0])
    lightness, a, b = (np.ascontiguousarray(lab[:, :, channel]).ravel() for channel in range(3))
    hue = np.degrees(np.arctan2(b, a)) % 360
    return Paint(lightness, np.hypot(a, b), hue.astype(np.float32), (weight / weight.sum()).ravel())


def content(image: SnapshotImage) -> NDArray[np.uint8] | None:
    """The area between the letterbox bars, its long side scaled to WORK_PX; None if there are only bars."""
    box = content_box(image, BAR_TOLERANCE, BAR_SHARE, MIN_SIZE_PX)
    if box is None:
        return None
    left, top, right, bottom = box
    inside = image[top:bottom, left:right]
    height, width = inside.shape[:2]
    scale = WORK_PX / max(height, width)
    size = max(MIN_SIZE_PX, round(width * scale)), max(MIN_SIZE_PX, round(height * scale))
    return np.asarray(cv2.resize(inside, size, interpolation=cv2.INTER_AREA), np.uint8)


def _is_blank_or_noise(inside: NDArray[np.uint8]) -> bool:
    """Whether the image has no structure that is larger than a block."""
    height, width = inside.shape[:2]
    grey = cv2.cvtColor(inside, cv2.COLOR_BGR2GRAY)
    blocks = cv2.resize(grey, (max(2, width // 8), max(2, height // 8)), interpolation=cv2.INTER_AREA)
    contrast = float(blocks.std())
    return contrast < MIN_CONTRAST or contrast < MIN_STRUCTURE * float(grey.std())


def in_neutral_light(lab: Floats) -> Floats:
    """The image without the colour cast of the road, and brightened if it was taken at night.

    The cast is removed mainly along the blue-yellow axis, on which daylight and lamps differ. Brightening scales
    L* + 16, a and b, as a change of exposure does in CIELAB except for the darkest tones.
    """
    border = _border(lab)
    road, tint_a, tint_b = (float(np.median(border[:, channel])) for channel in range(3))
    spread = float(np.median(np.abs(border - np.array([road, tint_a, tint_b], np.float32)), axis=0)[[0, 2]].max())
    if np.hypot(tint_a, tint_b) <= MAX_CAST and spread <= MAX_ROAD_SPREAD:
        share = np.clip((lab[:, :, :1] + 16) / (road + 16), 0, 2.6)
        lab = lab - share * np.array([0, 0.3 * tint_a, np.sign(tint_b) * max(0.0, abs(tint_b) - 1)], np.float32)
    p95 = float(np.percentile(lab[:, :, 0], 95))
    if p95 >= NIGHT_P95 or road >= (LAMPLIT_ROAD if tint_b > 1 else NIGHT_ROAD):
        return np.asarray(lab, np.float32)
    gain = np.float32(min(MAX_GAIN, (TARGET_P95 + 16) / (p95 + 16)))
    return np.asarray((lab + EXPOSURE_ORIGIN) * gain - EXPOSURE_ORIGIN, np.float32)


def _border(lab: Floats) -> Floats:
    """The pixels at the lower edge and the lower half of the left and right edges, N×3."""
    edge, half = _border_px(lab), lab.shape[0] // 2
    return np.concatenate([one.reshape(-1, 3) for one in (lab[-edge:], lab[half:, :edge], lab[half:, -edge:])])


def _border_px(image: Floats) -> int:
    return max(2, round(BORDER * max(image.shape[:2])))


def _position_prior(height: int, width: int, yolo_type: str | None) -> Floats:
    """How likely each pixel is paint by its position alone, H×W, 0 to 1."""
    centre_y, spread_x, spread_y = PLACES.get(yolo_type or "", PLACE)
    x = (np.arange(width, dtype=np.float32) + 0.5) / width
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    across, down = np.exp(-0.5 * ((x - 0.5) / spread_x) ** 2), np.exp(-0.5 * ((y - centre_y) / spread_y) ** 2)
    return np.asarray(down[:, None] * across[None, :], np.float32)


def _road_weight(lab: Floats, prior: Floats) -> Floats:
    """Lower for colours that are more frequent at the border of the content than in its centre, H×W, 0 to 1."""
    bins = np.clip(lab / BIN_STEPS + BIN_ZERO, 0, np.array(BINS) - 1).astype(np.int64)
    index = (bins[:, :, 0] * BINS[1] + bins[:, :, 1]) * BINS[2] + bins[:, :, 2]
    border = np.ones(prior.shape, np.float32)
    width = _border_px(prior)
    border[width:-width, width:-width] = 0
    outside, inside = (_density(index, weight) for weight in (border, prior))
    return np.asarray(((inside + 1e-5) / (inside + outside + 1e-5))[index], np.float32)


def _density(index: NDArray[np.int64], weight: Floats) -> Floats:
    """The weighted histogram, smoothed along each axis with 1/4, 1/2, 1/4; sum 1."""
    counts = np.bincount(index.ravel(), weight.ravel(), BINS[0] * BINS[1] * BINS[2]).reshape(BINS)
    for axis in range(3):
        padded = np.concatenate([np.take(counts, [0], axis), counts, np.take(counts, [-1], axis)], axis)
        size = counts.shape[axis]
        before, middle, after = (np.take(padded, np.arange(size) + shift, axis) for shift in range(3))
        counts = before / 4 + middle / 2 + after / 4
    return np.asarray(counts.ravel() / counts.sum(), np.float32)


def _smoothness_weight(lightness: Floats) -> Floats:
    """Lower where the lightness changes quickly, since sheet metal is smooth, H×W."""
    across, down = cv2.Sobel(lightness, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(lightness, cv2.CV_32F, 0, 1) / 8
    gradient = np.hypot(across, down)
    return np.asarray(1 / (1 + (gradient / 6) ** 2), np.float32)


def _exposure_weight(lightness: Floats) -> Floats:
    """Lower for overexposed pixels, H×W."""
    return np.asarray(np.clip((101 - lightness) / 4, 0.25, 1), np.float32)
