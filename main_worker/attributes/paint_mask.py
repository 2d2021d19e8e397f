"""Which pixels of a vehicle picture are likely to be body paint, and how they look in even light. Pure.

Nobody hands this module the vehicle's outline, so paint is a matter of weights: pixels count by how near they lie to
where a vehicle's flanks, bonnet and doors are within its box; edges (grilles, wheels, lettering) and burnt-out lamps
and glints count less. The colour of the light is estimated from the road, which is grey, and taken out in part.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.types import SnapshotImage
from video_analysis.worker_utils.imaging.snapshot_image import LETTERBOX_GREY

Floats = NDArray[np.float32]

WORK_PX = 160
"""The content's long side while colours are read: JPEG noise averages out, and a car's flank is still 30 px high."""
BAR_TOLERANCE = 6
"""How far JPEG moves the bars' grey."""
BAR_SHARE = 0.97
LEAST_PX = 16
LEAST_CONTRAST = 3.0
"""Standard deviation in 8-bit steps between blocks of the picture; less is a blank picture."""
LEAST_STRUCTURE = 0.3
"""Of the contrast that is left between blocks of 8×8 px; of pure noise an eighth is, of vehicles over half."""
PLACES = {"Motorcycle": (0.60, 0.16, 0.08), "Utility": (0.60, 0.24, 0.17), "LightTruck": (0.62, 0.24, 0.17),
          "CarouselBus": (0.62, 0.26, 0.20), "E-Jeepney": (0.60, 0.24, 0.20)}  # fmt: skip
PLACE = (0.55, 0.24, 0.20)
"""Where paint lies within the content: how far down its middle is, and its spread across and down, as shares of width
and height. Riders, loads and windows lie higher."""
RING = 0.06
"""The outermost share of the content, where the road is."""
BINS = (21, 17, 17)
BIN_STEPS, BIN_ZERO = (5.0, 7.0, 7.0), (0.0, 8.5, 8.5)
"""How colours are told apart when vehicle and road are compared: L*, a* and b* in steps, 0 in the middle of a bin."""
ZERO = np.array([16, 0, 0], np.float32)
NIGHT_ROAD, LAMPLIT_ROAD, NIGHT_BRIGHT = 27.0, 42.0, 66.0
"""L* of a road by night, of one under yellow lamps, and what nineteen twentieths of a night picture stay below."""
BRIGHT, MOST_GAIN = 85.0, 1.6
"""Which lightness those come to, and by how much at most."""
EVEN_ROAD = 12.0
MOST_CAST = 14.0
"""CIELAB chroma of the strongest light that is taken out; a road that is more colourful is no road."""


@dataclass(frozen=True, slots=True, eq=False)
class Paint:
    """The content's pixels as flat arrays, CIELAB in cylinder form, with the weight of each as body paint (sum 1)."""

    lightness: Floats
    chroma: Floats
    hue: Floats
    """Degrees, 0 to 360."""
    weight: Floats


def read(picture: SnapshotImage, yolo_type: str | None = None) -> Paint | None:
    """The paint of a letterboxed picture (640×640×3 BGR); None where it shows nothing: blank, bars alone, or noise."""
    inside = content(picture)
    if inside is None or _shows_nothing(inside):
        return None
    lab = in_even_light(cv2.cvtColor(inside.astype(np.float32) / 255, cv2.COLOR_BGR2Lab))
    place = _place(lab.shape[0], lab.shape[1], yolo_type)
    weight = place * _apart_from_road(lab, place) * _smooth(lab[:, :, 0]) * _exposure_weight(lab[:, :, 0])
    lightness, a, b = (np.ascontiguousarray(lab[:, :, one]).ravel() for one in range(3))
    hue = np.degrees(np.arctan2(b, a)) % 360
    return Paint(lightness, np.hypot(a, b), hue.astype(np.float32), (weight / weight.sum()).ravel())


def content(picture: SnapshotImage) -> NDArray[np.uint8] | None:
    """What lies between the letterbox bars, its long side WORK_PX; None where there are only bars."""
    low, high = (np.full(3, LETTERBOX_GREY + off) for off in (-BAR_TOLERANCE, BAR_TOLERANCE))
    grey = cv2.inRange(picture, low, high)
    rows, columns = (
        np.flatnonzero(cv2.reduce(grey, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F) < 255 * BAR_SHARE) for axis in (1, 0)
    )
    if len(rows) < LEAST_PX or len(columns) < LEAST_PX:
        return None
    inside = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = inside.shape[:2]
    scale = WORK_PX / max(height, width)
    size = max(LEAST_PX, round(width * scale)), max(LEAST_PX, round(height * scale))
    return np.asarray(cv2.resize(inside, size, interpolation=cv2.INTER_AREA), np.uint8)


def _shows_nothing(inside: NDArray[np.uint8]) -> bool:
    """Whether there is no structure larger than a block: a blank picture, or noise."""
    height, width = inside.shape[:2]
    grey = cv2.cvtColor(inside, cv2.COLOR_BGR2GRAY)
    blocks = cv2.resize(grey, (max(2, width // 8), max(2, height // 8)), interpolation=cv2.INTER_AREA)
    contrast = float(blocks.std())
    return contrast < LEAST_CONTRAST or contrast < LEAST_STRUCTURE * float(grey.std())


def in_even_light(lab: Floats) -> Floats:
    """The picture with the road's tint taken out, and brightened by night.

    The tint goes mostly along the blue-yellow axis, on which daylight and lamps differ. Brightening scales L* + 16,
    a, b: what a change of exposure does to CIELAB but for the darkest tones.
    """
    ring = _ring(lab)
    road, tint_a, tint_b = (float(np.median(ring[:, one])) for one in range(3))
    spread = float(np.median(np.abs(ring - np.array([road, tint_a, tint_b], np.float32)), axis=0)[[0, 2]].max())
    if np.hypot(tint_a, tint_b) <= MOST_CAST and spread <= EVEN_ROAD:
        share = np.clip((lab[:, :, :1] + 16) / (road + 16), 0, 2.6)
        lab = lab - share * np.array([0, 0.3 * tint_a, np.sign(tint_b) * max(0.0, abs(tint_b) - 1)], np.float32)
    bright = float(np.percentile(lab[:, :, 0], 95))
    if bright >= NIGHT_BRIGHT or road >= (LAMPLIT_ROAD if tint_b > 1 else NIGHT_ROAD):
        return np.asarray(lab, np.float32)
    gain = np.float32(min(MOST_GAIN, (BRIGHT + 16) / (bright + 16)))
    return np.asarray((lab + ZERO) * gain - ZERO, np.float32)


def _ring(lab: Floats) -> Floats:
    """The content's pixels at its left, right and lower edges, N×3."""
    edge, half = _rim(lab), lab.shape[0] // 2
    return np.concatenate([one.reshape(-1, 3) for one in (lab[-edge:], lab[half:, :edge], lab[half:, -edge:])])


def _rim(picture: Floats) -> int:
    return max(2, round(RING * max(picture.shape[:2])))


def _place(height: int, width: int, yolo_type: str | None) -> Floats:
    """How likely paint is at each pixel from its place alone, H×W, 0 to 1."""
    middle, wide, high = PLACES.get(yolo_type or "", PLACE)
    x = (np.arange(width, dtype=np.float32) + 0.5) / width
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    across, down = np.exp(-0.5 * ((x - 0.5) / wide) ** 2), np.exp(-0.5 * ((y - middle) / high) ** 2)
    return np.asarray(down[:, None] * across[None, :], np.float32)


def _apart_from_road(lab: Floats, place: Floats) -> Floats:
    """Less weight for colours that are commoner at the content's edge than in its middle, H×W, 0 to 1."""
    bins = np.clip(lab / BIN_STEPS + BIN_ZERO, 0, np.array(BINS) - 1).astype(np.int64)
    index = (bins[:, :, 0] * BINS[1] + bins[:, :, 1]) * BINS[2] + bins[:, :, 2]
    edge = np.ones(place.shape, np.float32)
    rim = _rim(place)
    edge[rim:-rim, rim:-rim] = 0
    outside, inside = (_density(index, weight) for weight in (edge, place))
    return np.asarray(((inside + 1e-5) / (inside + outside + 1e-5))[index], np.float32)


def _density(index: NDArray[np.int64], weight: Floats) -> Floats:
    counts = np.bincount(index.ravel(), weight.ravel(), BINS[0] * BINS[1] * BINS[2]).reshape(BINS)
    for axis in range(3):
        padded = np.concatenate([np.take(counts, [0], axis), counts, np.take(counts, [-1], axis)], axis)
        size = counts.shape[axis]
        before, middle, after = (np.take(padded, np.arange(size) + shift, axis) for shift in range(3))
        counts = before / 4 + middle / 2 + after / 4
    return np.asarray(counts.ravel() / counts.sum(), np.float32)


def _smooth(lightness: Floats) -> Floats:
    """Sheet metal is smooth: less weight where lightness changes fast, H×W."""
    across, down = cv2.Sobel(lightness, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(lightness, cv2.CV_32F, 0, 1) / 8
    steep = np.hypot(across, down)
    return np.asarray(1 / (1 + (steep / 6) ** 2), np.float32)


def _exposure_weight(lightness: Floats) -> Floats:
    """Less weight for what is at the sensor's limit, H×W."""
    return np.asarray(np.clip((101 - lightness) / 4, 0.25, 1), np.float32)
